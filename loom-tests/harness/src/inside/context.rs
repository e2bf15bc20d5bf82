//! The state of the model that runs on the current OS thread.
//!
//! All roles of a model are coroutines on one OS thread, so a `thread_local!` of `std` belongs to exactly
//! one model.

use crate::search::Row;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of a search.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) executions: u64,
    pub(crate) reached: Vec<(String, u64)>,
    pub(crate) combinations: BTreeSet<String>,
    pub(crate) rows: Vec<Row>,
}

/// A search under way. Numbers of executions count from 1.
struct Run {
    execution: u64,
    record: Record,
    role: fn() -> usize,
    outcomes: Outcomes,
    rows: Vec<Row>,
}

/// Which executions have their steps recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    None,
    Only(u64),
}

/// Outcomes by name. Those of one execution are few, and come in any order, perhaps twice.
#[derive(Default)]
struct Outcomes {
    names: Vec<String>,
    /// Of this execution, by index into `names`, sorted.
    now: Vec<usize>,
    /// Of all before it: how many had exactly these.
    combinations: BTreeMap<Vec<usize>, u64>,
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Makes the current OS thread a model's. `role` is the index of the running role, by the engine.
pub(crate) fn install(record: Record, role: fn() -> usize) {
    let (outcomes, rows) = (Outcomes::default(), Vec::new());
    RUN.set(Some(Run { execution: 0, record, role, outcomes, rows }));
}

/// Called by the body's wrapper: the execution before has ended well, the next one begins.
pub(crate) fn begin_execution() {
    with(|run| {
        run.end_execution();
        run.execution += 1;
    });
}

/// Makes this an ordinary thread again. `None` when it was one.
pub(crate) fn finish() -> Option<Observed> {
    let mut run = RUN.try_with(|run| run.borrow_mut().take()).ok().flatten()?;
    run.end_execution();
    let (reached, combinations) = (run.outcomes.counts(), run.outcomes.texts());
    Some(Observed { executions: run.execution, reached, combinations, rows: run.rows })
}

pub(crate) fn in_model() -> bool {
    with(|_| ()).is_some()
}

/// Whether the steps of this execution are wanted.
pub(crate) fn is_recording() -> bool {
    with(|run| run.record == Record::Only(run.execution)).unwrap_or(false)
}

pub(crate) fn reach(outcome: &str) {
    with(|run| run.outcomes.reach(outcome));
}

/// Adds a step of the running role.
pub(crate) fn push(text: String, file: &str, line: u32) {
    let Some(role) = with(|run| run.role) else { return };
    // Outside of the borrow: an engine may be asked.
    let row = Row { role: role(), text, file: file.into(), line };
    with(|run| run.rows.push(row));
}

fn with<T>(act: impl FnOnce(&mut Run) -> T) -> Option<T> {
    RUN.try_with(|run| run.try_borrow_mut().ok()?.as_mut().map(act)).ok().flatten()
}

impl Run {
    fn end_execution(&mut self) {
        if self.execution > 0 {
            self.outcomes.end_execution();
        }
    }
}

impl Outcomes {
    fn reach(&mut self, outcome: &str) {
        let known = self.names.iter().position(|name| name == outcome);
        let index = known.unwrap_or_else(|| {
            self.names.push(outcome.into());
            self.names.len() - 1
        });
        if let Err(place) = self.now.binary_search(&index) {
            self.now.insert(place, index);
        }
    }

    fn end_execution(&mut self) {
        match self.combinations.get_mut(&self.now) {
            Some(count) => *count += 1,
            None => drop(self.combinations.insert(self.now.clone(), 1)),
        }
        self.now.clear();
    }

    /// In how many executions each outcome was reached, by name.
    fn counts(&self) -> Vec<(String, u64)> {
        let mut counts: Vec<_> = self.names.iter().map(|name| (name.clone(), 0)).collect();
        for (combination, executions) in &self.combinations {
            for index in combination {
                counts[*index].1 += executions;
            }
        }
        counts.sort();
        counts
    }

    fn texts(&self) -> BTreeSet<String> {
        let text = |combination: &Vec<usize>| {
            let names: BTreeSet<_> = combination.iter().map(|index| self.names[*index].as_str()).collect();
            names.into_iter().collect::<Vec<_>>().join(", ")
        };
        self.combinations.keys().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_counts_once_for_an_outcome_and_has_a_set_of_them() {
        install(Record::None, || 0);
        for outcomes in [&["b", "a", "b"][..], &["a"], &[], &["a", "b"]] {
            begin_execution();
            for outcome in outcomes {
                reach(outcome);
            }
        }
        let observed = finish().unwrap();
        assert_eq!(observed.executions, 4);
        assert_eq!(observed.reached, [("a".to_string(), 3), ("b".to_string(), 2)]);
        assert_eq!(observed.combinations, BTreeSet::from(["", "a", "a, b"].map(String::from)));
        assert!(!in_model() && finish().is_none());
    }

    #[test]
    fn only_the_execution_that_is_asked_for_is_recorded() {
        install(Record::Only(2), || 7);
        for _ in 0..3 {
            begin_execution();
            if is_recording() {
                push("step".into(), "a.rs", 1);
            }
        }
        let rows = finish().unwrap().rows;
        assert_eq!(rows, [Row { role: 7, text: "step".into(), file: "a.rs".into(), line: 1 }]);
    }
}
