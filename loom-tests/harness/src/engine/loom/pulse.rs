//! How far a search is, seen from another thread of the system; and whether it goes on at all.

use crate::search::{Coverage, Failure, Limits, STUCK, every, interrupt};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

#[derive(Default)]
pub(super) struct Pulse {
    pub(super) executions: AtomicU64,
    /// Scheduling points, of all executions.
    pub(super) points: AtomicU64,
    pub(super) deepest: AtomicU64,
    /// The search's thread, where the system shows it.
    thread: OnceLock<PathBuf>,
}

/// A search that sleeps while this many lines of progress are due waits for something that no role of it will do.
const ASLEEP: u32 = 2;

impl Pulse {
    /// On the search's own thread.
    pub(super) fn begin(&self) {
        if let Ok(thread) = std::fs::read_link("/proc/thread-self") {
            let _ = self.thread.set(PathBuf::from("/proc").join(thread));
        }
    }

    /// Whether the thread sleeps; `None` where the system does not say.
    fn is_asleep(&self) -> Option<bool> {
        let stat = std::fs::read_to_string(self.thread.get()?.join("stat")).ok()?;
        let (_, state) = stat.rsplit_once(')')?;
        Some(state.trim_start().starts_with('S'))
    }
}

/// Looks at a pulse every so often.
pub(super) struct Watchdog {
    points: u64,
    since: Instant,
}

impl Watchdog {
    pub(super) fn new() -> Self {
        Self { points: 0, since: Instant::now() }
    }

    /// What is wrong with a search that has slept since its last scheduling point, for long.
    pub(super) fn look(&mut self, pulse: &Pulse) -> Option<Failure> {
        let points = pulse.points.load(Relaxed);
        if points != self.points || pulse.is_asleep() != Some(true) {
            (self.points, self.since) = (points, Instant::now());
        }
        let asleep = self.since.elapsed();
        (asleep >= every() * ASLEEP).then(|| {
            let executions = pulse.executions.load(Relaxed);
            let what = format!(
                "nothing has happened for {:.1} s in execution {executions}: a role waits for what loom does not see, such as \
                 a lock or a channel of std that another role has (a large search would not sleep)",
                asleep.as_secs_f64()
            );
            Failure::new(STUCK, what)
        })
    }
}

/// Of a search that was interrupted.
pub(super) fn interrupted(limits: &Limits) -> Option<Coverage> {
    interrupt::is_asked().then(|| Coverage::of_interrupted(limits))
}
