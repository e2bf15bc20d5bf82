//! From what a search found to what it means for a model or a twin.

use super::counterexample::{Counterexample, Located, draw, locate};
use crate::case::{Case, Expected};
use crate::engine::Explore;
use crate::search::{
    Coverage, Doubt, Ended, Exploration, Failure, Limits, Meeting, NOT_DETERMINISTIC, STUCK,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// One case, explored and judged.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) executions: u64,
    /// See `Exploration`.
    pub(crate) blocked: u64,
    pub(crate) threads: u64,
    pub(crate) deepest: u64,
    /// Declared outcomes first, in their order, then the others that were seen.
    pub(crate) reached: Vec<(String, u64)>,
    /// The sets of outcomes that one execution reached.
    pub(crate) combinations: BTreeSet<String>,
    pub(crate) judged_again: u64,
    /// Why it is not exhaustive, though nothing cut it.
    pub(crate) doubts: BTreeSet<Doubt>,
    pub(crate) meeting: Meeting,
    /// Of all parts together.
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

impl Verdict {
    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(_))
    }
}

/// Why the run fails.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// An execution failed that must not, or not in this way.
    Failed {
        failure: Failure,
        /// Where it was seen first: the engine's word.
        at: String,
        shown: Result<Box<Counterexample>, String>,
    },
    NeverReached {
        coverage: Coverage,
        outcomes: Vec<String>,
    },
    /// A twin held in every execution.
    StayedGreen(Coverage),
    /// So many operations on threads that the engine does not know.
    Outside(u64),
    /// Fewer threads than roles.
    MissingRole {
        threads: u64,
        roles: usize,
    },
    /// Nothing was concurrent.
    Vacuous {
        threads: u64,
    },
    /// It held, in a run that must be exhaustive.
    NotExhaustive(Coverage),
}

impl Report {
    /// A model that held in every execution there is, and one of which another order would have been another.
    pub(crate) fn is_exhaustive(&self) -> bool {
        let is_explored = matches!(&self.verdict, Verdict::Held(coverage) if coverage.is_exhaustive());
        is_explored && self.doubts.is_empty() && self.meeting != Meeting::Independent
    }
}

/// Judges what a search of `case` within `limits` found.
pub(crate) fn judge(explorer: &dyn Explore, case: &Case, limits: &Limits, mut found: Exploration) -> Report {
    let reached = in_declared_order(case, &found.reached);
    let ended = std::mem::replace(&mut found.ended, Ended::Explored(Coverage::EXHAUSTIVE));
    let judging = Judging { explorer, case, limits, found: &found };
    let verdict = match &case.twin {
        Some(expected) => judging.twin(expected, ended),
        None => judging.model(ended, &reached),
    };
    let mut report = Report {
        executions: found.executions,
        blocked: found.blocked,
        threads: found.threads,
        deepest: found.deepest,
        reached,
        combinations: found.combinations,
        judged_again: found.judged_again,
        doubts: found.doubts,
        meeting: found.meeting,
        elapsed: found.elapsed,
        verdict,
    };
    match report.verdict {
        Verdict::Held(coverage) if limits.strict && !report.is_exhaustive() => {
            report.verdict = Verdict::Wrong(Wrong::NotExhaustive(coverage));
        }
        _ => {}
    }
    report
}

/// What is judged, and what may be asked for it.
struct Judging<'a> {
    explorer: &'a dyn Explore,
    case: &'a Case,
    limits: &'a Limits,
    found: &'a Exploration,
}

impl Judging<'_> {
    fn model(&self, ended: Ended, reached: &[(String, u64)]) -> Verdict {
        let coverage = match ended {
            Ended::Explored(coverage) => coverage,
            Ended::Failed { failure, at } => return self.failed(failure, at),
        };
        let missing = |outcome: &&String| !reached.iter().any(|(name, count)| name == *outcome && *count > 0);
        let outcomes: Vec<_> = self.case.must_reach.iter().filter(missing).cloned().collect();
        // What a bounded or cut search did not reach may lie beyond it.
        let is_whole = coverage.is_exhaustive();
        match self.unseen(is_whole) {
            Some(wrong) => Verdict::Wrong(wrong),
            None if outcomes.is_empty() || !is_whole => Verdict::Held(coverage),
            None => Verdict::Wrong(Wrong::NeverReached { coverage, outcomes }),
        }
    }

    /// What the engine did not see, or had nothing to see in.
    fn unseen(&self, is_whole: bool) -> Option<Wrong> {
        let Exploration { threads, outside, meeting, .. } = *self.found;
        let roles = self.case.roles.len();
        let is_meant = self.case.sequential || self.case.litmus || self.is_switched_off();
        if outside > 0 {
            Some(Wrong::Outside(outside))
        } else if is_whole && threads < roles as u64 {
            Some(Wrong::MissingRole { threads, roles })
        } else {
            (is_whole && meeting == Meeting::None && !is_meant).then_some(Wrong::Vacuous { threads })
        }
    }

    /// That says more than that nothing was concurrent.
    fn is_switched_off(&self) -> bool {
        self.found.doubts.iter().any(|doubt| matches!(doubt, Doubt::SwitchedOff | Doubt::OwnSearch))
    }

    fn twin(&self, expected: &Expected, ended: Ended) -> Verdict {
        match ended {
            Ended::Failed { failure, at } if failure.invariant == expected.invariant => {
                Verdict::Red(self.locate(&failure, &at))
            }
            Ended::Failed { failure, at } => self.failed(failure, at),
            Ended::Explored(coverage) if coverage.is_exhaustive() => {
                Verdict::Wrong(Wrong::StayedGreen(coverage))
            }
            Ended::Explored(coverage) => Verdict::Open(coverage),
        }
    }

    fn failed(&self, mut failure: Failure, at: String) -> Verdict {
        let no_replay = match failure.invariant.as_str() {
            NOT_DETERMINISTIC => Some("no execution of it can be shown: another run would be another one"),
            STUCK => Some("it is not shown: another run would wait, too"),
            _ => None,
        };
        if let Some(why) = no_replay {
            let shown = Err(why.into());
            return Verdict::Wrong(Wrong::Failed { failure, at, shown });
        }
        let shown =
            draw(self.explorer, self.case, &failure, self.locate(&failure, &at), self.limits).map(Box::new);
        failure.name_roles(&self.case.roles);
        Verdict::Wrong(Wrong::Failed { failure, at, shown })
    }

    fn locate(&self, failure: &Failure, at: &str) -> Located {
        locate(self.explorer, self.case, failure, at, self.found.executions, self.limits)
    }
}

fn in_declared_order(case: &Case, seen: &[(String, u64)]) -> Vec<(String, u64)> {
    let count = |name: &String| seen.iter().find(|(other, _)| other == name).map_or(0, |(_, count)| *count);
    let declared: Vec<&String> = case.must_reach.iter().chain(&case.may_reach).collect();
    let others = seen.iter().map(|(name, _)| name).filter(|name| !declared.contains(name));
    declared.iter().copied().chain(others).map(|name| (name.clone(), count(name))).collect()
}
