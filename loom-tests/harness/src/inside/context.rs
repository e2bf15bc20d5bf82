//! The state of the model that runs on the current OS thread.
//!
//! All roles of a model are coroutines on one OS thread, so a `thread_local!` of `std` belongs to exactly
//! one model.

use crate::search::{Failure, Row};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of a search.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) executions: u64,
    pub(crate) reached: Vec<(String, u64)>,
    pub(crate) combinations: BTreeSet<String>,
    pub(crate) rows: Vec<Row>,
    /// The model switched the exploration off.
    pub(crate) is_switched_off: bool,
}

/// A search under way. Numbers of executions count from 1.
struct Run {
    execution: u64,
    record: Record,
    engine: Hooks,
    outcomes: Outcomes,
    rows: Vec<Row>,
    is_switched_off: bool,
}

/// The panic payload of a model whose invariant does not hold.
pub(crate) struct Violation(pub(crate) Failure);

/// What an engine does for a running execution.
#[derive(Clone, Copy)]
pub(crate) struct Hooks {
    /// The index of the running role.
    pub(crate) role: fn() -> usize,
    /// Fails the execution at once.
    pub(crate) fail: fn(Violation) -> !,
}

/// Which executions have their steps recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    None,
    Only(u64),
    All,
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

/// Makes the current OS thread a model's, until [`finish`].
pub(crate) fn install(record: Record, engine: Hooks) {
    let (outcomes, rows) = (Outcomes::default(), Vec::new());
    RUN.set(Some(Run { execution: 0, record, engine, outcomes, rows, is_switched_off: false }));
}

/// How a model on this OS thread fails, if there is one.
pub(crate) fn fail() -> Option<fn(Violation) -> !> {
    with(|run| run.engine.fail)
}

/// Called by the body's wrapper. Of an execution that was not kept nothing is remembered.
///
/// # Returns
/// Its number, from 1 on.
pub(crate) fn begin_execution() -> u64 {
    let number = with(|run| {
        run.execution += 1;
        run.outcomes.now.clear();
        run.execution
    });
    number.unwrap_or_default()
}

/// The execution has ended, and counts. (Before the first one this does nothing.)
pub(crate) fn keep_execution() {
    with(|run| {
        if run.execution > 0 {
            run.outcomes.keep();
        }
    });
}

/// What this execution has come to: its outcomes, and the steps that were recorded, role by role.
pub(crate) fn seen() -> (String, Vec<Row>) {
    let seen =
        with(|run| (run.outcomes.text(&run.outcomes.now), role_by_role(std::mem::take(&mut run.rows))));
    seen.unwrap_or_default()
}

/// The steps of a role stay in their order.
fn role_by_role(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.role);
    rows
}

impl Observed {
    /// As [`seen`], of a search of one execution.
    pub(crate) fn seen(&self) -> (String, Vec<Row>) {
        (self.combinations.first().cloned().unwrap_or_default(), role_by_role(self.rows.clone()))
    }
}

/// From here on steps are recorded, or not.
pub(crate) fn set_record(record: Record) {
    with(|run| run.record = record);
}

/// Makes this an ordinary thread again. `None` when it was one.
pub(crate) fn finish() -> Option<Observed> {
    let run = RUN.try_with(|run| run.borrow_mut().take()).ok().flatten()?;
    let (reached, combinations) = (run.outcomes.counts(), run.outcomes.texts());
    let Run { execution: executions, rows, is_switched_off, .. } = run;
    Some(Observed { executions, reached, combinations, rows, is_switched_off })
}

/// Whether the steps of this execution are wanted.
pub(crate) fn is_recording() -> bool {
    let is_wanted = |run: &mut Run| match run.record {
        Record::None => false,
        Record::Only(execution) => execution == run.execution,
        Record::All => true,
    };
    with(is_wanted).unwrap_or(false)
}

pub(crate) fn reach(outcome: &str) {
    with(|run| run.outcomes.reach(outcome));
}

/// From here on not everything is explored.
pub(crate) fn switch_off() {
    with(|run| run.is_switched_off = true);
}

/// Adds a step of the running role.
pub(crate) fn push(text: String, file: &str) {
    let Some(role) = with(|run| run.engine.role) else { return };
    // Outside of the borrow: an engine may be asked.
    let row = Row { role: role(), text, file: file.into(), located: None };
    with(|run| run.rows.push(row));
}

fn with<T>(act: impl FnOnce(&mut Run) -> T) -> Option<T> {
    RUN.try_with(|run| run.try_borrow_mut().ok()?.as_mut().map(act)).ok().flatten()
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

    fn keep(&mut self) {
        match self.combinations.get_mut(&self.now) {
            Some(count) => *count += 1,
            None => drop(self.combinations.insert(self.now.clone(), 1)),
        }
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
        self.combinations.keys().map(|combination| self.text(combination)).collect()
    }

    fn text(&self, combination: &[usize]) -> String {
        let names: BTreeSet<_> = combination.iter().map(|index| self.names[*index].as_str()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOKS: Hooks = Hooks { role: || 7, fail: |_| unreachable!("nothing fails here") };

    #[test]
    fn an_execution_counts_once_for_an_outcome_and_has_a_set_of_them() {
        install(Record::None, HOOKS);
        for outcomes in [&["b", "a", "b"][..], &["a"], &[], &["a", "b"]] {
            begin_execution();
            for outcome in outcomes {
                reach(outcome);
            }
            keep_execution();
        }
        let observed = finish().unwrap();
        assert_eq!(observed.executions, 4);
        assert_eq!(observed.reached, [("a".to_string(), 3), ("b".to_string(), 2)]);
        assert_eq!(observed.combinations, BTreeSet::from(["", "a", "a, b"].map(String::from)));
        assert!(fail().is_none() && finish().is_none());
    }

    #[test]
    fn an_execution_that_is_not_kept_leaves_no_outcome() {
        install(Record::None, HOOKS);
        begin_execution();
        reach("half");
        begin_execution();
        keep_execution();
        assert_eq!(finish().unwrap().combinations, BTreeSet::from([String::new()]));
    }

    #[test]
    fn only_the_execution_that_is_asked_for_is_recorded() {
        install(Record::Only(2), HOOKS);
        for _ in 0..3 {
            begin_execution();
            if is_recording() {
                push("step".into(), "a.rs");
            }
        }
        let rows = finish().unwrap().rows;
        assert_eq!(rows, [Row { role: 7, text: "step".into(), file: "a.rs".into(), located: None }]);
    }
}
