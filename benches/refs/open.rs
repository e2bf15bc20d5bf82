//! Opening a volume again from its last root.
//!
//! Measured: the checks, the extent tree and the free space of a volume, from a list of its extents with a free unit
//! behind each; in the order of addresses, as a root yields them, and in a random one. No device is read. Against:
//! writing as many extents anew, without I/O, and committing them. Limit: the list, sorted, as a `BTreeMap` of the
//! extents and one of the free ranges, without a check.
//!
//! Goal: a million extents in under a second.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use blockgate::extent_tree::ExtentItem;
use blockgate::{LogicalRange, TransactionId, Volume, VolumeBuilder};

use super::PAGE;
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure;
use crate::method::{Axis, Bench};
use crate::write_path::device::Nothing;

pub(crate) fn bench() -> Bench {
    Bench {
        name: "refs/open",
        about: "Open a volume again from the list of its extents, per extent.",
        limit: "the list, sorted, as a BTreeMap of extents and one of free ranges",
        axis: Axis::Size("extents"),
        metrics: &[Metric::Cpu],
        most_rounds: 5,
        cases: |settings| settings.sizes(&SIZES).into_iter().map(Case::size).collect(),
        candidates: |case| {
            let shuffled = || {
                let mut items = items(case.size);
                fastrand::shuffle(&mut items);
                items
            };
            vec![
                Candidate::ours(IN_ORDER, run(items(case.size), open)).operations(case.size),
                Candidate::ours(SHUFFLED, run(shuffled(), open)).operations(case.size),
                Candidate::limit("BTreeMaps", run(items(case.size), maps)).operations(case.size),
                Candidate::peer("written anew", run(items(case.size), write_anew)).operations(case.size),
            ]
        },
        goals: || [IN_ORDER, SHUFFLED].map(a_million_a_second).into(),
    }
}

const IN_ORDER: &str = "last_root, in order";
const SHUFFLED: &str = "last_root, shuffled";
const SIZES: [u64; 2] = [1_000, 1_000_000];

fn a_million_a_second(candidate: &'static str) -> Goal {
    Goal::value(candidate, Case::size(SIZES[1]), Metric::Cpu, 1000.0)
}

/// Extents of a unit, with a free unit behind each.
fn items(size: u64) -> Vec<ExtentItem> {
    let extent = |n| LogicalRange::new(2 * n * PAGE, PAGE).expect("a range");
    (0..size).map(|n| ExtentItem { extent: extent(n), references: 1 }).collect()
}

/// The list is copied before the clock runs, and what was made of it is dropped behind it.
fn run<Made: 'static>(
    items: Vec<ExtentItem>,
    make: impl Fn(Vec<ExtentItem>) -> Made + Sync + 'static,
) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        let prepare = |_| (items.clone(), None);
        measure(1, operations, prepare, |(items, made), operations| {
            *made = Some(black_box(make(std::mem::take(items))));
            operations
        })
    }
}

fn open(items: Vec<ExtentItem>) -> Volume {
    let builder = layout(items.len() as u64).last_root(TransactionId(1), items);
    builder.build(Arc::new(Nothing)).expect("a good root")
}

fn layout(size: u64) -> VolumeBuilder {
    Volume::builder(PAGE).group(LogicalRange::new(0, 2 * size * PAGE).expect("a range"))
}

fn write_anew(items: Vec<ExtentItem>) -> Volume {
    let volume = layout(items.len() as u64).build(Arc::new(Nothing)).expect("a good layout");
    for item in items {
        volume.begin_cow(item.extent.len()).expect("space").finish().expect("queued");
    }
    volume.commit().expect("commits");
    volume
}

fn maps(mut items: Vec<ExtentItem>) -> (BTreeMap<u64, ExtentItem>, BTreeMap<u64, u64>) {
    items.sort_unstable_by_key(|item| item.extent);
    let free = items.iter().map(|item| (item.extent.end(), PAGE)).collect();
    (items.into_iter().map(|item| (item.extent.start(), item)).collect(), free)
}
