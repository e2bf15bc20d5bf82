//! What a commit costs, by the size of the tree.
//!
//! Measured: join, 50 references dropped and 50 added, commit; afterwards a reader can hold the commit root
//! for as long as it likes. Against: copying an ordinary map for the reader. Limit: changing an ordinary map
//! in place, with nothing for the reader.
//!
//! Goal: a commit costs in proportion to what changed. A tree of 1000 times as many extents is twice as
//! deep and fits no cache: at most 4 times the cost is asked for, where copying has 1000.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

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
        name: "refs/commit",
        about: "Commit 100 changes, with a snapshot for readers.",
        limit: "a BTreeMap changed in place, without a snapshot",
        axis: Axis::Size("extents in the tree"),
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |settings| settings.sizes(&SIZES).into_iter().map(Case::size).collect(),
        candidates: |case| {
            vec![
                Candidate::ours(OURS, run(case.size, Ours::default())),
                Candidate::limit("BTreeMap in place", run(case.size, InPlace::default())),
                Candidate::peer("BTreeMap, copied for readers", run(case.size, Copied::default())),
            ]
        },
        goals: || {
            let growth = Goal::growth(OURS, Case::size(SIZES[0]), Case::size(SIZES[3]), 4.0);
            vec![growth.missed_because(
                "what grows is cache misses: a map that is changed in place grows by more, see its row",
            )]
        },
    }
}

const OURS: &str = "Transactions";
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// A commit drops this many, and adds as many.
const HALF: u64 = 50;

/// Something that extents are committed to.
trait Commits: Send + 'static {
    /// Returns how many extents there are then.
    fn commit(&mut self, drop: &[LogicalRange], add: &[LogicalRange]) -> usize;
}

#[derive(Default)]
struct Ours(Transactions);

impl Commits for Ours {
    fn commit(&mut self, drop: &[LogicalRange], add: &[LogicalRange]) -> usize {
        let mut handle = self.0.join().expect("no commit has failed");
        for extent in drop {
            handle.push(DelayedRef::drop(*extent));
        }
        for extent in add {
            handle.push(DelayedRef::add(*extent));
        }
        handle.end();
        self.0.commit().expect("the references fit").len()
    }
}

type Map = BTreeMap<u64, (LogicalRange, u64)>;

#[derive(Default)]
struct InPlace(Map);

impl Commits for InPlace {
    fn commit(&mut self, drop: &[LogicalRange], add: &[LogicalRange]) -> usize {
        for extent in drop {
            assert!(self.0.remove(&extent.start()).is_some());
        }
        self.0.extend(add.iter().map(|extent| (extent.start(), (*extent, 1))));
        self.0.len()
    }
}

#[derive(Default)]
struct Copied {
    live: InPlace,
    commit_root: Mutex<Arc<Map>>,
}

impl Commits for Copied {
    fn commit(&mut self, drop: &[LogicalRange], add: &[LogicalRange]) -> usize {
        let count = self.live.commit(drop, add);
        *self.commit_root.lock() = Arc::new(self.live.0.clone());
        count
    }
}

fn run<C: Commits>(size: u64, mut tree: C) -> impl FnMut(u64) -> Sample + 'static {
    let all: Vec<LogicalRange> = (0..size + HALF).map(scattered).collect();
    tree.commit(&[], &all[..all.len() - HALF as usize]);
    // `all` as a ring: what lies before `next` is missing, what comes after it is dropped next.
    let mut next = 0;
    move |operations| {
        measure_one(operations, |operations| {
            for _ in 0..operations {
                let at = |n: u64| all[(n % (size + HALF)) as usize];
                let drop: Vec<_> = (next..next + HALF).map(at).collect();
                let add: Vec<_> = (next + size..next + size + HALF).map(at).collect();
                assert_eq!(black_box(tree.commit(&drop, &add)) as u64, size);
                next += HALF;
            }
            operations
        })
    }
}
