//! The whole write path, without I/O.
//!
//! Measured: a COW write of a page from admission to the end of its transaction handle: reserve, ordered
//! extent, release, (no I/O), join, delayed ref, end, finish. With space that is allocated by
//! `Volume::begin_cow`, and, built from the types below it, with an extent that the thread brought along.
//! Against: the same steps with locks and maps in the kernel's style. Limit: a locked addition and a locked
//! subtraction.
//!
//! Goals: at most 40 ns (8 times the limit) at 1 thread; 5 times cheaper than the kernel's style at 1
//! thread, 7 times at 2.

use std::hint::black_box;

use blockgate::{DelayedRef, Gate, LogicalRange, OrderedExtents, Transactions, Volume};

use super::PAGE;
use super::device::{LANE, LANES, Nothing};
use super::kernel::KernelStyle;
use crate::method::goal::Goal;
use crate::method::limit::{LIMIT, private_words};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure;
use crate::method::{Axis, Bench};

pub(crate) fn with_allocation() -> Bench {
    Bench {
        name: "write-path/whole",
        about: "A COW write from admission to the end of its handle, with allocation and without I/O.",
        limit: LIMIT,
        axis: Axis::Threads,
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |_| [1, 2, 4].map(Case::threads).into(),
        candidates: |case| {
            vec![
                Candidate::ours(VOLUME, volume(case.threads)),
                private_words(case.threads),
                Candidate::peer(KERNEL, kernel(case.threads, true)),
            ]
        },
        goals: || goals(VOLUME),
    }
}

pub(crate) fn without_allocation() -> Bench {
    Bench {
        name: "write-path/no-allocation",
        about: "The same with an extent that the thread brought along.",
        candidates: |case| {
            vec![
                Candidate::ours(PARTS, parts(case.threads)),
                private_words(case.threads),
                Candidate::peer(KERNEL, kernel(case.threads, false)),
            ]
        },
        goals: || goals(PARTS),
        ..with_allocation()
    }
}

const VOLUME: &str = "Volume::begin_cow, finish";
const PARTS: &str = "Gate, OrderedExtents, Transactions";
const KERNEL: &str = "kernel style";

const MEMORY: &str = "ten locked operations are 5 limits; most of the rest is memory for the refs, which nobody \
                      drains here: each page is touched for the first time";

fn goals(ours: &'static str) -> Vec<Goal> {
    let (one, two) = (Case::threads(1), Case::threads(2));
    vec![
        Goal::of_limit(ours, one, 8.0).missed_because(MEMORY),
        Goal::value(ours, one, Metric::Cpu, 40.0).missed_because(MEMORY),
        Goal::than(ours, one, &[KERNEL], 5.0).missed_because(
            "nobody else wants its locks here, so the kernel's way waits for none; ours spends 5 limits in \
             locked operations, and cannot come below",
        ),
        Goal::than(ours, two, &[KERNEL], 7.0),
    ]
}

/// Of all lanes.
pub(super) fn group() -> LogicalRange {
    LogicalRange::new(0, LANES * LANE).expect("a range")
}

fn volume(threads: usize) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        let device = std::sync::Arc::new(Nothing);
        let mut volume = Volume::builder(PAGE).group(group()).build(device).expect("a volume");
        let write = |(): &mut (), operations| (0..operations).filter(|_| write(&volume)).count() as u64;
        let sample = measure(threads, operations, |_| (), write);
        let refs = volume.pending().1.len() as u64;
        assert_eq!(refs, operations * threads as u64, "a ref of each write");
        sample
    }
}

#[inline]
fn write(volume: &Volume) -> bool {
    let write = volume.begin_cow(PAGE).expect("space");
    black_box(write.extent());
    write.finish().is_ok()
}

/// The parts of a write path without a group's space.
#[derive(Default)]
struct Parts {
    reservations: Gate,
    ordered: OrderedExtents,
    transactions: Transactions,
}

impl Parts {
    #[inline]
    fn write(&self, extent: LogicalRange) -> bool {
        let reservation = self.reservations.enter().expect("open");
        let ordered = self.ordered.add(extent);
        drop(reservation);
        self.transactions.push(DelayedRef::add(extent)).expect("no commit has failed");
        ordered.finish();
        true
    }
}

fn parts(threads: usize) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        let mut parts = Parts::default();
        let write = |thread: &mut u64, operations| {
            (0..operations).filter(|n| parts.write(extent(*thread, *n))).count() as u64
        };
        let sample = measure(threads, operations, |thread| thread as u64, write);
        let refs = parts.transactions.pending().1.len() as u64;
        assert_eq!(refs, operations * threads as u64, "a ref of each write");
        sample
    }
}

/// The `n`th extent of a thread.
fn extent(thread: u64, n: u64) -> LogicalRange {
    LogicalRange::new(thread * LANE + n * PAGE, PAGE).expect("a range")
}

fn kernel(threads: usize, allocates: bool) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        let kernel = KernelStyle::new(group());
        let write = |thread: &mut u64, operations| {
            let write = |n| {
                if allocates {
                    kernel.write(PAGE, |extent| _ = black_box(extent))
                } else {
                    kernel.write_to(|| Some(extent(*thread, n)), |extent| _ = black_box(extent))
                }
            };
            (0..operations).filter(|n| write(*n).is_some()).count() as u64
        };
        let sample = measure(threads, operations, |thread| thread as u64, write);
        let refs = usize::try_from(operations).expect("they are in memory") * threads;
        assert_eq!(kernel.counts(), (refs, 0), "a ref of each write");
        sample
    }
}
