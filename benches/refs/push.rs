//! Pushing refs and taking them out again, unmerged.
//!
//! Measured: one ref, pushed, and looked at once by the thread that drained; a handle pushes that many, then ends, then
//! its thread drains whatever is there. Against: queues, channels, a locked vector, a tree that merges when
//! a ref comes. Limit: a vector of the thread's own, which nobody shares.
//!
//! Goals: at most 1.35 times the limit at 1 thread, 2.2 at 2; 3 times cheaper than `SegQueue`, 4 times
//! cheaper than merging on insert.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use blockgate::{DelayedRef, LogicalRange};

use super::PAGE;
use super::queues::{Batched, Channel, Flume, Locked, Merging, Own, Queue, Segments, Single};
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure;
use crate::method::{Axis, Bench};

pub(crate) fn by_threads() -> Bench {
    Bench {
        name: "refs/push-drain",
        about: "Push a ref and drain it unmerged, by handles of 10^4 refs.",
        limit: "a vector of the thread's own",
        axis: Axis::Threads,
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |_| [1, 2, 4].map(|threads| Case { threads, size: 10_000 }).into(),
        candidates,
        goals: || {
            let case = |threads| Case { threads, size: 10_000 };
            let than = |threads, peer, least| Goal::than(Batched::NAME, case(threads), peer, least);
            vec![
                Goal::of_limit(Batched::NAME, case(1), 1.35),
                Goal::of_limit(Batched::NAME, case(2), 2.2),
                than(1, &[Segments::NAME], 3.0),
                than(1, &[Merging::NAME], 4.0),
                than(2, &[Segments::NAME], 3.0),
                than(2, &[Merging::NAME], 4.0),
            ]
        },
    }
}

pub(crate) fn by_size() -> Bench {
    Bench {
        name: "refs/push-drain-size",
        about: "Push a ref and drain it unmerged, by one thread, by handles of as many refs.",
        axis: Axis::Size("refs"),
        cases: |settings| settings.sizes(&SIZES).into_iter().map(Case::size).collect(),
        goals: || SIZES.map(|size| Goal::of_limit(Batched::NAME, Case::size(size), 1.35)).into(),
        ..by_threads()
    }
}

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn candidates(case: Case) -> Vec<Candidate> {
    vec![
        Candidate::ours(Batched::NAME, run::<Batched>(case)),
        Candidate::ours(Single::NAME, run::<Single>(case)),
        Candidate::limit(Own::NAME, run::<Own>(case)),
        Candidate::peer(Locked::NAME, run::<Locked>(case)),
        Candidate::peer(Segments::NAME, run::<Segments>(case)),
        Candidate::peer(Flume::NAME, run::<Flume>(case)),
        Candidate::peer(Channel::NAME, run::<Channel>(case)),
        Candidate::peer(Merging::NAME, run::<Merging>(case)),
    ]
}

fn run<Q: Queue>(case: Case) -> impl FnMut(u64) -> Sample + 'static {
    let queue = Arc::new(Q::default());
    move |operations| {
        let drained = AtomicU64::new(0);
        let prepare = |thread: usize| (thread as u64, queue.begin());
        let sample = measure(case.threads, operations, prepare, |(thread, local), operations| {
            let mut left = operations;
            while left > 0 {
                let count = left.min(case.size);
                push(&*queue, local, *thread, count);
                queue.end(local);
                drained.fetch_add(drain(&*queue, local), Ordering::Relaxed);
                left -= count;
            }
            operations
        });
        assert_eq!(drained.into_inner(), operations * case.threads as u64, "{}: refs were lost", Q::NAME);
        sample
    }
}

fn push<Q: Queue>(queue: &Q, local: &mut Q::Local, thread: u64, count: u64) {
    for n in 0..count {
        // Additions only, of extents that differ: what merges would drain less than was pushed.
        let extent = LogicalRange::new(((thread << 40) + (n ^ 0x155)) * PAGE, PAGE);
        queue.push(local, DelayedRef::add(extent.expect("a range")));
    }
}

fn drain<Q: Queue>(queue: &Q, local: &mut Q::Local) -> u64 {
    let (mut count, mut sum) = (0, 0_u64);
    queue.drain(local, |one| {
        count += 1;
        sum = sum.wrapping_add(one.extent.start());
    });
    black_box(sum);
    count
}
