//! An execution again, by its schedule, with what its roles say of it, or else with its operations; or two orders
//! of one trace, one after the other.

use super::operations::Operations;
use super::orders::{compare, failed};
use super::{HOOKS, execution, failures};
use crate::case::Case;
use crate::inside::context::{self, Observed, Record};
use crate::search::{Coverage, Ended, Exploration, Meeting, Row};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use traceset::{Failure, FailureKind, Operation, Schedule};

pub(super) fn replay(case: &Case, at: &str) -> Result<Exploration, String> {
    let read = |text: &str| text.parse::<Schedule>().map_err(|error| error.to_string());
    match at.split_once('~') {
        Some((one, other)) => Ok(both(case, &read(one)?, &read(other)?)),
        None => once(case, &read(at)?),
    }
}

fn once(case: &Case, schedule: &Schedule) -> Result<Exploration, String> {
    let (failure, mut observed, operations) = run(case, schedule);
    // A model says best what it does; one that says nothing is drawn by its operations.
    if observed.rows.is_empty() {
        observed.rows = operations;
    }
    let ended = match failure {
        Some(Failure { kind: kind @ FailureKind::NotDeterministic(_), .. }) => {
            return Err(format!("it is the schedule of another model, or {kind}"));
        }
        Some(failure) => {
            // A replay goes on to a limit of its own, and so past that of the search.
            let is_too_long = matches!(failure.kind, FailureKind::TooManySteps(_));
            let at = if is_too_long { schedule } else { &failure.schedule };
            Ended::Failed { failure: failures::meaning(&failure.kind), at: at.to_string() }
        }
        None => Ended::Explored(one_execution()),
    };
    Ok(exploration(ended, observed))
}

/// The steps are those of the second one.
fn both(case: &Case, one: &Schedule, other: &Schedule) -> Exploration {
    let [(_, before, _), (failure, after, _)] = [one, other].map(|schedule| run(case, schedule));
    let what = match failure {
        Some(failure) => Some(format!("another order fails: {}", failures::meaning(&failure.kind))),
        None => compare(&before.seen(), &after.seen()),
    };
    let ended = what.map_or(Ended::Explored(one_execution()), |what| failed(what, one, other));
    exploration(ended, after)
}

/// How it fails, what its roles say, and what they do.
fn run(case: &Case, schedule: &Schedule) -> (Option<Failure>, Observed, Vec<Row>) {
    context::install(Record::Only(1), HOOKS);
    let operations = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&operations);
    let failure =
        traceset::replay(schedule, execution(case.body()), move |done| seen.borrow_mut().push(row(done)));
    context::keep_execution();
    (failure, context::finish().unwrap_or_default(), operations.take())
}

/// What an execution does now; one that fails ends early.
pub(super) fn operations(case: &Case, schedule: &Schedule) -> Operations {
    context::install(Record::None, HOOKS);
    let operations = Operations::default();
    let _ = traceset::replay(schedule, execution(case.body()), operations.observer());
    context::finish();
    operations
}

fn row(done: &Operation) -> Row {
    let Operation { thread, name, object, order, read, wrote, place, .. } = done;
    let file = place.file().rsplit('/').next().unwrap_or_default();
    let parts = [
        Some(format!("{name} {object}")),
        order.map(|order| format!("{order:?}")),
        read.map(|value| format!("reads {value}")),
        wrote.map(|value| format!("writes {value}")),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let located = Some(format!("{text}, {file}:{}", place.line()));
    Row { role: *thread, text, file: place.file().into(), located }
}

/// Nobody asks how much was explored.
fn one_execution() -> Coverage {
    Coverage::EXHAUSTIVE
}

fn exploration(ended: Ended, observed: Observed) -> Exploration {
    Exploration {
        ended,
        executions: observed.executions,
        blocked: 0,
        threads: 0,
        deepest: 0,
        meeting: Meeting::Some,
        outside: 0,
        doubts: BTreeSet::new(),
        reached: observed.reached,
        combinations: observed.combinations,
        rows: observed.rows,
        judged_again: 0,
        elapsed: Duration::ZERO,
    }
}
