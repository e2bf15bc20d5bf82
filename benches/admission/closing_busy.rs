//! Closing a door that four writers go through all the time.
//!
//! Measured: from the call to the moment at which nobody is inside. Against: the write lock of the locks
//! that writers would hold for reading. A lock makes a refused writer wait. At the gate it may, or go on
//! elsewhere, as a writer that meets a read-only group does, at once or after it has yielded: all are
//! measured. A writer is inside for a tenth of its time.
//!
//! Goal: the 99th percentile at most a fifth of both `RwLock`s'. With fewer processors than threads it is
//! how soon the one that was taken off its processor while inside gets to run again: the row of 1 writer
//! shows what the gate itself takes.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use blockgate::Gate;
use crossbeam_utils::sync::ShardedLock;

use crate::method::goal::{Bound, Goal, Quantity};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::stats::percentile;
use crate::method::threads::pin;
use crate::method::{Axis, Bench};

const CASE: Case = Case::threads(4);

pub(crate) fn bench() -> Bench {
    Bench {
        name: "admission/close-busy",
        about: "How long a closing takes until nobody is inside, by writers that go in and out.",
        limit: "",
        axis: Axis::Threads,
        metrics: &[Metric::P50, Metric::P99],
        most_rounds: usize::MAX,
        cases: |_| [1, 2, 4].map(Case::threads).into(),
        candidates: |case| {
            let writers = case.threads;
            vec![
                Candidate::ours(ELSEWHERE, run::<Gate>(writers)).operations(CLOSINGS),
                Candidate::ours(YIELD, run::<Yielding>(writers)).operations(CLOSINGS),
                Candidate::ours(WAIT, run::<Patient>(writers)).operations(CLOSINGS),
                Candidate::peer("std RwLock", run::<std::sync::RwLock<()>>(writers)).operations(CLOSINGS),
                Candidate::peer("parking_lot RwLock", run::<parking_lot::RwLock<()>>(writers))
                    .operations(CLOSINGS),
                Candidate::peer("crossbeam ShardedLock", run::<ShardedLock<()>>(writers))
                    .operations(CLOSINGS),
            ]
        },
        goals: || {
            let fifth = |ours| Goal::new(ours, CASE, Metric::P99, LOCKS, Bound::AtLeast(5.0));
            vec![
                fifth(ELSEWHERE).missed_because(TIME_SLICE),
                fifth(YIELD).missed_because(PARKS),
                fifth(WAIT).missed_because(PARKS),
            ]
        },
    }
}

const ELSEWHERE: &str = "Gate, refused go elsewhere";
const YIELD: &str = "Gate, refused yield";
const WAIT: &str = "Gate, refused wait";

const TIME_SLICE: &str = "a writer that was taken off its processor while inside waits there for as long as \
                          others run, and the refused ones do not make room; see what one yield does";
const PARKS: &str = "the locks' 99th percentile is about one wake-up by the system, and a fifth of that is less \
                     than one takes";

const LOCKS: Quantity = Quantity::Than(&["std RwLock", "parking_lot RwLock"]);
const CLOSINGS: u64 = 200;

trait Closing: Default + Send + Sync + 'static {
    /// A writer goes in, does `work` there, and leaves. Whether it was admitted.
    fn write(&self, work: impl Fn()) -> bool;

    /// Closes, calls `empty` once nobody is inside, and opens.
    fn close(&self, empty: impl FnOnce());
}

impl Closing for Gate {
    fn write(&self, work: impl Fn()) -> bool {
        self.enter().map(|_inside| work()).is_ok()
    }

    fn close(&self, empty: impl FnOnce()) {
        let closed = self.close();
        closed.wait_empty();
        empty();
    }
}

/// A gate whose writers wait.
#[derive(Default)]
struct Patient(Gate);

impl Closing for Patient {
    fn write(&self, work: impl Fn()) -> bool {
        let inside = self.0.enter().or_else(|_closed| self.0.wait_enter());
        work();
        drop(inside.expect("nobody seals it"));
        true
    }

    fn close(&self, empty: impl FnOnce()) {
        Closing::close(&self.0, empty);
    }
}

/// A gate whose writers give up the processor once before they go on elsewhere.
#[derive(Default)]
struct Yielding(Gate);

impl Closing for Yielding {
    fn write(&self, work: impl Fn()) -> bool {
        let admitted = self.0.enter().map(|_inside| work()).is_ok();
        if !admitted {
            std::thread::yield_now();
        }
        admitted
    }

    fn close(&self, empty: impl FnOnce()) {
        Closing::close(&self.0, empty);
    }
}

impl Closing for std::sync::RwLock<()> {
    fn write(&self, work: impl Fn()) -> bool {
        self.read().map(|_read| work()).is_ok()
    }

    fn close(&self, empty: impl FnOnce()) {
        let _written = self.write().expect("nobody panics");
        empty();
    }
}

impl Closing for parking_lot::RwLock<()> {
    fn write(&self, work: impl Fn()) -> bool {
        let _read = self.read();
        work();
        true
    }

    fn close(&self, empty: impl FnOnce()) {
        let _written = self.write();
        empty();
    }
}

impl Closing for ShardedLock<()> {
    fn write(&self, work: impl Fn()) -> bool {
        self.read().map(|_read| work()).is_ok()
    }

    fn close(&self, empty: impl FnOnce()) {
        let _written = self.write().expect("nobody panics");
        empty();
    }
}

fn run<C: Closing>(writers: usize) -> impl FnMut(u64) -> Sample + 'static {
    move |closings| close_under_load::<C>(writers, closings)
}

fn close_under_load<C: Closing>(writers: usize, closings: u64) -> Sample {
    let (door, stop, admitted) = (Arc::new(C::default()), AtomicBool::new(false), AtomicU64::new(0));
    let latencies: Vec<f64> = std::thread::scope(|scope| {
        for thread in 0..writers {
            let (door, stop, admitted) = (&*door, &stop, &admitted);
            scope.spawn(move || admitted.fetch_add(writer(door, thread, stop), Ordering::Relaxed));
        }
        let latencies = (0..closings).map(|_| close_once(&*door)).collect();
        stop.store(true, Ordering::Relaxed);
        latencies
    });
    assert_eq!(latencies.len() as u64, closings);
    assert!(admitted.into_inner() > 0, "no writer was admitted");
    let p50 = percentile(latencies.clone(), 50);
    Sample::default().with(Metric::P50, p50).with(Metric::P99, percentile(latencies, 99))
}

fn writer<C: Closing>(door: &C, thread: usize, stop: &AtomicBool) -> u64 {
    pin(thread);
    let mut admitted = 0;
    while !stop.load(Ordering::Relaxed) {
        // Refused, it does the same elsewhere.
        if door.write(|| work(INSIDE)) {
            admitted += 1;
        } else {
            work(INSIDE);
        }
        work(OUTSIDE);
    }
    admitted
}

/// About as long as a reservation takes, and what a writer does before the next one.
const INSIDE: u32 = 100;
const OUTSIDE: u32 = 900;

fn work(steps: u32) {
    for i in 0..steps {
        black_box(i);
    }
}

fn close_once<C: Closing>(door: &C) -> f64 {
    // The writers get going again.
    std::thread::sleep(Duration::from_micros(50));
    let start = Instant::now();
    let mut latency = Duration::ZERO;
    door.close(|| latency = start.elapsed());
    latency.as_secs_f64() * 1e6
}
