//! How all benches measure: candidates side by side, in rounds, each beside the limit of its round.
//!
//! A shared machine drifts by half from one minute to the next, and ratios do not. So every round runs
//! every candidate once, in a new random order, and a candidate is judged by its ratio to the limit *of
//! the same round*; the median of these ratios is the result, the tenth and ninetieth percentile its
//! spread. A candidate runs as many operations as it takes for a sample to last the time asked for. Each thread reads
//! its own CPU clock, so that another process which takes the processor away costs nothing; what was done
//! is counted and asserted.

pub(crate) mod goal;
pub(crate) mod limit;
pub(crate) mod rounds;
pub(crate) mod sample;
pub(crate) mod settings;
pub(crate) mod stats;
pub(crate) mod threads;

use goal::Goal;
use rounds::Candidate;
use sample::{Case, Metric};
use settings::Settings;

/// One bench: a question, its cases, and the candidates.
pub(crate) struct Bench {
    /// `topic/question`, what `--filter` looks at.
    pub name: &'static str,
    /// What is measured, in one sentence.
    pub about: &'static str,
    /// What the limit is.
    pub limit: &'static str,
    /// What a case varies, beside the number of threads.
    pub axis: Axis,
    /// What the tables show. The first one is what is plotted.
    pub metrics: &'static [Metric],
    /// What comes out nearly the same each time needs few.
    pub most_rounds: usize,
    pub cases: fn(&Settings) -> Vec<Case>,
    /// The candidates of a case, freshly set up.
    pub candidates: fn(Case) -> Vec<Candidate>,
    pub goals: fn() -> Vec<Goal>,
}

/// What varies from case to case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Threads,
    /// A number of things; the string says of what.
    Size(&'static str),
}

impl Axis {
    pub(crate) fn label(self, case: Case) -> String {
        match self {
            Self::Threads => format!("{} thread{}", case.threads, if case.threads == 1 { "" } else { "s" }),
            Self::Size(of) if case.threads == 1 => format!("{} {of}", short(case.size)),
            Self::Size(of) => format!("{} {of}, {} threads", short(case.size), case.threads),
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Size(of) => of,
        }
    }

    pub(crate) fn position(self, case: Case) -> f64 {
        match self {
            Self::Threads => case.threads as f64,
            Self::Size(_) => case.size as f64,
        }
    }
}

/// A power of ten as one, from 10^3 on.
pub(crate) fn short(n: u64) -> String {
    let power = n.checked_ilog10().filter(|&power| power >= 3 && 10_u64.pow(power) == n);
    power.map_or_else(|| n.to_string(), |power| format!("10^{power}"))
}
