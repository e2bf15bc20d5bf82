//! Of `src/ordered_extent.rs`: a wait ends when what was in flight at its beginning is over, sees all
//! that was done before, and is not kept by what comes later. Argued in `docs/ordered_extent.md`.

use std::sync::Arc;

use blockgate::{LogicalRange, OrderedExtent, OrderedExtents, Shards, Waited};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{Counter, RaceChecked, check, reached};
use crate::stage::{Empty, Play, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("ordered-extent/2-finishers+waiter")
            .theorem(
                "X2 to X4: the waiter sees what was done before each extent that it counted was finished.",
            )
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .plays(finishers(3)),
        Model::new("ordered-extent/2-finishers-in-one-shard")
            .theorem("X2 to X4, where finishers share a shard.")
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .plays(finishers(1)),
        Model::new("ordered-extent/in-flight-already")
            .theorem(
                "X2 to X4: what is in flight when the wait begins is waited for, whichever role added it.",
            )
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .plays(in_flight_already(true)),
        Model::new("ordered-extent/2-waiters+finisher")
            .theorem("X3: one extent wakes everyone that waits for it.")
            .must_reach(&["waited-for-1", "waited-for-0"])
            .plays(two_waiters()),
        Model::new("ordered-extent/added-later")
            .theorem("X2: an extent that is added after the wait began is not waited for.")
            .must_reach(&["returned-before-the-later-one", "waited-for-1", "waited-for-2"])
            .plays(added_later()),
        Model::new("ordered-extent/failed")
            .theorem(
                "X3: a failed extent, and one dropped unfinished, release the waiter, which learns of it.",
            )
            .must_reach(&["learned-of-2", "learned-of-1", "learned-of-0"])
            .plays(failed()),
        Model::new("ordered-extent/elsewhere")
            .theorem("X2: an extent outside of the range is not waited for.")
            .must_reach(&["returned-before-the-other"])
            .plays(elsewhere()),
        Model::new("ordered-extent/2-waits-of-2-ranges")
            .theorem("X2, X3: of two waits in one shard, each ends with what was in flight in its own range when it began.")
            .must_reach(&["waited-for-the-first", "waited-for-the-second", "returned-before-the-second"])
            .plays(two_waits(Range::Own)),
        Model::new("ordered-extent/split")
            .theorem(
                "X5: a waiter sees what was done before each part of an extent that was split meanwhile.",
            )
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .plays(split(Rest::SplitOff)),
        Model::new("ordered-extent/split-elsewhere")
            .theorem("X5: a wait for the range of one part does not wait for the other.")
            .must_reach(&["returned-before-the-rest"])
            .plays(split_elsewhere()),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("ordered-extent/no-wait")
            .of("ordered-extent/in-flight-already")
            .left_out("the wait for ordered extents")
            .expect("race")
            .plays(in_flight_already(false)),
        Twin::new("ordered-extent/wait-of-the-others-range")
            .of("ordered-extent/2-waits-of-2-ranges")
            .left_out("the range that one of two waits is for: it waits for the other's")
            .expect("race")
            .plays(two_waits(Range::Others)),
        Twin::new("ordered-extent/rest-added-under-the-first")
            .of("ordered-extent/split")
            .left_out("the number that a part has of the whole")
            .expect("race")
            .plays(split(Rest::Added)),
    ]
}

/// O2, O4: there are no block groups and no transactions here, so nothing is reserved before, or has a
/// delayed ref after.
const WAIVED: &[&str] = &["O2", "O4"];

struct InFlight {
    extents: Arc<OrderedExtents>,
    done: [RaceChecked; 2],
    /// How many of the writes that are not waited for are over.
    over: Counter,
}

impl InFlight {
    fn new(shards: usize) -> Self {
        Self {
            extents: Arc::new(OrderedExtents::new(Shards::new(shards))),
            done: [RaceChecked::new(0), RaceChecked::new(0)],
            over: Counter::new(),
        }
    }

    fn stage(shards: usize) -> Empty<Self> {
        stage(&[]).waiving(WAIVED).world(move || Self::new(shards))
    }

    fn add(&self, number: usize) -> Write {
        self.extents.add_owned(block(number))
    }

    fn finish(&self, write: Write, number: usize) {
        self.done[number].write(1);
        write.finish();
    }

    fn add_and_finish(&self, number: usize) {
        self.finish(self.add(number), number);
    }

    fn read_what_was_done(&self) {
        self.done.iter().map(RaceChecked::read).for_each(drop);
    }

    fn wait(&self) -> Waited {
        let waited = self.extents.wait_range(everything());
        reached(["waited-for-0", "waited-for-1", "waited-for-2"][waited.count]);
        waited
    }

    fn end(mut self) {
        let extents = Arc::get_mut(&mut self.extents).expect("all handles are gone");
        check(extents.leaked() == 0, "X1: an entry goes with its handle", String::new);
    }
}

type Write = OrderedExtent<Arc<OrderedExtents>>;

fn block(number: usize) -> LogicalRange {
    LogicalRange::new(number as u64 * 4096, 4096).expect("a range")
}

fn both_blocks() -> LogicalRange {
    LogicalRange::new(0, 2 * 4096).expect("a range")
}

fn everything() -> LogicalRange {
    LogicalRange::new(0, u64::MAX).expect("a range")
}

/// Each finisher adds its own extent, before the wait begins or after: a waiter that counted both sees what
/// both have done.
fn finishers(shards: usize) -> Play {
    let wait = |world: &InFlight| {
        if world.wait().count == 2 {
            world.read_what_was_done();
        }
    };
    let cast = InFlight::stage(shards).main("waiter", wait);
    cast.role("finisher", |world| world.add_and_finish(0))
        .role("finisher", |world| world.add_and_finish(1))
        .end(InFlight::end)
}

