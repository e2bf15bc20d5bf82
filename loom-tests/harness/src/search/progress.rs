//! How far a search is, said while it runs.

use std::time::Duration;

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) executions: u64,
    /// From 0 to 1: an estimate.
    pub(crate) share: f64,
}

impl Progress {
    pub(crate) fn and(self, other: Self) -> Self {
        Self { executions: self.executions + other.executions, share: self.share + other.share }
    }
}

/// How often it is said.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
