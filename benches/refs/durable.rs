//! What it costs to be durable, and to write beside others that make theirs so.
//!
//! Measured: a write and a commit, over a device whose flush takes a millisecond, by 1 to 8 threads; and how
//! long it takes to join a transaction beside a thread that commits all the time, over a device whose flush
//! takes 5. Against: a lock that a commit holds from its beginning to its end, flush and all; threads that
//! write hold it for reading.
//!
//! Goals: 8 threads do at least 5 times the durable writes of one (they share flushes, and a flush can serve no
//! more than 8). Joining takes less than 100 microseconds at the 99th percentile, that is, it does not wait for
//! the flush.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blockgate::{Device, LogicalRange, MemoryDevice, Shards, Volume};
use parking_lot::RwLock;

use crate::method::goal::{Bound, Goal, Quantity};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::stats::percentile;
use crate::method::threads::measure;
use crate::method::{Axis, Bench};

use super::PAGE;

pub(crate) fn by_threads() -> Bench {
    Bench {
        name: "refs/durable",
        about: "A write of 4 KiB and a commit, over a flush of a millisecond.",
        limit: "",
        axis: Axis::Threads,
        metrics: &[Metric::Wall],
        most_rounds: 11,
        cases: |_| [1, 2, 4, 8].map(Case::threads).into(),
        candidates: |case| {
            let threads = case.threads;
            vec![
                Candidate::ours(OURS, move |n| shared(threads, n)).operations(WRITES),
                Candidate::peer("a lock held by each commit", move |n| one_by_one(threads, n))
                    .operations(WRITES),
            ]
        },
        goals: || {
            let growth = Quantity::Growth { from: Case::threads(1) };
            let goal = Goal::new(OURS, Case::threads(8), Metric::Wall, growth, Bound::AtMost(0.2));
            vec![goal.missed_because(WAKING)]
        },
    }
}

pub(crate) fn join() -> Bench {
    Bench {
        name: "refs/join-beside-a-flush",
        about: "Joining a transaction beside a thread that commits all the time, over a flush of 5 ms.",
        limit: "",
        axis: Axis::Threads,
        metrics: &[Metric::P50, Metric::P99],
        most_rounds: 11,
        cases: |_| vec![Case::threads(1)],
        candidates: |_| {
            vec![
                Candidate::ours(JOIN, beside_commits).operations(JOINS),
                Candidate::peer("RwLock held by the commit", beside_a_lock).operations(JOINS),
            ]
        },
        goals: || vec![Goal::value(JOIN, Case::threads(1), Metric::P99, 100.0)],
    }
}

/// Seen at 0.19 to 0.20. With eight yields for each thread that was served it was 0.19: too little for so many.
const WAKING: &str = "a thread that was served is woken, and writes, before it asks again: a leader that waits for one yield \
                      misses some of them";

const OURS: &str = "Volume::write, Volume::commit";
const JOIN: &str = "Volume::join";
/// Of each thread, in a sample.
const WRITES: u64 = 50;
const JOINS: u64 = 400;

/// Memory, whose flush takes a while.
struct Slow {
    memory: MemoryDevice,
    flush: Duration,
}

impl Device for Slow {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.memory.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        std::thread::sleep(self.flush);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.memory.length()
    }
}

/// Room for what all threads write in a sample.
fn volume(flush: Duration) -> Volume {
    let length = 8 * WRITES * PAGE;
    let memory = MemoryDevice::new(usize::try_from(length).expect("small"));
    let group = LogicalRange::new(0, length).expect("a range");
    let builder = Volume::builder(PAGE).shards(Shards::new(8)).group(group);
    builder.build(Arc::new(Slow { memory, flush })).expect("a volume")
}

fn shared(threads: usize, writes: u64) -> Sample {
    let volume = volume(Duration::from_millis(1));
    write_and_commit(threads, writes, &volume, || _ = volume.commit().expect("nothing fails"))
}

fn one_by_one(threads: usize, writes: u64) -> Sample {
    let (volume, lock) = (volume(Duration::from_millis(1)), RwLock::new(()));
    write_and_commit(threads, writes, &volume, || {
        let _committing = lock.write();
        _ = volume.commit().expect("nothing fails");
    })
}

fn write_and_commit(threads: usize, writes: u64, volume: &Volume, commit: impl Fn() + Sync) -> Sample {
    measure(
        threads,
        writes,
        |_| vec![7; PAGE as usize],
        |data, writes| {
            for _ in 0..writes {
                volume.write(data).expect("there is space");
                commit();
            }
            writes
        },
    )
}

fn beside_commits(joins: u64) -> Sample {
    let volume = volume(Duration::from_millis(5));
    // No change: it joins, looks, and ends.
    let join = || volume.change_references(&[]).expect("nothing fails");
    beside(joins, || _ = volume.commit().expect("nothing fails"), join)
}

fn beside_a_lock(joins: u64) -> Sample {
    let lock = RwLock::new(());
    let commit = || {
        let _committing = lock.write();
        std::thread::sleep(Duration::from_millis(5));
    };
    beside(joins, commit, || drop(lock.read()))
}

/// Joins now and then, as threads that have other things to do, beside a thread that commits all the time.
fn beside<R>(joins: u64, commit: impl Fn() + Sync, join: impl Fn() -> R) -> Sample {
    let stop = AtomicBool::new(false);
    let latencies: Vec<f64> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                commit();
            }
        });
        let latencies = (0..joins).map(|_| once(&join)).collect();
        stop.store(true, Ordering::Relaxed);
        latencies
    });
    let p50 = percentile(latencies.clone(), 50);
    Sample::default().with(Metric::P50, p50).with(Metric::P99, percentile(latencies, 99))
}

fn once<R>(join: impl Fn() -> R) -> f64 {
    std::thread::sleep(Duration::from_micros(100));
    let start = Instant::now();
    let joined = join();
    let latency = start.elapsed();
    drop(joined);
    latency.as_secs_f64() * 1e6
}
