//! Of the volume: its writes, its replace, its books.

use super::{Change, change};

const WRITE: &str = "src/volume/write.rs";
const REPLACE: &str = "src/volume/device_replace.rs";
const TARGET: &str = "src/volume/target.rs";
const STORAGE: &str = "src/volume/storage.rs";
const WRITE_ALL: &str = "src/volume/write_all.rs";
const VOLUME: &str = "src/volume/mod.rs";
const FREEZE: &str = "src/volume/freeze.rs";
const SNAPSHOT: &str = "src/volume/snapshot.rs";

pub const CHANGES: &[Change] = &[
    change(
        WRITE,
        "an in-place write adds its ordered extent to group 0's tracker",
        "V1, R2: the drain of a group waits for the writes to it",
        "let ordered = group.ordered.add(extent);",
        "let ordered = self.groups()[0].ordered.add(extent);",
    ),
    change(
        WRITE,
        "a COW write adds its ordered extent to group 0's tracker",
        "V1, R2: the drain of a group waits for the writes to it",
        "NewExtent::begin(reservation, &group.ordered)",
        "NewExtent::begin(reservation, &self.groups()[0].ordered)",
    ),
    change(
        WRITE,
        "an in-place write is admitted by group 0",
        "V1, R2: the drain of a group waits for the writes to it",
        "let admission = group.block_group.begin_nocow()?;",
        "let admission = self.groups()[0].block_group.begin_nocow()?;",
    ),
    change(
        WRITE,
        "an in-place write ends its admission before it adds its ordered extent",
        "V1: the ordered extent is added before the admission ends",
        "let ordered = group.ordered.add(extent);\n        drop(admission);",
        "drop(admission);\n        let ordered = group.ordered.add(extent);",
    ),
    change(
        WRITE,
        "an in-place write looks at the references before it adds its ordered extent",
        "V5: it looks after its ordered extent was added",
        "let ordered = group.ordered.add(extent);
        drop(admission);
        // V5: a clone that is queued later waits for this write; one that was queued before is seen.
        let is_exclusive = self.transactions.is_exclusive(extent);",
        "let is_exclusive = self.transactions.is_exclusive(extent);
        let ordered = group.ordered.add(extent);
        drop(admission);",
    ),
    change(
        WRITE,
        "a write is behind the cursor by its end",
        "V2: a write behind the cursor goes to both devices",
        "let both = start < self.cursor.address();",
        "let both = extent.end() < self.cursor.address();",
    ),
    change(
        WRITE,
        "the target is looked up before the cursor",
        "V2: a writer that finds the cursor moved finds the target",
        "let both = start < self.cursor.address();
        let target = if both { self.storage().target.get() } else { None };",
        "let found = self.storage().target.get();
        let both = start < self.cursor.address();
        let target = if both { found } else { None };",
    ),
    change(
        WRITE,
        "a write to both devices writes the target first",
        "V9: what is on the target alone is in doubt",
        "self.source().write_at(start, data)?;
        doubt.settle();
        target.clone_write(extent, data);",
        "target.clone_write(extent, data);
        self.source().write_at(start, data)?;
        doubt.settle();",
    ),
    change(
        WRITE,
        "a write that fails on the source is not in doubt",
        "V9: what may differ is in doubt",
        "self.source().write_at(start, data)?;\n        doubt.settle();",
        "doubt.settle();\n        self.source().write_at(start, data)?;",
    ),
    change(
        WRITE,
        "an in-place write that is dropped ends before its bytes are in doubt",
        "V9: a waiter that learns of the failure finds the bytes in doubt",
        "    bytes: Unfinished<'volume>,
    ordered: OrderedExtent<&'volume OrderedExtents>,",
        "    ordered: OrderedExtent<&'volume OrderedExtents>,
    bytes: Unfinished<'volume>,",
    ),
    change(
        WRITE,
        "an in-place write is touched after its bytes went out",
        "V9: bytes are in doubt from before they go out",
        "touched.raise();
        volume.write_through(extent.start() + offset, data).map_err(WriteError::Device)",
        "volume.write_through(extent.start() + offset, data).map_err(WriteError::Device)?;
        touched.raise();
        Ok(())",
    ),
    change(
        WRITE,
        "a write at an offset goes to the extent's start",
        "a write is where it is asked for",
        "self.write_through(extent.start() + offset, data).map_err(WriteError::Device)\n    }\n\n    /// Writes `data` at `start`",
        "self.write_through(extent.start(), data).map_err(WriteError::Device)\n    }\n\n    /// Writes `data` at `start`",
    ),
    change(
        WRITE,
        "an in-place write at an offset goes to the extent's start",
        "a write is where it is asked for",
        "volume.write_through(extent.start() + offset, data)",
        "volume.write_through(extent.start(), data)",
    ),
    change(
        WRITE,
        "the rest of an overwritten extent is read from its start",
        "an overwrite keeps the bytes behind it",
        "self.read(old.start() + offset, &mut rest)",
        "self.read(old.start(), &mut rest)",
    ),
    change(
        WRITE,
        "the padding of a write is left out",
        "the bytes behind the data are zero",
        "if padding > 0 {\n            self.write_at(now.len() as u64, &zeroes(padding))?;\n        }",
        "let _ = padding;",
    ),
    change(
        WRITE,
        "an overwrite that moves keeps the old reference",
        "an overwrite moves one reference",
        "let refs = [DelayedRef::drop(old), DelayedRef::add(self.extent())];",
        "let refs = [DelayedRef::add(self.extent())];\n        let _ = old;",
    ),
    change(
        WRITE,
        "a writer that waits looks after it asked",
        "Lemma 11: a writer that waits misses no opening",
        "let before = room.look();
            match self.begin_cow(length) {
                Err(WriteError::NoSpace { read_only: 1.., .. }) => room.wait_since(&before),
                outcome => return outcome,
            }",
        "match self.begin_cow(length) {
                Err(WriteError::NoSpace { read_only: 1.., .. }) => room.wait_since(&room.look()),
                outcome => return outcome,
            }",
    ),
    change(
        WRITE,
        "a search leaves out the last group",
        "a group that has room is found",
        "let others = (first + 1..groups).chain(0..=first)",
        "let others = (first + 1..groups - 1).chain(0..=first)",
    ),
    change(
        WRITE_ALL,
        "the references of several extents are queued one by one",
        "V12: they are queued in one critical section",
        "self.transactions.push_all(&refs)?;\n            Ok(())",
        "for one in refs {
                self.transactions.push(one)?;
            }
            Ok(())",
    ),
    change(
        WRITE_ALL,
        "each extent is filled from the start of the data",
        "the bytes of the extents are the data, in order",
        "rest = write.fill_from(rest)?;",
        "rest = write.fill_from(data)?;",
    ),
    change(
        REPLACE,
        "a replace that is given up is idle before its target's slots are clear",
        "a new replace's target is not cleared by the one before",
        "self.volume.storage().target.set(None);
        *self.volume.replacement.lock() = Replacement::Idle(cursor);",
        "*self.volume.replacement.lock() = Replacement::Idle(cursor);
        self.volume.storage().target.set(None);",
    ),
    change(
        REPLACE,
        "a replace that is given up clears its target before its cursor is reset",
        "V2: a writer behind the cursor finds the target",
        "let reset = catch_unwind(AssertUnwindSafe(|| cursor.reset()));
        self.volume.storage().target.set(None);",
        "self.volume.storage().target.set(None);
        let reset = catch_unwind(AssertUnwindSafe(|| cursor.reset()));",
    ),
    change(
        REPLACE,
        "a replace that is given up keeps its cursor where it is",
        "nothing is behind the cursor of a new replace",
        "catch_unwind(AssertUnwindSafe(|| cursor.reset()))",
        "catch_unwind(AssertUnwindSafe(|| { let _ = &mut cursor; }))",
    ),
    change(
        REPLACE,
        "a clone's cursor moves before the target is there",
        "V2: a writer behind the cursor finds the target",
        "        self.storage().target.set(Some(&target));
        let cancel = CancelToken::default();
        let mut replace = DeviceReplace {
            volume: self,
            target,",
        "        let cancel = CancelToken::default();
        let late = Arc::clone(&target);
        let mut replace = DeviceReplace {
            volume: self,
            target: late,",
    ),
    change(
        REPLACE,
        "a replace is finished before its target is checked",
        "V9: a replace finishes without a doubt",
        "self.target.check()?;
        self.is_finished = true;
        *self.volume.replacement.lock() = Replacement::Finished;",
        "self.is_finished = true;
        *self.volume.replacement.lock() = Replacement::Finished;
        self.target.check()?;",
    ),
    change(
        REPLACE,
        "a source is retired without a look for doubts",
        "V9: no byte that is retired to is in doubt",
        "target.check()?;\n        Ok(std::mem::replace",
        "Ok(std::mem::replace",
    ),
    change(
        REPLACE,
        "a retirement keeps the target in its slots",
        "after a retirement each write goes to one device",
        "        // A new cursor instead of a reset: exclusive access proves that no writer has the old one.\n        storage.target.set(None);",
        "",
    ),
    change(
        REPLACE,
        "a retirement keeps the old cursor's readers",
        "after a retirement each write goes to one device",
        "self.cursor = reader;",
        "drop(reader);",
    ),
    change(
        REPLACE,
        "a group's doubts are settled before it is copied",
        "V9: bytes are in doubt until they were copied again",
        "let copied = committed.copy(source, &*self.target, &self.cancel)?;\n        doubts.settle();",
        "doubts.settle();\n        let copied = committed.copy(source, &*self.target, &self.cancel)?;",
    ),
    change(
        REPLACE,
        "a group's doubts are taken before its writes are over",
        "V9: a write that fails during the drain is in doubt",
        "let settled = quiet.wait_ordered(&group.ordered);
        self.cancel.check()?;
        // V9: nobody writes here now. Back in doubt if the copy fails.
        let doubts = self.target.take_doubts(group.block_group.range());",
        "let doubts = self.target.take_doubts(group.block_group.range());
        let settled = quiet.wait_ordered(&group.ordered);
        self.cancel.check()?;",
    ),
    change(
        REPLACE,
        "a drain waits for the writes of group 0",
        "R2: step 3 waits for the ordered extents of the group",
        "let settled = quiet.wait_ordered(&group.ordered);",
        "let settled = quiet.wait_ordered(&self.volume.groups()[0].ordered);",
    ),
    change(
        REPLACE,
        "a group that is copied again counts as another one",
        "a replace has passed each group once",
        "self.passed += usize::from(is_new);",
        "self.passed += 1;\n        let _ = is_new;",
    ),
    change(
        REPLACE,
        "a second pass begins at the group behind the doubt",
        "V9: bytes in doubt are copied again",
        "groups.iter().find(|group| group.block_group.range().end() > address)",
        "groups.iter().find(|group| group.block_group.range().start() > address)",
    ),
    change(
        TARGET,
        "the target is set for the thread's own shard alone",
        "V2: a writer behind the cursor finds the target",
        "for slot in self.0.iter() {\n            *slot.lock() = target.cloned();\n        }",
        "*self.0.own().lock() = target.cloned();",
    ),
    change(
        TARGET,
        "the last slot keeps the target before",
        "V2: a writer behind the cursor finds the target, and no other",
        "for slot in self.0.iter() {",
        "for slot in self.0.iter().take(self.0.len().saturating_sub(1).max(1)) {",
    ),
    change(
        TARGET,
        "doubts of one range replace those of all others",
        "V9: what may differ is in doubt",
        "self.target.in_doubt.lock().append(&mut self.doubts);",
        "*self.target.in_doubt.lock() = std::mem::take(&mut self.doubts);",
    ),
    change(
        TARGET,
        "a pass over one group takes the doubts of all",
        "V9: bytes are in doubt until they were copied again",
        "partition(|(extent, _)| extent.overlaps(&range));",
        "partition(|(extent, _)| extent.overlaps(&range) || true);",
    ),
    change(
        TARGET,
        "a clone is not in doubt while it is at work",
        "V9: what may differ is in doubt",
        "let doubt = self.doubt(extent, WhyInDoubt::GivenUp);
        match self.device.write_at(extent.start(), data) {",
        "let written = self.device.write_at(extent.start(), data);
        let doubt = self.doubt(extent, WhyInDoubt::GivenUp);
        match written {",
    ),
    change(
        TARGET,
        "a target is handed back before its calls are over",
        "V10: when the target was handed back, no writer is calling it",
        "closed.wait_empty();\n        closed.seal();",
        "closed.seal();",
    ),
    change(
        TARGET,
        "a target is not sealed when it is handed back",
        "V10: when the target was handed back, no writer will call it",
        "closed.wait_empty();\n        closed.seal();",
        "closed.wait_empty();",
    ),
    change(
        TARGET,
        "the claim ends before the calls are over",
        "V10: a target that is in use is no other's",
        "let closed = self.calls.close();
        closed.wait_empty();
        closed.seal();
        let claim = self.claim.lock().take();
        drop(claim);",
        "let claim = self.claim.lock().take();
        drop(claim);
        let closed = self.calls.close();
        closed.wait_empty();
        closed.seal();",
    ),
    change(
        STORAGE,
        "the source is flushed after the root was made durable",
        "C4: a root that is saved lists bytes that survive a crash",
        "self.flush()?;
        if let Some(persist) = &self.persist {
            persist(root, changes)?;
        }",
        "if let Some(persist) = &self.persist {
            persist(root, changes)?;
        }
        self.flush()?;",
    ),
    change(
        STORAGE,
        "what a commit cancelled is not booked",
        "V4: bytes are booked by the commit that changed their extent item",
        "book(changes.bytes_removed(), BlockGroup::book_removed)?;
        book(changes.bytes_cancelled(), BlockGroup::book_cancelled)",
        "book(changes.bytes_removed(), BlockGroup::book_removed)",
    ),
    change(
        STORAGE,
        "all but the last extent that a commit freed are unpinned",
        "C8: when a commit returns, what it freed is free",
        "for extent in extents {\n            let unpinned",
        "for extent in extents.iter().take(extents.len().saturating_sub(1).max(1)) {\n            let unpinned",
    ),
    change(
        STORAGE,
        "space that a commit freed is announced before it is free",
        "a writer that waits gets space that a commit frees",
        "for extent in extents {
            let unpinned = self.block_group_of(*extent).and_then(|group| group.unpin(*extent));
            assert!(unpinned.is_ok(), \"what a commit pinned is pinned: {unpinned:?}\");
        }
        if let Some(index) = extents.last().and_then(|extent| self.index_of(*extent)) {
            self.room.freed_in(index);
        }",
        "if let Some(index) = extents.last().and_then(|extent| self.index_of(*extent)) {
            self.room.freed_in(index);
        }
        for extent in extents {
            let unpinned = self.block_group_of(*extent).and_then(|group| group.unpin(*extent));
            assert!(unpinned.is_ok(), \"what a commit pinned is pinned: {unpinned:?}\");
        }",
    ),
    change(
        VOLUME,
        "a clone waits for writes before its reference is queued",
        "V6: a clone queues its reference, and then waits for the extent's ordered extents",
        "let mut handle = self.transactions.join()?;
        handle.change_with(changes, NewExtents::Parts)?;
        let transaction = handle.end();",
        "for DelayedRef { extent, .. } in changes {
            let _ = self.storage().group_of(*extent)?.ordered.wait_range(*extent);
        }
        let mut handle = self.transactions.join()?;
        handle.change_with(changes, NewExtents::Parts)?;
        let transaction = handle.end();
        let changes: &[DelayedRef] = &[];",
    ),
    change(
        VOLUME,
        "a clone waits for writes to the first of its extents",
        "V6: a clone queues its reference, and then waits for the extent's ordered extents",
        "let added = changes.iter().filter(|change| change.action == RefAction::Add);",
        "let added = changes.iter().filter(|change| change.action == RefAction::Add).take(1);",
    ),
    change(
        VOLUME,
        "a clone waits for writes of group 0",
        "V6: a clone queues its reference, and then waits for the extent's ordered extents",
        "let _ = self.storage().group_of(*extent)?.ordered.wait_range(*extent);",
        "let _ = self.groups()[0].ordered.wait_range(*extent);",
    ),
    change(
        FREEZE,
        "a freeze of the volume leaves out the last group",
        "Lemma 5: all groups are frozen",
        "groups: groups.map(Frozen::freeze).collect() }",
        "groups: groups.take(self.groups().len().max(2) - 1).map(Frozen::freeze).collect() }",
    ),
    change(
        FREEZE,
        "a freeze of the volume waits for the writes of group 0 alone",
        "Lemma 5: the writes of all groups are over",
        "quiet.wait_ordered(group.ordered_extents())",
        "{ let _ = group; quiet.wait_ordered(self.volume.groups()[0].ordered_extents()) }",
    ),
    change(
        SNAPSHOT,
        "a snapshot waits for in-place writes of group 0",
        "V8: an in-place write that looked before the root was held is waited for",
        "for group in self.groups() {",
        "for group in &self.groups()[..1] {",
    ),
    change(
        SNAPSHOT,
        "a snapshot waits for in-place writes before its root is held",
        "V8: an in-place write that looked before the root was held is waited for",
        "let snapshot = self.transactions.snapshot()?;",
        "for group in self.groups() {
            let _ = group.ordered.wait_range(group.block_group.range());
        }
        return Ok(Snapshot(self.transactions.snapshot()?));
        #[allow(unreachable_code)]
        let snapshot = self.transactions.snapshot()?;",
    ),
];
