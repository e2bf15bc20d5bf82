//! Asking for an extent beside many queued refs.
//!
//! Measured: one look at an extent that is queued and not in the tree, which visits every shard; and one change
//! that is refused, of an extent that does not exist. The first look, which copies what is queued, is not measured.
//! Limit: a look into a map under a lock. Against: what would be without the index, a scan of all that is queued.
//!
//! Goal: a look costs in proportion to the logarithm of what is queued. Beside 100 times as many refs, in a map that
//! no longer fits a near cache, at most 5 times the cost.

use std::collections::BTreeMap;
use std::hint::black_box;

use blockgate::{DelayedRef, LogicalRange, Transactions};
use parking_lot::Mutex;

use super::scattered;
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure_one;
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "refs/look",
        about: "Ask for an extent beside as many queued refs.",
        limit: "a BTreeMap under a lock",
        axis: Axis::Size("queued refs"),
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |settings| settings.sizes(&SIZES).into_iter().map(Case::size).collect(),
        candidates: |case| {
            vec![
                Candidate::ours(LOOK, look(case.size)),
                Candidate::ours("a refused change", refused(case.size)),
                Candidate::peer("a scan of what is queued", scan(case.size)),
                Candidate::limit("BTreeMap under a lock", limit(case.size)),
            ]
        },
        goals: || vec![Goal::growth(LOOK, Case::size(SIZES[0]), Case::size(SIZES[2]), 5.0)],
    }
}

const LOOK: &str = "is_exclusive";
const SIZES: [u64; 3] = [1_000, 10_000, 100_000];

/// As many extents are queued, and known.
fn queued(size: u64) -> Transactions {
    let transactions = Transactions::default();
    let mut refs: Vec<_> = (0..size).map(|n| DelayedRef::add(scattered(n))).collect();
    transactions.join().expect("no commit has failed").append(&mut refs);
    assert_eq!(transactions.is_exclusive(scattered(0)), Ok(true));
    transactions
}

fn look(size: u64) -> impl FnMut(u64) -> Sample + 'static {
    let transactions = queued(size);
    repeat(size, move |extent| assert_eq!(black_box(transactions.is_exclusive(extent)), Ok(true)))
}

fn refused(size: u64) -> impl FnMut(u64) -> Sample + 'static {
    let transactions = queued(size);
    repeat(size, move |extent| {
        let unknown = LogicalRange::new(extent.start(), 1).expect("a range");
        let mut handle = transactions.join().expect("no commit has failed");
        assert!(black_box(handle.change(&[DelayedRef::drop(unknown)])).is_err());
    })
}

fn scan(size: u64) -> impl FnMut(u64) -> Sample + 'static {
    let refs: Vec<_> = (0..size).map(|n| DelayedRef::add(scattered(n))).collect();
    let refs = Mutex::new(refs);
    repeat(size, move |extent| {
        let references = refs.lock().iter().filter(|queued| queued.extent == extent).count();
        assert_eq!(black_box(references), 1);
    })
}

fn limit(size: u64) -> impl FnMut(u64) -> Sample + 'static {
    let map: BTreeMap<LogicalRange, i64> = (0..size).map(|n| (scattered(n), 1)).collect();
    let map = Mutex::new(map);
    repeat(size, move |extent| assert_eq!(black_box(map.lock().get(&extent).copied()), Some(1)))
}

/// One extent after the other.
fn repeat(
    size: u64,
    act: impl Fn(LogicalRange) + Send + Sync + 'static,
) -> impl FnMut(u64) -> Sample + 'static {
    let mut next = 0;
    move |operations| {
        measure_one(operations, |operations| {
            for _ in 0..operations {
                act(scattered(next % size));
                next += 1;
            }
            operations
        })
    }
}
