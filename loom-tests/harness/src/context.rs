//! The state of the model that runs on the current OS thread.
//!
//! All roles of a model are coroutines on one OS thread, so a `thread_local!` of `std` belongs to exactly
//! one model. Nothing here is a loom operation: watching does not change what loom explores.

use crate::explore::{Ended, Exploration};
use crate::probe;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::mpsc::Sender;

/// One step of a role, in the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) role: usize,
    pub(crate) text: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// A search under way. Numbers of executions count from 1.
struct Run {
    answer: Sender<Exploration>,
    execution: u64,
    record: Option<u64>,
    reached: BTreeMap<String, Tally>,
    rows: Vec<Row>,
}

#[derive(Default)]
struct Tally {
    executions: u64,
    last: u64,
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Makes the current OS thread a model thread. Execution `record` is recorded.
pub(crate) fn install(answer: Sender<Exploration>, record: Option<u64>) {
    let run = Run { answer, execution: 0, record, reached: BTreeMap::new(), rows: Vec::new() };
    RUN.set(Some(run));
}

/// Called by the body's wrapper: the execution before has ended well, the next one begins.
pub(crate) fn begin_execution() {
    with(|run| run.execution += 1);
    probe::begin_execution();
}

/// Executions begun so far.
pub(crate) fn executions() -> u64 {
    with(|run| run.execution).unwrap_or(0)
}

/// Sends what was found to whoever waits for this model, and makes this an ordinary thread again.
pub(crate) fn finish(ended: Ended) {
    let Some(run) = RUN.try_with(|run| run.borrow_mut().take()).ok().flatten() else {
        return;
    };
    let seen = probe::seen();
    let exploration = Exploration {
        ended,
        executions: run.execution,
        threads: seen.threads,
        deepest: seen.deepest,
        reached: run.reached.into_iter().map(|(name, tally)| (name, tally.executions)).collect(),
        rows: run.rows,
    };
    // Nobody waits any more only when the process ends.
    let _ = run.answer.send(exploration);
}

pub(crate) fn in_model() -> bool {
    with(|_| ()).is_some()
}

fn with<T>(act: impl FnOnce(&mut Run) -> T) -> Option<T> {
    RUN.try_with(|run| run.try_borrow_mut().ok()?.as_mut().map(act)).ok().flatten()
}

/// Says that `outcome` occurred in this execution. Outside a model it does nothing.
///
/// An execution counts once for an outcome, however often it is reached.
pub fn reached(outcome: &str) {
    with(|run| {
        if !run.reached.contains_key(outcome) {
            run.reached.insert(outcome.into(), Tally::default());
        }
        let now = run.execution;
        if let Some(tally) = run.reached.get_mut(outcome).filter(|tally| tally.last != now) {
            tally.executions += 1;
            tally.last = now;
        }
    });
}

/// Whether steps are recorded now, so that their text is worth building.
///
/// True only while one execution is replayed; the search itself records nothing.
#[must_use]
pub fn is_recording() -> bool {
    with(|run| run.record == Some(run.execution)).unwrap_or(false)
}

/// Records a step of the current role, as seen at `location`. Leading spaces of `text` indent it.
///
/// Must be called from a role (not from a destructor that runs after the execution).
pub fn record(location: &Location<'_>, text: impl Into<String>) {
    if !is_recording() {
        return;
    }
    let row =
        Row { role: current_role(), text: text.into(), file: location.file().into(), line: location.line() };
    with(|run| run.rows.push(row));
}

/// [`record`]s a step of the current role at the caller's line.
#[track_caller]
pub fn note(text: impl Into<String>) {
    record(Location::caller(), text);
}

/// Loom's index of the running role: 0 is the one that runs the body. Loom shows it only in `Debug`.
fn current_role() -> usize {
    let id = format!("{:?}", loom::thread::current().id());
    let digits = id.trim_start_matches("ThreadId(").trim_end_matches(')');
    digits.parse().expect("loom 0.7.2 prints ThreadId(n)")
}
