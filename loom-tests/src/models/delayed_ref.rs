//! Of `src/delayed_ref.rs`: each ref is in what exactly one drain returned, and what cancels is folded.
//! Argued in `docs/delayed_ref.md`.

use std::sync::Arc;

use blockgate::delayed_ref::{DrainedRefs, FoldedRef};
use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange, Shards};
use loom_harness::{Model, check, reached};

use crate::support::{Note, begin, last, role};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("delayed-ref/2-producers+drain")
            .theorem("D1, D2: each ref is drained once, and refs queued together in one drain.")
            .roles(&["drain", "producer", "producer"])
            .must_reach(&["drained-0", "drained-2", "drained-4"])
            .body(|| producers_against_drain(3)),
        Model::new("delayed-ref/2-producers-in-one-shard")
            .theorem("D1, D2, where producers share a shard.")
            .roles(&["drain", "producer", "producer"])
            .must_reach(&["drained-0", "drained-2", "drained-4"])
            .body(|| producers_against_drain(1)),
        Model::new("delayed-ref/2-drains+producer")
            .theorem("D1: two drains at once share the refs out between them.")
            .roles(&["drain", "drain", "producer"])
            .must_reach(&["drained-0", "drained-2"])
            .body(two_drains),
        Model::new("delayed-ref/add-and-drop")
            .theorem(
                "D3: what is added and dropped of one extent comes to nothing, in one drain or over two.",
            )
            .roles(&["drain", "adder", "dropper"])
            .must_reach(&["cancelled-in-the-first", "cancelled-in-the-second", "over-two"])
            .body(add_and_drop),
    ]
}

struct World {
    queue: DelayedRefQueue,
    drained: Note<Vec<DelayedRef>>,
    expected: usize,
}

impl World {
    fn new(shards: usize, expected: usize) -> Arc<Self> {
        begin(&[], &[]); // a queue alone emits no events
        let queue = DelayedRefQueue::new(Shards::new(shards));
        Arc::new(Self { queue, drained: Note::default(), expected })
    }

    /// Queues two refs together.
    fn produce(&self, number: u64) {
        self.queue.push_all(&[2 * number, 2 * number + 1].map(|start| DelayedRef::add(block(start))));
    }

    fn drain(&self) {
        let refs: Vec<_> = self.queue.drain().iter().copied().collect();
        reached(["drained-0", "part", "drained-2", "part", "drained-4"][refs.len()]);
        check(refs.len() % 2 == 0, "D2: refs queued together are drained together", || format!("{refs:?}"));
        let mut drained = self.drained.get();
        drained.extend(refs);
        self.drained.set(drained);
    }

    fn end(mut self) {
        let mut all = self.drained.get();
        all.extend(self.queue.pending().iter());
        all.sort_by_key(|delayed_ref| delayed_ref.extent);
        let expected: Vec<_> =
            (0..self.expected as u64).map(|number| DelayedRef::add(block(number))).collect();
        check(all == expected, "D1: each ref is in one place", || format!("{all:?}"));
    }
}

fn block(number: u64) -> LogicalRange {
    LogicalRange::new(number * 4096, 4096).expect("a range")
}

fn producers_against_drain(shards: usize) {
    let world = World::new(shards, 4);
    for number in 0..2 {
        role(&world, move |world| world.produce(number), World::end);
    }
    world.drain();
    last(world, World::end);
}

fn two_drains() {
    let world = World::new(2, 2);
    role(&world, World::drain, World::end);
    role(&world, |world| world.produce(0), World::end);
    world.drain();
    last(world, World::end);
}

fn add_and_drop() {
    begin(&[], &[]);
    let world = Arc::new(Folding { queue: DelayedRefQueue::new(Shards::new(3)), first: Note::default() });
    role(&world, |world| _ = world.queue.push(DelayedRef::add(block(0))), Folding::end);
    role(&world, |world| _ = world.queue.push(DelayedRef::drop(block(0))), Folding::end);
    world.first.set(world.queue.drain().fold());
    last(world, Folding::end);
}

struct Folding {
    queue: DelayedRefQueue,
    first: Note<Vec<FoldedRef>>,
}

impl Folding {
    fn end(mut self) {
        let (first, second) = (self.first.get(), DrainedRefs::fold(self.queue.pending()));
        let outcome = match (first.len(), second.len()) {
            (1, 0) => "cancelled-in-the-first",
            (0, 1) => "cancelled-in-the-second",
            _ => "over-two",
        };
        reached(outcome);
        let sum: i64 = first.iter().chain(&second).map(|folded| folded.change).sum();
        check(sum == 0, "D3: folding keeps the sum", || format!("{first:?}, {second:?}"));
    }
}
