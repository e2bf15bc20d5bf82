//! Of `src/ordered_extent.rs`: a wait ends when what was in flight at its beginning is over, sees all
//! that was done before, and is not kept by what comes later. Argued in `docs/ordered_extent.md`.

use std::sync::Arc;

use blockgate::{LogicalRange, OrderedExtent, OrderedExtents, Shards, Waited};
use loom_harness::{Model, Twin, check, reached};

use crate::engine::RaceChecked;
use crate::support::{Note, begin, compare_nothing, last, role};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("ordered-extent/2-finishers+waiter")
            .theorem(
                "X2 to X4: the waiter sees what was done before each extent that it counted was finished.",
            )
            .roles(&["waiter", "finisher", "finisher"])
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .body(|| finishers(3)),
        Model::new("ordered-extent/2-finishers-in-one-shard")
            .theorem("X2 to X4, where finishers share a shard.")
            .roles(&["waiter", "finisher", "finisher"])
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .body(|| finishers(1)),
        Model::new("ordered-extent/in-flight-already")
            .theorem("X2 to X4: what is in flight when the wait begins is waited for, whoever added it.")
            .roles(&["waiter", "finisher", "finisher"])
            .must_reach(&["waited-for-2", "waited-for-1", "waited-for-0"])
            .body(|| in_flight_already(true)),
        Model::new("ordered-extent/2-waiters+finisher")
            .theorem("X3: one extent wakes everyone who waits for it.")
            .roles(&["waiter", "waiter", "finisher"])
            .must_reach(&["waited-for-1", "waited-for-0"])
            .body(two_waiters),
        Model::new("ordered-extent/added-later")
            .theorem("X2: an extent that is added after the wait began is not waited for.")
            .roles(&["waiter", "adder"])
            .must_reach(&["returned-before-the-later-one", "waited-for-1", "waited-for-2"])
            .body(added_later),
        Model::new("ordered-extent/failed")
            .theorem("X3: a failed extent, and one dropped unfinished, release the waiter, who learns of it.")
            .roles(&["waiter", "writer", "writer"])
            .must_reach(&["learned-of-2", "learned-of-1", "learned-of-0"])
            .body(failed),
        Model::new("ordered-extent/elsewhere")
            .theorem("X2: an extent outside of the range is not waited for.")
            .roles(&["waiter", "finisher"])
            .must_reach(&["returned-before-the-other"])
            .body(elsewhere),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("ordered-extent/no-wait")
            .of("ordered-extent/in-flight-already")
            .left_out("the wait for ordered extents")
            .roles(&["waiter", "finisher", "finisher"])
            .expect("race")
            .body(|| in_flight_already(false)),
    ]
}

/// O2, O4: there are no block groups and no transactions here, so nothing is reserved before, or has a
/// delayed ref after.
const WAIVED: &[&str] = &["O2", "O4"];

struct World {
    in_flight: Arc<OrderedExtents>,
    done: [RaceChecked; 2],
    is_finished: [Note<bool>; 2],
}

impl World {
    fn new(shards: usize) -> Arc<Self> {
        begin(&[], WAIVED);
        Arc::new(Self {
            in_flight: Arc::new(OrderedExtents::new(Shards::new(shards))),
            done: [RaceChecked::new(0), RaceChecked::new(0)],
            is_finished: Default::default(),
        })
    }

    fn finish_one(&self, number: usize) {
        self.finish(self.in_flight.add_owned(block(number as u64)), number);
    }

    fn finish(&self, write: OrderedExtent<Arc<OrderedExtents>>, number: usize) {
        self.done[number].write(1);
        write.finish();
        self.is_finished[number].set(true);
    }

    fn read_what_was_done(&self) {
        self.done.iter().map(RaceChecked::read).for_each(drop);
    }

    fn wait(&self) -> Waited {
        let waited = self.in_flight.wait_range(everything());
        reached(["waited-for-0", "waited-for-1", "waited-for-2"][waited.count]);
        waited
    }

    fn end(mut self) {
        let in_flight = Arc::get_mut(&mut self.in_flight).expect("all handles are gone");
        check(in_flight.leaked() == 0, "X1: an entry goes with its handle", String::new);
    }
}

fn block(number: u64) -> LogicalRange {
    LogicalRange::new(number * 4096, 4096).expect("a range")
}

fn everything() -> LogicalRange {
    LogicalRange::new(0, u64::MAX).expect("a range")
}

/// Each finisher adds its own extent, before the waiter comes or after: if he counted both, he sees what
/// both have done.
fn finishers(shards: usize) {
    let world = World::new(shards);
    for number in 0..2 {
        role(&world, move |world| world.finish_one(number), World::end);
    }
    if world.wait().count == 2 {
        world.read_what_was_done();
    }
    last(world, World::end);
}

/// Both extents are in flight from the beginning.
fn in_flight_already(wait: bool) {
    let world = World::new(1);
    if !wait {
        compare_nothing();
    }
    for number in 0..2 {
        let write = world.in_flight.add_owned(block(number));
        role(&world, move |world| world.finish(write, number as usize), World::end);
    }
    if wait {
        let waited = world.wait();
        check(waited == Waited { count: waited.count, failed: 0 }, "nothing failed", || {
            format!("{waited:?}")
        });
    }
    world.read_what_was_done();
    last(world, World::end);
}

fn two_waiters() {
    let world = World::new(1);
    let wait = |world: &World| _ = world.wait();
    role(&world, wait, World::end);
    role(&world, |world| world.finish_one(0), World::end);
    wait(&world);
    last(world, World::end);
}

fn added_later() {
    let world = World::new(1);
    let add = |world: &World| {
        let early = world.in_flight.add(block(0));
        let late = world.in_flight.add(block(1));
        early.finish();
        late.finish();
        world.is_finished[1].set(true);
    };
    role(&world, add, World::end);
    let waited = world.wait();
    if waited.count == 1 && !world.is_finished[1].get() {
        reached("returned-before-the-later-one");
    }
    last(world, World::end);
}

fn failed() {
    let world = World::new(3);
    role(&world, |world| world.in_flight.add(block(0)).fail(), World::end);
    // As unwinding does. (Loom shares one `panicking()` among all roles, and so poisons others' locks.)
    role(&world, |world| drop(world.in_flight.add(block(1))), World::end);
    let waited = world.in_flight.wait_range(everything());
    check(waited.count == waited.failed, "a failed extent is told of", || format!("{waited:?}"));
    reached(["learned-of-0", "learned-of-1", "learned-of-2"][waited.failed]);
    last(world, World::end);
}

fn elsewhere() {
    let world = World::new(1);
    role(&world, |world| world.finish_one(1), World::end);
    let waited = world.in_flight.wait_range(block(0));
    check(waited == Waited::default(), "only the range is waited for", || format!("{waited:?}"));
    if !world.is_finished[1].get() {
        reached("returned-before-the-other");
    }
    last(world, World::end);
}
