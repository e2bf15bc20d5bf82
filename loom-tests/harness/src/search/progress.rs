//! How far a search is, said while it runs.

use std::sync::OnceLock;
use std::time::Duration;

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) executions: u64,
    /// From 0 to 1: an estimate. 0: not known.
    pub(crate) share: f64,
    /// Scheduling points of the longest execution. 0: not known.
    pub(crate) deepest: u64,
}

impl Progress {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            share: self.share + other.share,
            deepest: self.deepest.max(other.deepest),
        }
    }
}

/// How often it is said: every 10 seconds, or as `LOOM_HARNESS_PROGRESS` says in milliseconds.
pub(crate) fn every() -> Duration {
    static EVERY: OnceLock<Duration> = OnceLock::new();
    *EVERY.get_or_init(|| {
        let asked = std::env::var("LOOM_HARNESS_PROGRESS").ok().and_then(|text| text.parse().ok());
        Duration::from_millis(asked.unwrap_or(10_000))
    })
}
