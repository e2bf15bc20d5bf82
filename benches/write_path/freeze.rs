//! For how long a group is frozen while others write.
//!
//! Measured: from the call that sets a group read-only until none of its writes is in flight, and until
//! they are in the commit root, with 1, 2 and 4 writers of 4 KiB each; refused, they go to a second group.
//! Against: a lock that each write holds for reading, I/O and all, and the freeze for writing: what
//! an engine without such a protocol would do.
//!
//! There is no goal in figures. The time until the commit root is mostly the commit itself, that is, what
//! was written since the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use blockgate::{Frozen, LogicalRange, Shards, Volume};
use parking_lot::RwLock;

use super::PAGE;
use super::device::{LANE, LANES, LaneFile};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::stats::percentile;
use crate::method::threads::pin;
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "write-path/freeze",
        about: "How long it takes to freeze a group under load, by writers of 4 KiB.",
        limit: "",
        axis: Axis::Threads,
        metrics: &[Metric::P50, Metric::P99],
        most_rounds: 11,
        cases: |_| [1, 2, 4].map(Case::threads).into(),
        candidates: |case| {
            let writers = case.threads;
            vec![
                Candidate::ours("until no write is in flight", move |n| settle(writers, n))
                    .operations(FREEZES),
                Candidate::ours("and until all are in the commit root", move |n| commit(writers, n))
                    .operations(FREEZES),
                Candidate::peer("RwLock held for the write", move |n| lock(writers, n)).operations(FREEZES),
            ]
        },
        goals: Vec::new,
    }
}

const FREEZES: u64 = 100;

fn settle(writers: usize, freezes: u64) -> Sample {
    let volume = volume();
    let group = &volume.groups()[0];
    let freeze = || {
        let start = Instant::now();
        let settled =
            Frozen::freeze(group.block_group()).wait_writers().wait_ordered(group.ordered_extents());
        let latency = start.elapsed();
        drop(settled);
        latency
    };
    under_load(writers, freezes, |data| volume.write(data).is_ok(), freeze)
}

fn commit(writers: usize, freezes: u64) -> Sample {
    let volume = volume();
    let group = &volume.groups()[0];
    let freeze = || {
        let start = Instant::now();
        let settled =
            Frozen::freeze(group.block_group()).wait_writers().wait_ordered(group.ordered_extents());
        let committed = settled.commit(&volume).expect("the references fit");
        let latency = start.elapsed();
        drop(committed);
        latency
    };
    under_load(writers, freezes, |data| volume.write(data).is_ok(), freeze)
}

/// Two groups, each of half of every lane.
fn volume() -> Volume {
    let half = LANES * LANE / 2;
    let group = |start| LogicalRange::new(start, half).expect("a range");
    let builder = Volume::builder(PAGE).shards(Shards::new(4)).group(group(0)).group(group(half));
    builder.build(Arc::new(LaneFile::new())).expect("a volume")
}

fn lock(writers: usize, freezes: u64) -> Sample {
    let (lock, file, next) = (RwLock::new(()), LaneFile::new(), AtomicU64::new(0));
    let write = |data: &[u8]| {
        let _writing = lock.read();
        let page = next.fetch_add(1, Ordering::Relaxed);
        file.write(page % LANES * LANE + page / LANES * PAGE, data).is_ok()
    };
    let freeze = || {
        let start = Instant::now();
        let _frozen = lock.write();
        start.elapsed()
    };
    under_load(writers, freezes, write, freeze)
}

fn under_load(
    writers: usize,
    freezes: u64,
    write: impl Fn(&[u8]) -> bool + Sync,
    mut freeze: impl FnMut() -> Duration,
) -> Sample {
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let latencies: Vec<f64> = std::thread::scope(|scope| {
        for thread in 0..writers {
            let (stop, written, write) = (&stop, &written, &write);
            scope.spawn(move || written.fetch_add(write_until(thread, stop, write), Ordering::Relaxed));
        }
        let latencies = (0..freezes).map(|_| once(&mut freeze)).collect();
        stop.store(true, Ordering::Relaxed);
        latencies
    });
    assert!(written.into_inner() > 0, "nothing was written");
    let p50 = percentile(latencies.clone(), 50);
    Sample::default().with(Metric::P50, p50).with(Metric::P99, percentile(latencies, 99))
}

fn write_until(thread: usize, stop: &AtomicBool, write: impl Fn(&[u8]) -> bool) -> u64 {
    pin(thread);
    let data = vec![7; PAGE as usize];
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        assert!(write(&data), "refused writers go to the other group");
        written += 1;
    }
    written
}

fn once(freeze: &mut impl FnMut() -> Duration) -> f64 {
    // The writers get going again.
    std::thread::sleep(Duration::from_micros(200));
    freeze().as_secs_f64() * 1e6
}
