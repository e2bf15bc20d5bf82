//! From what a search found to what it means for a model or a twin.

use crate::counterexample::{Counterexample, Located, draw, locate};
use crate::coverage::Coverage;
use crate::explore::{Ended, Exploration, explore};
use crate::failure::Failure;
use crate::limits::Limits;
use crate::model::{Case, Expected};
use std::time::{Duration, Instant};

/// One case, explored and judged.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) executions: u64,
    pub(crate) threads: u64,
    pub(crate) deepest: u64,
    /// Declared outcomes first, in their order, then the others that were seen.
    pub(crate) reached: Vec<(String, u64)>,
    pub(crate) elapsed: Duration,
    pub(crate) verdict: Verdict,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    /// A model that held wherever it was explored, and reached what it must.
    Held(Coverage),
    /// A twin that failed as it should.
    Red(Located),
    /// A twin that did not fail, but was not explored to the end either: nothing is shown.
    Open(Coverage),
    Wrong(Wrong),
}

/// Why the run fails.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// An execution failed that must not, or not in this way.
    Failed {
        failure: Failure,
        execution: u64,
        shown: Result<Box<Counterexample>, String>,
    },
    NeverReached {
        coverage: Coverage,
        outcomes: Vec<String>,
    },
    /// A twin held in every execution.
    StayedGreen(Coverage),
}

/// Explores and judges `case`.
pub(crate) fn judge(case: &Case, limits: &Limits) -> Report {
    let began = Instant::now();
    let found = explore(case, *limits);
    let reached = in_declared_order(case, &found.reached);
    let (executions, threads, deepest) = (found.executions, found.threads, found.deepest);
    let verdict = match &case.twin {
        Some(expected) => judge_twin(case, expected, found, limits),
        None => judge_model(case, found, &reached, limits),
    };
    Report { executions, threads, deepest, reached, elapsed: began.elapsed(), verdict }
}

fn judge_model(case: &Case, found: Exploration, reached: &[(String, u64)], limits: &Limits) -> Verdict {
    let coverage = match found.ended {
        Ended::Explored(coverage) => coverage,
        Ended::Failed(failure) => return failed(case, failure, found.executions, limits),
    };
    let missing = |outcome: &&String| !reached.iter().any(|(name, count)| name == *outcome && *count > 0);
    let outcomes: Vec<_> = case.must_reach.iter().filter(missing).cloned().collect();
    // What a bounded or cut search did not reach may lie beyond it.
    if outcomes.is_empty() || !coverage.is_exhaustive() {
        Verdict::Held(coverage)
    } else {
        Verdict::Wrong(Wrong::NeverReached { coverage, outcomes })
    }
}

fn judge_twin(case: &Case, expected: &Expected, found: Exploration, limits: &Limits) -> Verdict {
    match found.ended {
        Ended::Failed(failure) if failure.invariant == expected.invariant => {
            Verdict::Red(locate(case, &failure, found.executions, limits))
        }
        Ended::Failed(failure) => failed(case, failure, found.executions, limits),
        Ended::Explored(coverage) if coverage.is_exhaustive() => Verdict::Wrong(Wrong::StayedGreen(coverage)),
        Ended::Explored(coverage) => Verdict::Open(coverage),
    }
}

fn failed(case: &Case, mut failure: Failure, execution: u64, limits: &Limits) -> Verdict {
    let at = locate(case, &failure, execution, limits);
    let shown = draw(case, &failure, at).map(Box::new);
    failure.name_roles(&case.roles);
    Verdict::Wrong(Wrong::Failed { failure, execution, shown })
}

fn in_declared_order(case: &Case, seen: &[(String, u64)]) -> Vec<(String, u64)> {
    let count = |name: &String| seen.iter().find(|(other, _)| other == name).map_or(0, |(_, count)| *count);
    let declared: Vec<&String> = case.must_reach.iter().chain(&case.may_reach).collect();
    let others = seen.iter().map(|(name, _)| name).filter(|name| !declared.contains(name));
    declared.iter().copied().chain(others).map(|name| (name.clone(), count(name))).collect()
}
