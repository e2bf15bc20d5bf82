//! An execution again, by its schedule; or two orders of one trace, one after the other.

use super::orders::{compare, failed};
use super::{HOOKS, execution, failures};
use crate::inside::context::{self, Observed, Record};
use crate::model::Case;
use crate::search::{Coverage, Ended, Exploration};
use std::time::Duration;
use traceset::{Failure, FailureKind, Schedule};

pub(super) fn replay(case: &Case, at: &str) -> Result<Exploration, String> {
    let read = |text: &str| text.parse::<Schedule>().map_err(|error| error.to_string());
    match at.split_once('~') {
        Some((one, other)) => Ok(both(case, &read(one)?, &read(other)?)),
        None => once(case, &read(at)?),
    }
}

fn once(case: &Case, schedule: &Schedule) -> Result<Exploration, String> {
    let (failure, observed) = run(case, schedule);
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
    let [(_, before), (failure, after)] = [one, other].map(|schedule| run(case, schedule));
    let what = match failure {
        Some(failure) => Some(format!("another order fails: {}", failures::meaning(&failure.kind))),
        None => compare(&before.seen(), &after.seen()),
    };
    let ended = what.map_or(Ended::Explored(one_execution()), |what| failed(what, one, other));
    exploration(ended, after)
}

fn run(case: &Case, schedule: &Schedule) -> (Option<Failure>, Observed) {
    context::install(Record::Only(1), HOOKS);
    let failure = traceset::replay(schedule, execution(case.body()), |_| ());
    context::keep_execution();
    (failure, context::finish().unwrap_or_default())
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
        reached: observed.reached,
        combinations: observed.combinations,
        rows: observed.rows,
        judged_again: 0,
        elapsed: Duration::ZERO,
    }
}
