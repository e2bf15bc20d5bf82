//! The whole write path with its I/O: what of the throughput is left.
//!
//! Measured: a COW write of 4 KiB, and of 64 KiB, to a file in the page cache; real devices are slower, so
//! this is the hardest case. Against: the kernel's style. Limit: the bare `pwrite`.
//!
//! Goal: at least 0.95 of the throughput of 4 KiB, that is at most 1/0.95 of the cost.

use std::sync::Arc;

use blockgate::Volume;

use super::PAGE;
use super::device::{LANE, LaneFile, PageAligned};
use super::kernel::KernelStyle;
use super::whole::group;
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure;
use crate::method::{Axis, Bench};
use blockgate::Shards;

pub(crate) fn of_4k() -> Bench {
    Bench {
        name: "write-path/pwrite-4k",
        about: "A COW write of 4 KiB to a file in the page cache.",
        limit: "the bare pwrite",
        axis: Axis::Threads,
        metrics: &[Metric::Cpu, Metric::Wall],
        most_rounds: usize::MAX,
        cases: |_| [1, 2].map(Case::threads).into(),
        candidates: |case| candidates(case.threads, PAGE),
        goals: || [1, 2].map(|threads| Goal::of_limit(VOLUME, Case::threads(threads), 1.0 / 0.95)).into(),
    }
}

pub(crate) fn of_64k() -> Bench {
    Bench {
        name: "write-path/pwrite-64k",
        about: "A COW write of 64 KiB to a file in the page cache.",
        candidates: |case| candidates(case.threads, 16 * PAGE),
        ..of_4k()
    }
}

const VOLUME: &str = "Volume";

fn candidates(threads: usize, length: u64) -> Vec<Candidate> {
    let file = Arc::new(LaneFile::new());
    vec![
        Candidate::ours(VOLUME, volume(threads, length, Arc::clone(&file))),
        Candidate::limit("bare pwrite", bare(threads, length, Arc::clone(&file))),
        Candidate::peer("kernel style", kernel(threads, length, file)),
    ]
}

fn volume(threads: usize, length: u64, file: Arc<LaneFile>) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        // As many slices of the group as lanes of the file.
        let builder = Volume::builder(PAGE).shards(Shards::new(4)).group(group());
        let mut volume = builder.build(Arc::clone(&file) as _).expect("a volume");
        let write = |data: &mut PageAligned, operations| {
            (0..operations).filter(|_| write(&volume, data)).count() as u64
        };
        let sample = measure(threads, operations, |_| PageAligned::new(length), write);
        let refs = volume.pending().1.len() as u64;
        assert_eq!(refs, operations * threads as u64, "a ref of each write");
        sample
    }
}

fn write(volume: &Volume, data: &[u8]) -> bool {
    volume.write(data).is_ok()
}

fn bare(threads: usize, length: u64, file: Arc<LaneFile>) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        let prepare = |thread| (thread as u64 * LANE, PageAligned::new(length));
        measure(threads, operations, prepare, |(at, data), operations| {
            for _ in 0..operations {
                file.write(*at, data).expect("the file can be written");
                *at += length;
            }
            operations
        })
    }
}

fn kernel(threads: usize, length: u64, file: Arc<LaneFile>) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        let kernel = KernelStyle::new(group());
        let prepare = |thread| (thread as u64 * LANE, PageAligned::new(length));
        measure(threads, operations, prepare, |(lane, data), operations| {
            // It allocates all from one end: each thread's bytes go to its own lane, as the others' do.
            let io = |extent: blockgate::LogicalRange| {
                file.write(*lane + extent.start() % LANE, data).expect("the file can be written");
            };
            (0..operations).filter(|_| kernel.write(length, io).is_some()).count() as u64
        })
    }
}
