//! Waiting for a range where nothing is in flight.
//!
//! Measured: one wait, with 10^3 to 10^6 other writes in flight: in other groups, or in the same group but
//! in another range. Against: maps of all writes of the file system, as a user would keep one, and the
//! kernel's tree. Limit: a locked addition and a locked subtraction. `sharded-slab` is missing: it cannot
//! be asked.
//!
//! Goals: at most 200 ns with a million extents in other groups, and at most 1.5 times what it costs with a
//! thousand. In the same group ours looks at every write that is in flight there, which a tree ordered by
//! address need not: a drain waits for all of its group anyway, and adding is what it is paid for.

use std::hint::black_box;
use std::sync::Arc;

use blockgate::{LogicalRange, OrderedExtents};

use super::trackers::{Dash, Maps, Scc, Standing, Tracker, Tree, Waits};
use crate::method::goal::Goal;
use crate::method::limit::{LIMIT, private_words};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure_one;
use crate::method::{Axis, Bench};

pub(crate) fn elsewhere() -> Bench {
    Bench {
        name: "ordered/wait-others-elsewhere",
        about: "Wait for the writes of a group that has none, with many in flight in other groups.",
        limit: LIMIT,
        axis: Axis::Size("writes in flight"),
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |settings| settings.sizes(&SIZES).into_iter().map(Case::size).collect(),
        candidates: |case| everyone(case.size, ours_elsewhere),
        goals: || {
            let (few, many) = (Case::size(SIZES[0]), Case::size(SIZES[3]));
            vec![Goal::value(OURS, many, Metric::Cpu, 200.0), Goal::growth(OURS, few, many, 1.5)]
        },
    }
}

pub(crate) fn same_group() -> Bench {
    Bench {
        name: "ordered/wait-others-in-group",
        about: "Wait for a range that has no writes, with many in flight in other ranges of the group.",
        candidates: |case| everyone(case.size, all_in_one::<OrderedExtents>),
        goals: Vec::new,
        ..elsewhere()
    }
}

const OURS: &str = "OrderedExtents";
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const PAGE: u64 = 4096;
const GROUP: u64 = 1 << 30;
/// Before all others.
const WAITED_FOR: u64 = 0;

type Run = Box<dyn FnMut(u64) -> Sample>;

fn everyone(others: u64, ours: fn(u64) -> Run) -> Vec<Candidate> {
    vec![
        Candidate::ours(OURS, ours(others)),
        private_words(1),
        Candidate::peer("DashMap", all_in_one::<Dash>(others)),
        Candidate::peer("scc HashMap", all_in_one::<Scc>(others)),
        Candidate::peer("Mutex<BTreeMap>, kernel style", all_in_one::<Tree>(others)),
        Candidate::peer("64 Mutex<HashMap>", all_in_one::<Maps>(others)),
    ]
}

/// The others are in another group's tracker.
fn ours_elsewhere(others: u64) -> Run {
    let (other, standing) = fill::<OrderedExtents>(others);
    assert_eq!(other.in_flight() as u64, others);
    wait(Arc::new(OrderedExtents::default()), standing)
}

fn all_in_one<T: Waits>(others: u64) -> Run {
    let (tracker, standing) = fill::<T>(others);
    wait(tracker, standing)
}

/// A tracker with `others` writes in flight, behind the group that is waited for.
fn fill<T: Tracker>(others: u64) -> (Arc<T>, Standing) {
    let tracker = Arc::new(T::default());
    let extents = (0..others).map(|n: u64| LogicalRange::new(GROUP + n * PAGE, PAGE).expect("a range"));
    let standing = tracker.stand(extents);
    (tracker, standing)
}

fn wait<T: Waits>(tracker: Arc<T>, standing: Standing) -> Run {
    let group = LogicalRange::new(WAITED_FOR, GROUP).expect("a range");
    Box::new(move |operations| {
        let _still_in_flight = &standing;
        measure_one(operations, |operations| {
            (0..operations).filter(|_| tracker.overlapping(black_box(group)) == 0).count() as u64
        })
    })
}
