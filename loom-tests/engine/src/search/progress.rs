//! How much is done.

use std::time::{Duration, Instant};

/// How far a search is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Complete executions so far.
    pub complete: u64,
    /// Those that sleep sets blocked.
    pub blocked: u64,
    /// How long it has taken.
    pub elapsed: Duration,
    /// The share of the search that is done, from 0 to 1, if what is not known yet is like what is known: an
    /// estimate that is mostly too high, since races are found as the search goes on. `None` if the search is
    /// bounded by preemptions.
    pub share: Option<f64>,
}

impl Progress {
    /// Executions a second, blocked ones included.
    pub fn rate(&self) -> f64 {
        (to_f64(self.complete) + to_f64(self.blocked)) / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// How many complete executions there will be, by the share that is done.
    pub fn estimated_total(&self) -> Option<f64> {
        self.share.map(|share| to_f64(self.complete) / share.max(1e-12))
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

/// Calls back from time to time.
pub(crate) struct Reporter {
    pub(crate) every: Duration,
    pub(crate) callback: Box<dyn FnMut(&Progress)>,
    due: Duration,
}

/// A look at the clock costs as much as an event, so it is looked at once in so many executions.
const EXECUTIONS_A_LOOK: u64 = 64;

/// Measures a search.
pub(crate) struct Stopwatch {
    began: Instant,
    until_look: u64,
    /// At the last look.
    elapsed: Duration,
}

impl Reporter {
    pub(crate) fn new(every: Duration, callback: Box<dyn FnMut(&Progress)>) -> Self {
        Self { every, callback, due: every }
    }

    pub(crate) fn report_if_due(&mut self, elapsed: Duration, progress: impl FnOnce() -> Progress) {
        if elapsed >= self.due {
            self.due = elapsed + self.every;
            (self.callback)(&progress());
        }
    }
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now(), until_look: EXECUTIONS_A_LOOK, elapsed: Duration::ZERO }
    }

    /// The time, if it is time to look.
    pub(crate) fn look(&mut self) -> Option<Duration> {
        self.until_look -= 1;
        if self.until_look > 0 {
            return None;
        }
        self.until_look = EXECUTIONS_A_LOOK;
        self.elapsed = self.began.elapsed();
        Some(self.elapsed)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
