//! For how long a group is frozen while others write.
//!
//! Measured: from the call that sets a group read-only until none of its writes is in flight, and until
//! they are in the commit root, with 1, 2 and 4 writers of 4 KiB each; refused, they go to a second group, or there is
//! none, and they wait. Against: a lock that each write holds for reading, I/O and all, and the freeze for writing: what
//! an engine without such a protocol would do.
//!
//! Goal: where refused writers wait, as they do for the lock, the 99th percentile is no longer than the lock's. There is
//! none where they go on elsewhere: a writer that was taken off its processor in the middle of a write then waits
//! there for as long as others run, a time slice or two. (The rows where they wait show that this is the cause.) Nor
//! until the commit root: that time is mostly the commit itself, that is, what was written since the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use blockgate::volume::WriteError;
use blockgate::{Frozen, LogicalRange, Shards, Volume};
use parking_lot::RwLock;

use super::PAGE;
use super::device::{LANE, LANES, LaneFile};
use crate::method::goal::{Bound, Goal, Quantity};
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
            let ours = |name, refused, until| {
                Candidate::ours(name, move |freezes| ours(writers, freezes, refused, until))
                    .operations(FREEZES)
            };
            vec![
                ours("until no write is in flight", Refused::GoElsewhere, Until::Settled),
                ours("and until all are in the commit root", Refused::GoElsewhere, Until::Committed),
                ours(WAIT, Refused::Wait, Until::Settled),
                ours("and until all are in the commit root, refused wait", Refused::Wait, Until::Committed),
                Candidate::peer(LOCK, move |freezes| lock(writers, freezes)).operations(FREEZES),
            ]
        },
        goals: || {
            vec![Goal::new(WAIT, Case::threads(4), Metric::P99, Quantity::Than(&[LOCK]), Bound::AtLeast(1.0))]
        },
    }
}

const WAIT: &str = "until no write is in flight, refused wait";
const LOCK: &str = "RwLock held for the write";
const FREEZES: u64 = 100;

/// What a writer does whose group is frozen.
#[derive(Clone, Copy)]
enum Refused {
    GoElsewhere,
    Wait,
}

#[derive(Clone, Copy)]
enum Until {
    Settled,
    Committed,
}

fn ours(writers: usize, freezes: u64, refused: Refused, until: Until) -> Sample {
    let volume = match refused {
        Refused::GoElsewhere => volume(2),
        Refused::Wait => volume(1),
    };
    let group = &volume.groups()[0];
    let freeze = || {
        let start = Instant::now();
        let settled =
            Frozen::freeze(group.block_group()).wait_writers().wait_ordered(group.ordered_extents());
        match until {
            Until::Settled => ended(start, settled),
            Until::Committed => ended(start, settled.commit(&volume).expect("the references fit")),
        }
    };
    let write = |data: &[u8]| match refused {
        Refused::GoElsewhere => volume.write(data).is_ok(),
        Refused::Wait => write_or_wait(&volume, data).is_ok(),
    };
    under_load(writers, freezes, write, freeze)
}

/// The thaw is not measured.
fn ended<F>(start: Instant, frozen: F) -> Duration {
    let latency = start.elapsed();
    drop(frozen);
    latency
}

fn write_or_wait(volume: &Volume, data: &[u8]) -> Result<LogicalRange, WriteError> {
    let write = volume.wait_begin_cow(data.len() as u64)?;
    write.write_at(0, data)?;
    write.finish()
}

/// Each group has its part of every lane.
fn volume(groups: u64) -> Volume {
    let length = LANES * LANE / groups;
    let builder = (0..groups).fold(Volume::builder(PAGE).shards(Shards::new(4)), |builder, group| {
        builder.group(LogicalRange::new(group * length, length).expect("a range"))
    });
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
