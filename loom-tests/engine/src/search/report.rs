//! What a search comes to.

use crate::failure::Failure;
use std::fmt;
use std::time::Duration;

/// What a search comes to.
#[derive(Debug)]
pub struct Report {
    /// Executions from the beginning to the end of all threads. In an exhaustive search, one of each trace.
    pub complete: u64,
    /// Executions that sleep sets blocked: what lay ahead had been explored. The price of the algorithm, and
    /// no part of its result.
    pub blocked: u64,
    /// The most threads of an execution, the first one included.
    pub threads: usize,
    /// The most steps of an execution.
    pub deepest: usize,
    /// What was explored.
    pub coverage: Coverage,
    /// The share of the whole search that this was: all, but for pieces. An estimate.
    pub share: f64,
    /// The execution that failed. It ends the search.
    pub failure: Option<Failure>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a search has explored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Coverage {
    /// Every execution, up to the order of independent steps.
    Exhaustive,
    /// The same of a piece of the search, or of what is left when pieces were given away. By itself it shows
    /// nothing of the others.
    Piece,
    /// Every execution with so few preemptions, and there are others.
    Preemptions(u32),
    /// What came first. A limit, a failure or the caller ended the search.
    Cut,
}

impl Report {
    /// Whether every execution was explored, and none failed.
    pub fn is_exhaustive(&self) -> bool {
        self.coverage == Coverage::Exhaustive
    }
}

/// `52 executions (3 more blocked), 4 threads, at most 41 steps, exhaustive`
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { complete, blocked, threads, deepest, coverage, .. } = self;
        write!(
            f,
            "{complete} executions ({blocked} more blocked), {threads} threads, at most {deepest} steps, {coverage}"
        )?;
        self.failure.as_ref().map_or(Ok(()), |failure| write!(f, "\n{failure}"))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhaustive => f.write_str("exhaustive"),
            Self::Piece => f.write_str("a piece"),
            Self::Preemptions(most) => write!(f, "bounded: at most {most} preemptions"),
            Self::Cut => f.write_str("cut"),
        }
    }
}
