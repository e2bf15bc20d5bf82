//! How far a search may go: what the environment variables ask for, which are loom's for every engine.
//!
//! They are parsed here and not left to loom's `Builder::new`, which would panic inside every model, and which
//! does not say whether the search was cut.

use super::{Part, variables};
use std::env;
use std::time::Duration;

/// Limits of a search. All `None` is the only kind of search that can be exhaustive.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) preemptions: Option<u8>,
    pub(crate) executions: Option<u64>,
    pub(crate) duration: Option<Duration>,
    /// Not a cut: an execution that needs more fails.
    pub(crate) branches: Option<usize>,
    /// Not a cut: in how many orders of its independent operations the second engine judges each trace again.
    /// `None`: a share of them.
    pub(crate) reorder: Option<u32>,
    /// Not a cut: a model that is not explored exhaustively fails.
    pub(crate) strict: bool,
    /// The share that is explored. `None`: all.
    pub(crate) part: Option<Part>,
}

impl Limits {
    /// Whether something else than its end may end a search.
    pub(crate) fn may_cut(&self) -> bool {
        self.preemptions.is_some() || self.executions.is_some() || self.duration.is_some()
    }

    pub(crate) fn from_env() -> Result<Self, String> {
        variables::check("LOOM", KNOWN)?;
        if env::var_os("LOOM_CHECKPOINT_FILE").is_some() {
            return Err("LOOM_CHECKPOINT_FILE: one file cannot serve a suite of models".into());
        }
        Ok(Self {
            preemptions: parse("LOOM_MAX_PREEMPTIONS")?,
            executions: parse("LOOM_MAX_PERMUTATIONS")?,
            duration: parse("LOOM_MAX_DURATION")?.map(Duration::from_secs),
            branches: parse("LOOM_MAX_BRANCHES")?,
            ..Self::default()
        })
    }
}

/// After `LOOM_`: loom's own, and those of this crate.
const KNOWN: &[&str] = &[
    "CHECKPOINT_FILE",
    "CHECKPOINT_INTERVAL",
    "HARNESS_CALL",
    "HARNESS_PROGRESS",
    "HARNESS_REPLAY",
    "HARNESS_REPORT",
    "LOCATION",
    "LOG",
    "MAX_BRANCHES",
    "MAX_DURATION",
    "MAX_PERMUTATIONS",
    "MAX_PREEMPTIONS",
];

fn parse<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
    let Some(value) = env::var_os(name) else {
        return Ok(None);
    };
    let value = value.to_string_lossy();
    value.parse().map(Some).map_err(|_| format!("{name}: {value:?} is not a number that fits"))
}
