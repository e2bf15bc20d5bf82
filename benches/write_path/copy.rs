//! The copy loop of a replace.
//!
//! Measured: the replace of a device of 64 MiB on a file in the page cache, with nobody writing: drain,
//! commit and copy of one group, per MiB. Cases: in how many extents the bytes are. Limit: a bare loop that
//! reads and writes the same files, a MiB at a time.
//!
//! Goal: at least 0.97 of the speed of the bare loop, that is at most 1/0.97 of the cost.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use blockgate::volume::{CowWrite, Policy};
use blockgate::{Device, LogicalRange, Volume};

use super::PAGE;
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure_one;
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "write-path/copy",
        about: "The replace of a device of 64 MiB with nobody writing, per MiB.",
        limit: "a bare loop of reads and writes of a MiB",
        axis: Axis::Size("extents"),
        metrics: &[Metric::Cpu, Metric::Wall],
        most_rounds: usize::MAX,
        cases: |_| EXTENTS.map(Case::size).into(),
        candidates: |case| {
            let files = (Arc::new(FileDevice::new()), Arc::new(FileDevice::new()));
            vec![
                Candidate::ours(OURS, replace(case.size, &files)).operations(MIB),
                Candidate::limit("bare loop", bare(files)).operations(MIB),
            ]
        },
        goals: || {
            let goal = |extents| {
                Goal::of_limit(OURS, Case::size(extents), 1.0 / 0.97)
                    .missed_because("the walk of the extent tree: 256 extents a MiB are small ones")
            };
            EXTENTS.map(goal).into()
        },
    }
}

const OURS: &str = "DeviceReplace";
/// Of a MiB, of 64 KiB, of 4 KiB each.
const EXTENTS: [u64; 3] = [64, 1024, 16384];
const MIB: u64 = 64;
const LENGTH: u64 = MIB << 20;

/// A file, in the page cache.
struct FileDevice(File);

impl FileDevice {
    fn new() -> Self {
        let file = tempfile::tempfile().expect("a temporary file");
        let zeros = vec![0; LENGTH as usize];
        file.write_all_at(&zeros, 0).expect("64 MiB in a temporary file");
        Self(file)
    }
}

impl Device for FileDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    /// Of no interest here: what is measured is the loop.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(LENGTH)
    }
}

fn replace(extents: u64, files: &(Arc<FileDevice>, Arc<FileDevice>)) -> impl FnMut(u64) -> Sample + 'static {
    let (source, target) = files.clone();
    let range = LogicalRange::new(0, LENGTH).expect("a range");
    let volume = Volume::builder(PAGE).group(range).build(source).expect("a volume");
    for _ in 0..extents {
        volume.begin_cow(LENGTH / extents).and_then(CowWrite::finish).expect("space");
    }
    volume.commit().expect("the references fit");
    move |operations| {
        let target: Arc<dyn Device> = Arc::clone(&target) as _;
        measure_one(operations, |_| {
            let mut replace =
                volume.start_replace(Arc::clone(&target), Policy::default()).expect("a replace");
            let summary = replace.run().expect("the files can be read and written");
            // Dropped unfinished: the next sample replaces the same device again.
            drop(replace);
            assert_eq!(summary[0].copied.extents, extents);
            summary[0].copied.bytes >> 20
        })
    }
}

fn bare((source, target): (Arc<FileDevice>, Arc<FileDevice>)) -> impl FnMut(u64) -> Sample + 'static {
    move |operations| {
        measure_one(operations, |operations| {
            let mut buffer = vec![0; 1 << 20];
            for mib in 0..operations {
                source.read_at(mib << 20, &mut buffer).expect("the file can be read");
                target.write_at(mib << 20, &buffer).expect("the file can be written");
            }
            operations
        })
    }
}
