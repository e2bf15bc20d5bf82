//! Adding a write and finishing it.
//!
//! Measured: one of each, with nothing else in flight, and with 1000 others. Against: concurrent maps and
//! slabs, a lock over a tree (the kernel's way), 64 maps. Limit: a locked addition and a locked
//! subtraction on a private word; an entry that another thread can look at needs a lock twice.
//!
//! Goals: at most 3 times the limit at 1, 2 and 4 threads; 1.7 times cheaper than the best peer at 1
//! thread, 1.8 at 2; 7 times cheaper than the kernel's way at 2.

use std::hint::black_box;
use std::sync::Arc;

use blockgate::{LogicalRange, OrderedExtents};

use super::trackers::{Dash, Maps, Scc, Slab, Tracker, Tree};
use crate::method::goal::Goal;
use crate::method::limit::{LIMIT, private_words};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure;
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "ordered/add-finish",
        about: "Add a write and finish it, all threads in one group, nothing else in flight.",
        limit: LIMIT,
        axis: Axis::Threads,
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |_| [1, 2, 4].map(Case::threads).into(),
        candidates: |case| everyone(case.threads, 0),
        goals,
    }
}

pub(crate) fn standing() -> Bench {
    Bench {
        name: "ordered/add-finish-among-1000",
        about: "Add a write and finish it, all threads in one group, with 1000 others in flight there.",
        candidates: |case| everyone(case.threads, 1000),
        goals: || [1, 2, 4].map(|threads| Goal::of_limit(OURS, Case::threads(threads), 3.0)).into(),
        ..bench()
    }
}

const OURS: &str = "OrderedExtents";

fn goals() -> Vec<Goal> {
    let limit = |threads| Goal::of_limit(OURS, Case::threads(threads), 3.0);
    let than = |threads, peers, least| Goal::than(OURS, Case::threads(threads), peers, least);
    vec![limit(1), limit(2), limit(4), than(1, &[], 1.7), than(2, &[], 1.8), than(2, &[Tree::NAME], 7.0)]
}

impl Tree {
    const NAME: &'static str = "Mutex<BTreeMap>, kernel style";
}

fn everyone(threads: usize, standing: u64) -> Vec<Candidate> {
    vec![
        Candidate::ours(OURS, run::<OrderedExtents>(threads, standing)),
        private_words(threads),
        Candidate::peer("DashMap", run::<Dash>(threads, standing)),
        Candidate::peer("sharded-slab", run::<Slab>(threads, standing)),
        Candidate::peer("scc HashMap", run::<Scc>(threads, standing)),
        Candidate::peer(Tree::NAME, run::<Tree>(threads, standing)),
        Candidate::peer("64 Mutex<HashMap>", run::<Maps>(threads, standing)),
    ]
}

const THREAD_SHIFT: u32 = 48;
const PAGE: u64 = 4096;

/// The `n`th extent of a thread.
fn extent(thread: u64, n: u64) -> LogicalRange {
    LogicalRange::new((thread << THREAD_SHIFT) + n % (1 << 32) * PAGE, PAGE).expect("a range")
}

fn run<T: Tracker>(threads: usize, standing: u64) -> impl FnMut(u64) -> Sample + 'static {
    let tracker = Arc::new(T::default());
    let others = tracker.stand((0..standing).map(|n| extent(63, n)));
    move |operations| {
        let _still_in_flight = &others;
        let prepare = |thread| thread as u64;
        measure(threads, operations, prepare, |thread, operations| {
            let mut finished = 0;
            for n in 0..operations {
                let handle = tracker.add(extent(*thread, n));
                // By reference: a handle that is moved through memory at once costs more than its adding.
                black_box(&handle);
                finished += u64::from(tracker.finish(handle));
            }
            finished
        })
    }
}
