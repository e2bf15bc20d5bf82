//! What a search found.

use super::{Coverage, Failure};
use std::collections::BTreeSet;

/// One step of a role, in the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) role: usize,
    pub(crate) text: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// A search from its first execution to its end or its first failure.
#[derive(Debug)]
pub(crate) struct Exploration {
    pub(crate) ended: Ended,
    /// Executions begun; when the search failed, the last of them is the failing one.
    pub(crate) executions: u64,
    /// Executions that the engine began beside these, and left when it saw that they lead nowhere new.
    pub(crate) blocked: u64,
    pub(crate) threads: u64,
    /// Scheduling points of the longest execution.
    pub(crate) deepest: u64,
    /// In how many executions each outcome was reached.
    pub(crate) reached: Vec<(String, u64)>,
    /// The sets of outcomes that one execution reached, each as text: what two engines must agree on.
    pub(crate) combinations: BTreeSet<String>,
    /// The steps of the execution that was recorded.
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) enum Ended {
    Explored(Coverage),
    /// `at` is the engine's own word for the failing execution: what a replay token ends with.
    Failed {
        failure: Failure,
        at: String,
    },
}
