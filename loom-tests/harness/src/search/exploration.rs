//! What a search found.

use super::{Coverage, Failure, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
    /// In how many other orders of its independent operations a trace was judged again.
    pub(crate) judged_again: u64,
    pub(crate) elapsed: Duration,
}

impl Exploration {
    /// Of a search in `parts`, in their order, the first of which that failed is the last that counts. All
    /// together they are `part`.
    pub(crate) fn of_parts(parts: Vec<Self>, part: Option<Part>) -> Self {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().expect("a search has a part");
        for part in parts {
            if matches!(whole.ended, Ended::Failed { .. }) {
                break;
            }
            whole.add(part);
        }
        if let Ended::Explored(coverage) = &mut whole.ended {
            coverage.part = part;
        }
        whole
    }

    fn add(&mut self, next: Self) {
        self.ended = match (&self.ended, next.ended) {
            (Ended::Explored(before), Ended::Explored(after)) => {
                Ended::Explored(Coverage { cut: before.cut.or(after.cut), ..after })
            }
            (_, ended) => ended,
        };
        self.executions += next.executions;
        self.blocked += next.blocked;
        self.judged_again += next.judged_again;
        self.elapsed += next.elapsed;
        self.threads = self.threads.max(next.threads);
        self.deepest = self.deepest.max(next.deepest);
        let mut reached: BTreeMap<String, u64> = std::mem::take(&mut self.reached).into_iter().collect();
        next.reached.into_iter().for_each(|(outcome, count)| *reached.entry(outcome).or_default() += count);
        self.reached = reached.into_iter().collect();
        self.combinations.extend(next.combinations);
        self.rows = next.rows;
    }
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
    use super::*;

    fn part(executions: u64, ended: Ended) -> Exploration {
        Exploration {
            ended,
            executions,
            blocked: 1,
            threads: executions,
            deepest: 9,
            reached: vec![("a".into(), executions)],
            combinations: BTreeSet::from(["a".into()]),
            rows: Vec::new(),
            judged_again: 2,
            elapsed: Duration::from_secs(1),
        }
    }

    fn held() -> Ended {
        let part = Some(Part { index: 1, count: 3 });
        Ended::Explored(Coverage { part, ..Coverage::EXHAUSTIVE })
    }

    #[test]
    fn the_parts_of_a_search_add_up() {
        let whole = Exploration::of_parts(vec![part(2, held()), part(3, held())], None);
        assert!(matches!(whole.ended, Ended::Explored(coverage) if coverage.is_exhaustive()));
        assert_eq!((whole.executions, whole.blocked, whole.threads, whole.judged_again), (5, 2, 3, 4));
        assert_eq!(whole.reached, [("a".to_string(), 5)]);
        let share = Some(Part { index: 2, count: 8 });
        let whole = Exploration::of_parts(vec![part(2, held()), part(3, held())], share);
        assert!(matches!(whole.ended, Ended::Explored(coverage) if !coverage.is_exhaustive()));
    }

    #[test]
    fn the_first_part_that_fails_is_the_last_that_counts() {
        let failed = |at: &str| Ended::Failed { failure: Failure::new("f", ""), at: at.into() };
        let parts = vec![part(2, held()), part(3, failed("x")), part(5, failed("y")), part(7, held())];
        let whole = Exploration::of_parts(parts, None);
        assert_eq!(whole.executions, 5);
        assert!(matches!(whole.ended, Ended::Failed { at, .. } if at == "x"));
    }
}
