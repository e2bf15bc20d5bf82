//! How far a search is, said while it runs.

use std::sync::Arc;
use std::time::Duration;

/// How far a search is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) executions: u64,
    /// From 0 to 1, as far as it can be known: an estimate.
    pub(crate) share: Option<f64>,
}

/// Hears of it, about this often.
pub(crate) type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

pub(crate) const EVERY: Duration = Duration::from_secs(10);
