//! Of writes in flight, of queued references and of new extents.

use super::{Change, change};

const ORDERED: &str = "src/ordered_extent.rs";
const QUEUE: &str = "src/delayed_ref.rs";
const NEW: &str = "src/new_extent.rs";
const INDEX: &str = "src/reference_index.rs";

pub const CHANGES: &[Change] = &[
    change(
        ORDERED,
        "a wait takes the number of the shard that was looked at last",
        "X2: a wait is for what it counted, in each shard",
        "let over = self.shards.get(index).wait_until(|slab| slab.end_wait(tickets[index]));",
        "let over = self.shards.get(index).wait_until(|slab| slab.end_wait(tickets[0]));",
    ),
    change(
        ORDERED,
        "a wait leaves out the last shard",
        "X2: a wait counts every extent of its range that is there",
        "for (index, shard) in self.shards.iter().enumerate() {",
        "for (index, shard) in self.shards.iter().enumerate().take(self.shards.len().saturating_sub(1).max(1)) {",
    ),
    change(
        ORDERED,
        "a wait ends after the first shard",
        "X2: a wait counts every extent of its range that is there",
        "(waited.count, waited.failed) = (waited.count + over.count, waited.failed + over.failed);\n        }",
        "(waited.count, waited.failed) = (waited.count + over.count, waited.failed + over.failed);\n            break;\n        }",
    ),
    change(
        ORDERED,
        "only the first of two waits in a shard is counted down",
        "X2: each wait is counted down by what it has counted",
        "for wait in slab.waits_mut().filter(|wait| wait.has_counted(slot)) {",
        "for wait in slab.waits_mut().filter(|wait| wait.has_counted(slot)).take(1) {",
    ),
    change(
        ORDERED,
        "only the last of two waits in a shard is counted down",
        "X2: each wait is counted down by what it has counted",
        "for wait in slab.waits_mut().filter(|wait| wait.has_counted(slot)) {",
        "for wait in slab.waits_mut().filter(|wait| wait.has_counted(slot)).last() {",
    ),
    change(
        ORDERED,
        "the last wait that is counted down says whether one is over",
        "X3: a wait that is over is woken",
        "is_over |= wait.pending == 0;",
        "is_over = wait.pending == 0;",
    ),
    change(
        ORDERED,
        "a wait that is over takes the others of its shard along",
        "X2: each wait is over for itself",
        "if waits.is_empty() {\n            self.waits = None;\n        }",
        "self.waits = None;",
    ),
    change(
        ORDERED,
        "a wait ends for the first that is over in its shard",
        "X2: each wait is over for itself",
        "wait.ticket == ticket && wait.pending == 0",
        "wait.pending == 0 && (wait.ticket == ticket || true)",
    ),
    change(
        ORDERED,
        "a wait has the number of the next extent but one",
        "X2: what is added after a wait began is not waited for",
        "before: self.next_sequence, pending, waited }",
        "before: self.next_sequence + 1, pending, waited }",
    ),
    change(
        ORDERED,
        "a part of a split has a number of its own",
        "X5: a wait that had counted the whole counts its parts",
        "let halves = [first, rest].map(|half| Slot::live(half, whole.sequence));",
        "let halves = [Slot::live(first, whole.sequence), Slot::live(rest, self.next_sequence)];
        self.next_sequence += 1;",
    ),
    change(
        ORDERED,
        "a split takes the first part's place for both",
        "X5: both parts are in flight",
        "self.slots[index] = halves[0];\n        self.place(halves[1])",
        "self.slots[index] = halves[1];\n        self.place(halves[0])",
    ),
    change(
        ORDERED,
        "an extent is removed after its end is counted down",
        "X1: an entry is in its shard until its handle is finished",
        "self.owner.take().map(|owner| Self { owner: Some(owner), extent, place })",
        "self.owner.take().map(|owner| Self { owner: Some(owner), extent, place: Place { shard: 0, ..place } })",
    ),
    change(
        QUEUE,
        "a drain takes one shard after the other",
        "D4: a drain is a cut",
        "let mut shards: Vec<_> = self.shards.iter().map(Mutex::lock).collect();
        at_the_cut();
        taken.extend(shards.iter_mut().map(|pending| pending.take()));
        drop(shards);",
        "at_the_cut();
        taken.extend(self.shards.iter().map(|shard| shard.lock().take()));",
    ),
    change(
        QUEUE,
        "a drain leaves out the last shard",
        "D2: a drain takes all that was queued before it",
        "taken.extend(shards.iter_mut().map(|pending| pending.take()));",
        "let most = shards.len().saturating_sub(1).max(1);
        taken.extend(shards.iter_mut().take(most).map(|pending| pending.take()));",
    ),
    change(
        QUEUE,
        "a drain forgets whole chunks",
        "D1: each ref is in one place",
        "flat_map(|(singles, chunks)| chunks.into_iter().chain([singles]));",
        "flat_map(|(singles, chunks)| chunks.into_iter().take(0).chain([singles]));",
    ),
    change(
        QUEUE,
        "a seal leaves out shard 0",
        "C5: once aborted, every push fails",
        "self.shards.iter().for_each(|shard| shard.lock().is_sealed = true);",
        "self.shards.iter().skip(1).for_each(|shard| shard.lock().is_sealed = true);",
    ),
    change(
        QUEUE,
        "what is queued is looked for in shard 0 alone",
        "K1: the references of an extent are those in the tree and in the index",
        "for shard in self.shards.iter() {\n            let new = shard.lock().absorb();",
        "for shard in self.shards.iter().take(1) {\n            let new = shard.lock().absorb();",
    ),
    change(
        NEW,
        "a reservation ends before the ordered extent is added",
        "V1: the ordered extent is added before the reservation ends",
        "let ordered = in_flight.add(reservation.extent());
        let new = Self { group: reservation.group(), ordered };
        reservation.hand_over();
        new",
        "let group = reservation.group();
        let ordered = in_flight.add(reservation.hand_over());
        Self { group, ordered }",
    ),
    change(
        NEW,
        "an ordered extent is finished before its metadata is queued",
        "V3: the reference is queued before the ordered extent is finished",
        "if let Err(error) = queue(extent) {
            give_up(self.group, ordered);
            return Err(error);
        }
        // V3: after the metadata was queued.
        ordered.finish();
        Ok(extent)",
        "ordered.finish();
        if let Err(error) = queue(extent) {
            self.group.give_back(extent);
            return Err(error);
        }
        Ok(extent)",
    ),
    change(
        NEW,
        "space is given back before its ordered extent has failed",
        "a thread that is given the space next finds no write there",
        "let _space = Unreferenced { group, extent: ordered.extent() };\n    ordered.fail();",
        "drop(Unreferenced { group, extent: ordered.extent() });\n    ordered.fail();",
    ),
    change(
        NEW,
        "of several extents the first is finished before their metadata is queued",
        "V3: the reference is queued before the ordered extent is finished",
        "let writes: Vec<_> = all.into_iter().filter_map(Self::into_parts).collect();
        if let Err(error) = queue(&extents) {",
        "let mut writes: Vec<_> = all.into_iter().filter_map(Self::into_parts).collect();
        writes.remove(0).1.finish();
        if let Err(error) = queue(&extents) {",
    ),
    change(
        NEW,
        "the space of several extents is given back before their ordered extents have failed",
        "a thread that is given the space next finds no write there",
        "for (_, ordered) in writes {
                ordered.fail();
            }
            drop(spaces);",
        "drop(spaces);
            for (_, ordered) in writes {
                ordered.fail();
            }",
    ),
    change(
        INDEX,
        "what a batch drops may be split by a later batch",
        "K2: a batch may split what it drops, and nothing else",
        "dropped.iter().any(|whole| whole.contains(&extent))",
        "dropped.iter().any(|whole| whole.overlaps(&extent))",
    ),
    change(
        INDEX,
        "a batch that fails keeps its first change",
        "K2: all of a batch or nothing",
        "self.undo(&refs[..index]);",
        "self.undo(&refs[index.min(1)..index]);",
    ),
];
