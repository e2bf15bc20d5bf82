//! Of `src/delayed_ref.rs`: each ref is in what exactly one drain returned, and what cancels is folded.
//! Argued in `docs/delayed_ref.md`.

use blockgate::delayed_ref::{DrainedRefs, FoldedRef};
use blockgate::sync::Mutex;
use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange, Shards};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{Note, check, reached};
use crate::stage::{Empty, Play, Stage, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("delayed-ref/2-producers+drain")
            .theorem("D1, D2: each ref is drained once, and refs queued together in one drain.")
            .must_reach(&["drained-0", "drained-2", "drained-4"])
            .plays(producers_against_drain(3)),
        Model::new("delayed-ref/2-producers-in-one-shard")
            .theorem("D1, D2, where producers share a shard.")
            .must_reach(&["drained-0", "drained-2", "drained-4"])
            .plays(producers_against_drain(1)),
        Model::new("delayed-ref/2-drains+producer")
            .theorem("D1: two drains at once share the refs out between them.")
            .must_reach(&["drained-0", "drained-2"])
            .plays(two_drains()),
        Model::new("delayed-ref/add-and-drop")
            .theorem(
                "D3: what is added and dropped of one extent comes to nothing, in one drain or over two.",
            )
            .must_reach(&["cancelled-in-the-first", "cancelled-in-the-second", "over-two"])
            .plays(add_and_drop()),
        Model::new("delayed-ref/cut")
            .theorem(
                "D4: a drain takes no ref without those that were queued before it, in whichever shards.",
            )
            .must_reach(&["neither", "the-first-alone", "the-second-alone", "both"])
            .plays(chained(stage(&[]), 1, 3)),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("delayed-ref/shard-after-shard")
            .of("delayed-ref/cut")
            .left_out("locking all shards before the first is drained")
            .expect(CUT)
            .plays(chained(unjudged(), 2, 1)),
    ]
}

struct Drained {
    queue: DelayedRefQueue,
    /// By each drain.
    refs: [Note<Vec<DelayedRef>>; 2],
    expected: u64,
}

impl Drained {
    /// A queue alone emits no events, so there are no groups.
    fn stage(shards: usize, expected: u64) -> Empty<Self> {
        stage(&[]).world(move || Self {
            queue: DelayedRefQueue::new(Shards::new(shards)),
            refs: Default::default(),
            expected,
        })
    }

    /// Queues two refs together.
    fn produce(&self, number: u64) {
        self.queue.push_all(&[2 * number, 2 * number + 1].map(|start| DelayedRef::add(block(start))));
    }

    fn drain(&self, number: usize) {
        let refs: Vec<_> = self.queue.drain().iter().copied().collect();
        reached(["drained-0", "part", "drained-2", "part", "drained-4"][refs.len()]);
        check(refs.len() % 2 == 0, "D2: refs queued together are drained together", || format!("{refs:?}"));
        self.refs[number].set(refs);
    }

    fn end(mut self) {
        let mut all: Vec<_> = self.refs.iter_mut().filter_map(Note::take).flatten().collect();
        all.extend(self.queue.pending().iter());
        all.sort_by_key(|delayed_ref| delayed_ref.extent);
        let expected: Vec<_> = (0..self.expected).map(|number| DelayedRef::add(block(number))).collect();
        check(all == expected, "D1: each ref is in one place", || format!("{all:?}"));
    }
}

fn block(number: u64) -> LogicalRange {
    LogicalRange::new(number * 4096, 4096).expect("a range")
}

fn producers_against_drain(shards: usize) -> Play {
    let cast = Drained::stage(shards, 4).main("drain", |world| world.drain(0));
    cast.role("producer", |world| world.produce(0))
        .role("producer", |world| world.produce(1))
        .end(Drained::end)
}

fn two_drains() -> Play {
    let cast = Drained::stage(2, 2).main("drain", |world| world.drain(0));
    cast.role("drain", |world| world.drain(1)).role("producer", |world| world.produce(0)).end(Drained::end)
}

fn add_and_drop() -> Play {
    stage(&[])
        .world(|| Folding { queue: DelayedRefQueue::new(Shards::new(3)), first: Note::default() })
        .main("drain", |world| world.first.set(world.queue.drain().fold()))
        .role("adder", |world| _ = world.queue.push(DelayedRef::add(block(0))))
        .role("dropper", |world| _ = world.queue.push(DelayedRef::drop(block(0))))
        .end(Folding::end)
}

struct Folding {
    queue: DelayedRefQueue,
    first: Note<Vec<FoldedRef>>,
}

impl Folding {
    fn end(mut self) {
        let first = self.first.take().unwrap_or_default();
        let second = DrainedRefs::fold(self.queue.pending());
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

const CUT: &str = "D4: a drain is a cut";

/// Two refs, the second of which is queued by a thread that may know of the first.
struct Chained {
    /// One; or several of one shard each, which a drain takes one after the other.
    queues: Vec<DelayedRefQueue>,
    first_is_queued: Mutex<bool>,
    drained: Note<Vec<LogicalRange>>,
    /// Whether the second thread knew.
    is_in_order: Note<bool>,
}

impl Chained {
    fn new(queues: usize, shards: usize) -> Self {
        Self {
            queues: (0..queues).map(|_| DelayedRefQueue::new(Shards::new(shards))).collect(),
            first_is_queued: Mutex::new(false),
            drained: Note::default(),
            is_in_order: Note::default(),
        }
    }

    fn push(&self, number: usize) {
        self.queues[number % self.queues.len()].push(DelayedRef::add(block(number as u64)));
    }

    fn first(&self) {
        self.push(0);
        *self.first_is_queued.lock() = true;
    }

    fn second(&self) {
        let is_in_order = *self.first_is_queued.lock();
        self.push(1);
        self.is_in_order.set(is_in_order);
    }

    fn drain(&self) {
        let refs = self.queues.iter().map(DelayedRefQueue::drain);
        self.drained
            .set(refs.flat_map(|refs| refs.iter().map(|one| one.extent).collect::<Vec<_>>()).collect());
    }

    fn end(mut self) {
        let drained = self.drained.take().unwrap_or_default();
        let [first, second] = [0, 1].map(|number| drained.contains(&block(number)));
        let is_in_order = self.is_in_order.take() == Some(true);
        reached(match (first, second) {
            (false, false) => "neither",
            (true, false) => "the-first-alone",
            (false, true) => "the-second-alone",
            (true, true) => "both",
        });
        check(first || !second || !is_in_order, CUT, || "the second ref was taken without the first".into());
    }
}

/// Three shards, one a thread; or as many queues, which makes the drain one of shard after shard.
fn chained(stage: Stage, queues: usize, shards: usize) -> Play {
    let cast = stage.world(move || Chained::new(queues, shards)).main("drain", Chained::drain);
    cast.role("first producer", Chained::first).role("second producer", Chained::second).end(Chained::end)
}
