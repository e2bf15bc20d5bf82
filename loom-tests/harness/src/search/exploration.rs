//! What a search found.

use super::{Coverage, Doubt, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One step of a role, in the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) role: usize,
    pub(crate) text: String,
    /// Where it was recorded. Without the line: a stored diagram would be stale after each edit above it.
    pub(crate) file: String,
    /// Of an operation that the engine saw: the same with the lines, for what is not stored.
    pub(crate) located: Option<String>,
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
    /// Whether anything was concurrent.
    pub(crate) meeting: Meeting,
    /// Operations on threads that the engine does not know, while it explored.
    pub(crate) outside: u64,
    /// Why a search that nothing cut is not exhaustive.
    pub(crate) doubts: BTreeSet<Doubt>,
    /// In how many executions each outcome was reached.
    pub(crate) reached: Vec<(String, u64)>,
    /// The sets of outcomes that one execution reached, each as text: what two engines must agree on.
    pub(crate) combinations: BTreeSet<String>,
    /// The steps of the execution that was recorded.
    pub(crate) rows: Vec<Row>,
    /// In how many other orders of its independent operations a trace was judged again.
    pub(crate) judged_again: u64,
    pub(crate) elapsed: Duration,
}

impl Exploration {
    /// Adds another piece of the same search.
    pub(crate) fn add(&mut self, next: Self) {
        match (&mut self.ended, next.ended) {
            (Ended::Explored(coverage), Ended::Explored(next)) => coverage.cut = coverage.cut.or(next.cut),
            (Ended::Explored(_), failed) => (self.ended, self.rows) = (failed, next.rows),
            // The first failure counts.
            (Ended::Failed { .. }, _) => {}
        }
        self.executions += next.executions;
        self.blocked += next.blocked;
        self.judged_again += next.judged_again;
        self.elapsed += next.elapsed;
        self.threads = self.threads.max(next.threads);
        self.deepest = self.deepest.max(next.deepest);
        self.meeting = self.meeting.max(next.meeting);
        self.outside += next.outside;
        self.doubts.extend(next.doubts);
        let mut reached: BTreeMap<String, u64> = std::mem::take(&mut self.reached).into_iter().collect();
        next.reached.into_iter().for_each(|(outcome, count)| *reached.entry(outcome).or_default() += count);
        self.reached = reached.into_iter().collect();
        self.combinations.extend(next.combinations);
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.ended, Ended::Failed { .. })
    }

    /// Nothing but how it ended: the executions count elsewhere.
    pub(crate) fn uncounted(self) -> Self {
        let (reached, combinations) = (Vec::new(), BTreeSet::new());
        Self { executions: 0, blocked: 0, judged_again: 0, reached, combinations, ..self }
    }
}

/// Whether threads of a model met, so that their order mattered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meeting {
    /// Fewer than two threads do anything at the same time, or (with loom) there is one execution.
    None,
    /// Several threads do something, and no two of them to the same.
    Independent,
    Some,
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

#[cfg(test)]
mod tests {
    use super::super::coverage::Cut;
    use super::*;

    fn part(executions: u64, ended: Ended) -> Exploration {
        Exploration {
            ended,
            executions,
            blocked: 1,
            threads: executions,
            deepest: 9,
            meeting: Meeting::Some,
            outside: 0,
            doubts: BTreeSet::new(),
            reached: vec![("a".into(), executions)],
            combinations: BTreeSet::from(["a".into()]),
            rows: Vec::new(),
            judged_again: 2,
            elapsed: Duration::from_secs(1),
        }
    }

    fn held() -> Ended {
        Ended::Explored(Coverage::EXHAUSTIVE)
    }

    #[test]
    fn the_pieces_of_a_search_add_up() {
        let mut whole = part(2, held());
        whole.add(part(3, held()));
        assert!(matches!(whole.ended, Ended::Explored(coverage) if coverage.is_exhaustive()));
        assert_eq!((whole.executions, whole.blocked, whole.threads, whole.judged_again), (5, 2, 3, 4));
        assert_eq!(whole.reached, [("a".to_string(), 5)]);
        let cut = Some(Cut::Executions(3));
        whole.add(part(1, Ended::Explored(Coverage { cut, ..Coverage::EXHAUSTIVE })));
        whole.add(part(1, held()));
        assert!(matches!(whole.ended, Ended::Explored(coverage) if coverage.cut == cut));
    }

    #[test]
    fn the_first_failure_counts() {
        let failed = |at: &str| Ended::Failed { failure: Failure::new("f", ""), at: at.into() };
        let mut whole = part(2, held());
        whole.add(part(3, failed("x")));
        whole.add(part(5, failed("y")));
        assert!(whole.has_failed());
        assert!(matches!(whole.ended, Ended::Failed { at, .. } if at == "x"));
    }
}
