//! Pushing refs and draining them merged, in the order of their addresses.
//!
//! Measured: one ref of many, pushed and folded with the others. Of three refs one cancels another.
//! Against: a queue that is sorted and folded afterwards, a tree that merges when a ref comes. Limit:
//! sorting and folding a vector of the thread's own.
//!
//! Goal: not slower than sort-and-fold at any size (1.05: that is how exactly it can be told).

use std::hint::black_box;

use super::nth;
use super::queues::{Batched, Flume, Locked, Merging, Own, Queue, Segments};
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure_one;
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "refs/push-fold",
        about: "Push a ref and fold it with the others of its extent, one thread.",
        limit: "sort and fold a vector of the thread's own",
        axis: Axis::Size("refs"),
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |settings| settings.sizes(&SIZES).into_iter().map(Case::size).collect(),
        candidates,
        goals: || {
            let goal = |size| {
                Goal::of_limit(Batched::NAME, Case::size(size), 1.05).missed_because(
                    "the same sort of the same refs: the spread is as large as the difference",
                )
            };
            SIZES.map(goal).into()
        },
    }
}

const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

fn candidates(case: Case) -> Vec<Candidate> {
    vec![
        Candidate::ours(Batched::NAME, run::<Batched>(case.size)),
        Candidate::limit(Own::NAME, run::<Own>(case.size)),
        Candidate::peer(Locked::NAME, run::<Locked>(case.size)),
        Candidate::peer(Segments::NAME, run::<Segments>(case.size)),
        Candidate::peer(Flume::NAME, run::<Flume>(case.size)),
        Candidate::peer(Merging::NAME, run::<Merging>(case.size)),
    ]
}

fn run<Q: Queue>(size: u64) -> impl FnMut(u64) -> Sample + 'static {
    let queue = Q::default();
    move |operations| {
        let mut local = queue.begin();
        // Whole drains only.
        let operations = operations.next_multiple_of(size);
        measure_one(operations, |operations| {
            (0..operations / size).for_each(|_| push_and_fold(&queue, &mut local, size));
            operations
        })
    }
}

fn push_and_fold<Q: Queue>(queue: &Q, local: &mut Q::Local, size: u64) {
    (0..size).for_each(|n| queue.push(local, nth(0, n)));
    queue.end(local);
    let folded = queue.fold(local);
    let cancelled = size / 3;
    assert_eq!(folded.len() as u64, size - cancelled, "{}: extents were lost", Q::NAME);
    let sum: i64 = folded.iter().map(|one| one.change).sum();
    assert_eq!(sum.cast_unsigned(), size - 2 * cancelled, "{}: changes were lost", Q::NAME);
    black_box(folded);
}