/// The main thread adds each extent before it starts its finisher.
fn in_flight_already(wait: bool) -> Play {
    let stage = if wait { stage(&[]).waiving(WAIVED) } else { unjudged() };
    let wait = move |world: &InFlight| {
        if wait {
            let waited = world.wait();
            check(waited.failed == 0, "nothing failed", || format!("{waited:?}"));
        }
        world.read_what_was_done();
    };
    stage
        .world(|| InFlight::new(1))
        .main("waiter", wait)
        .role_given("finisher", |world| world.add(0), |world, write| world.finish(write, 0))
        .role_given("finisher", |world| world.add(1), |world, write| world.finish(write, 1))
        .end(InFlight::end)
}

fn two_waiters() -> Play {
    let wait = |world: &InFlight| _ = world.wait();
    let cast = InFlight::stage(1).main("waiter", wait);
    cast.role("waiter", wait).role("finisher", |world| world.add_and_finish(0)).end(InFlight::end)
}

/// Which range the second waiter waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Range {
    Own,
    Others,
}

/// One adds both, before the waits begin or after, and finishes the first one first.
fn two_waits(range: Range) -> Play {
    let stage = if range == Range::Own { stage(&[]).waiving(WAIVED) } else { unjudged() };
    let wait_for_the_first = |world: &InFlight| {
        if world.extents.wait_range(block(0)).count > 0 {
            reached("waited-for-the-first");
            world.done[0].read();
            if world.over.read() == 0 {
                reached("returned-before-the-second");
            }
        }
    };
    let wait_for_the_second = move |world: &InFlight| {
        let of = usize::from(range == Range::Own);
        if world.extents.wait_range(block(of)).count > 0 {
            reached("waited-for-the-second");
            world.done[1].read();
        }
    };
    let write = |world: &InFlight| {
        let writes = [0, 1].map(|number| world.add(number));
        for (number, write) in writes.into_iter().enumerate() {
            world.finish(write, number);
        }
        world.over.increment();
    };
    let cast = stage.world(|| InFlight::new(1)).main("waiter", wait_for_the_first);
    cast.role("waiter", wait_for_the_second).role("finisher", write).end(InFlight::end)
}

fn added_later() -> Play {
    let add = |world: &InFlight| {
        let early = world.extents.add(block(0));
        let late = world.extents.add(block(1));
        early.finish();
        late.finish();
        world.over.increment();
    };
    let wait = |world: &InFlight| {
        let waited = world.wait();
        if waited.count == 1 && world.over.read() == 0 {
            reached("returned-before-the-later-one");
        }
    };
    InFlight::stage(1).main("waiter", wait).role("adder", add).end(InFlight::end)
}

fn failed() -> Play {
    let wait = |world: &InFlight| {
        let waited = world.extents.wait_range(everything());
        check(waited.count == waited.failed, "a failed extent is reported", || format!("{waited:?}"));
        reached(["learned-of-0", "learned-of-1", "learned-of-2"][waited.failed]);
    };
    // The second as unwinding does it. (Loom shares one `panicking()` among all roles, and so poisons the
    // locks of the others.)
    let cast = InFlight::stage(3).main("waiter", wait);
    cast.role("writer", |world| world.extents.add(block(0)).fail())
        .role("writer", |world| drop(world.extents.add(block(1))))
        .end(InFlight::end)
}

fn elsewhere() -> Play {
    let wait = |world: &InFlight| {
        let waited = world.extents.wait_range(block(0));
        check(waited == Waited::default(), "only the range is waited for", || format!("{waited:?}"));
        if world.over.read() == 0 {
            reached("returned-before-the-other");
        }
    };
    let write = |world: &InFlight| {
        world.add_and_finish(1);
        world.over.increment();
    };
    InFlight::stage(1).main("waiter", wait).role("finisher", write).end(InFlight::end)
}

/// How the rest of a write that completed in part is kept in flight.
#[derive(Clone, Copy)]
enum Rest {
    SplitOff,
    Added,
}

impl Rest {
    /// The first block of both, and the other one.
    fn of(self, world: &InFlight, mut write: Write) -> [Write; 2] {
        match self {
            Self::SplitOff => {
                let rest = write.split_off(4096).expect("two blocks");
                [write, rest]
            }
            Self::Added => [write, world.add(1)],
        }
    }
}

fn split(rest: Rest) -> Play {
    let stage = match rest {
        Rest::SplitOff => stage(&[]).waiving(WAIVED),
        Rest::Added => unjudged(),
    };
    let wait = |world: &InFlight| {
        let _ = world.wait();
        world.read_what_was_done();
    };
    let complete = move |world: &InFlight, write: Write| {
        for (number, part) in rest.of(world, write).into_iter().enumerate() {
            world.finish(part, number);
        }
    };
    let cast = stage.world(|| InFlight::new(1)).main("waiter", wait);
    cast.role_given("finisher", |world| world.extents.add_owned(both_blocks()), complete).end(InFlight::end)
}

fn split_elsewhere() -> Play {
    let wait = |world: &InFlight| {
        let _ = world.extents.wait_range(block(0));
        world.done[0].read();
        if world.over.read() == 0 {
            reached("returned-before-the-rest");
        }
    };
    let complete = |world: &InFlight, write: Write| {
        let [first, rest] = Rest::SplitOff.of(world, write);
        world.finish(first, 0);
        rest.finish();
        world.over.increment();
    };
    let cast = InFlight::stage(1).main("waiter", wait);
    cast.role_given("finisher", |world| world.extents.add_owned(both_blocks()), complete).end(InFlight::end)
}
