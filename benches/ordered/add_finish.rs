//! Adding a write and finishing it.
//!
//! Measured: one of each, with nothing else in flight; and, with 1000 others in flight, one more while the
//! thread's sixteenth to last is finished: that is how I/O goes, and the handles go through memory. Against:
//! concurrent maps and slabs, a lock over a tree (the kernel's way), 64 maps. Limit: a locked addition and a
//! locked subtraction on a private word; an entry that another thread can look at needs a lock twice.
//!
//! Goals: at most 3 times the limit at 1, 2 and 4 threads; 1.7 times cheaper than the best peer at 1
//! thread, 1.8 at 2; 7 times cheaper than the kernel's way at 2.

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
        candidates: |case| everyone(case.threads, Flight { own: 1, others: 0 }),
        goals,
    }
}

pub(crate) fn standing() -> Bench {
    Bench {
        name: "ordered/add-finish-among-1000",
        about: "Add a write and finish an older one, all threads in one group, each with 16 in flight there, \
                beside 1000 others.",
        candidates: |case| everyone(case.threads, Flight { own: 16, others: 1000 }),
        goals,
        ..bench()
    }
}

const OURS: &str = "OrderedExtents";

fn goals() -> Vec<Goal> {
    let limit = |threads| Goal::of_limit(OURS, Case::threads(threads), 3.0);
    let than = |threads, peers, least| Goal::than(OURS, Case::threads(threads), peers, least);
    let than_all = |threads, least| than(threads, &[], least).missed_because(LOCKS);
    vec![limit(1), limit(2), limit(4), than_all(1, 1.7), than_all(2, 1.8), kernel_style()]
}

const LOCKS: &str = "two limits are its lock and the release of it, twice: where locked operations are slow, the slab, \
                     which does as many and nobody can wait for, is not much slower";

fn kernel_style() -> Goal {
    Goal::than(OURS, Case::threads(2), &[Tree::NAME], 7.0)
        .missed_because("the lock that both want costs it 11 to 16 limits; ours takes 2.3 to 2.7, of which 2 are its own locks")
}

impl Tree {
    const NAME: &'static str = "Mutex<BTreeMap>, kernel style";
}

/// What is in flight.
#[derive(Clone, Copy)]
struct Flight {
    /// Of each thread.
    own: usize,
    /// For all the time.
    others: u64,
}

fn everyone(threads: usize, flight: Flight) -> Vec<Candidate> {
    vec![
        Candidate::ours(OURS, run::<OrderedExtents>(threads, flight)),
        private_words(threads),
        Candidate::peer("DashMap", run::<Dash>(threads, flight)),
        Candidate::peer("sharded-slab", run::<Slab>(threads, flight)),
        Candidate::peer("scc HashMap", run::<Scc>(threads, flight)),
        Candidate::peer(Tree::NAME, run::<Tree>(threads, flight)),
        Candidate::peer("64 Mutex<HashMap>", run::<Maps>(threads, flight)),
    ]
}

const THREAD_SHIFT: u32 = 48;
const PAGE: u64 = 4096;

/// The `n`th extent of a thread.
fn extent(thread: u64, n: u64) -> LogicalRange {
    LogicalRange::new((thread << THREAD_SHIFT) + n % (1 << 32) * PAGE, PAGE).expect("a range")
}

fn run<T: Tracker>(threads: usize, flight: Flight) -> impl FnMut(u64) -> Sample + 'static {
    let tracker = Arc::new(T::default());
    let others = tracker.stand((0..flight.others).map(|n| extent(63, n)));
    move |operations| {
        let _still_in_flight = &others;
        let prepare = |thread| thread as u64;
        measure(threads, operations, prepare, |thread, operations| {
            let extents = (0..operations).map(|n| extent(*thread, n));
            if flight.own == 1 {
                one_by_one(&*tracker, extents)
            } else {
                in_turn(&*tracker, extents, flight.own)
            }
        })
    }
}

/// Returns how many were finished.
fn one_by_one<T: Tracker>(tracker: &T, extents: impl Iterator<Item = LogicalRange>) -> u64 {
    extents.map(|extent| u64::from(tracker.finish(tracker.add(extent)))).sum()
}

/// The same, with the last `depth` of them in flight.
fn in_turn<T: Tracker>(tracker: &T, extents: impl Iterator<Item = LogicalRange>, depth: usize) -> u64 {
    let mut in_flight: Vec<Option<T::Handle<'_>>> = (0..depth).map(|_| None).collect();
    let (mut finished, mut turn) = (0, 0);
    for extent in extents {
        let oldest = in_flight[turn].replace(tracker.add(extent));
        finished += oldest.map_or(0, |oldest| u64::from(tracker.finish(oldest)));
        turn = (turn + 1) % depth;
    }
    finished + in_flight.into_iter().flatten().map(|last| u64::from(tracker.finish(last))).sum::<u64>()
}
