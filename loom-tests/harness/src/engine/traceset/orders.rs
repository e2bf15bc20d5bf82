//! Each trace once more, in other orders of its independent operations: what a model observes must not depend
//! on them, since the search takes one order of each trace and would never see what shows in another.

use super::failures::{meaning, numbered};
use crate::inside::context::{self, Record};
use crate::search::{Ended, Failure, Limits, Row};
use std::ops::ControlFlow;
use traceset::{Complete, Schedule};

/// What an execution came to: its outcomes, and the recorded steps, role by role.
pub(super) type Seen = (String, Vec<Row>);

/// How a model fails whose observations depend on the order of independent operations.
const INVARIANT: &str = "order of independent operations";

/// Without `--reorder` each of the first so many traces is judged again, and then one in so many, each in so
/// many orders: a tenth of the time, of a long search.
const FIRST: u64 = 64;
const ONE_IN: u64 = 32;
const ORDERS: u32 = 2;

/// Which traces are judged again, and what was found.
pub(super) struct Orders {
    /// In so many orders, of every trace.
    each: Option<u32>,
    /// A bounded search goes through all orders by itself.
    is_off: bool,
    judged_again: u64,
    difference: Option<Ended>,
}

impl Orders {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { each: limits.reorder, is_off: limits.preemptions.is_some(), judged_again: 0, difference: None }
    }

    /// Judges the trace of `complete` in other orders, if it is one of those; ends the search where one of them
    /// comes to something else, which [`Orders::into_difference`] has.
    pub(super) fn judge(&mut self, complete: &mut Complete<'_>) -> ControlFlow<()> {
        let times = self.times(complete.number());
        if times > 0 {
            let (outcomes, _) = context::seen();
            context::set_record(Record::All);
            self.difference = difference(complete, &outcomes, times);
            context::set_record(Record::None);
            self.judged_again += u64::from(times);
        }
        if self.difference.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn times(&self, number: u64) -> u32 {
        let is_sampled = number <= FIRST || number.is_multiple_of(ONE_IN);
        let sampled = if is_sampled { ORDERS } else { 0 };
        if self.is_off { 0 } else { self.each.unwrap_or(sampled) }
    }

    /// In how many orders, over all traces.
    pub(super) fn judged_again(&self) -> u64 {
        self.judged_again
    }

    pub(super) fn into_difference(self) -> Option<Ended> {
        self.difference
    }
}

fn difference(complete: &mut Complete<'_>, reached: &str, times: u32) -> Option<Ended> {
    let first = complete.schedule();
    // The execution itself was not recorded: of the steps only the other orders are compared.
    let (mut recorded, mut found) = (None, None);
    let again = complete.reorder(times, 0, |schedule| {
        let (outcomes, rows) = context::seen();
        let (before, before_rows) = recorded.get_or_insert_with(|| (schedule.clone(), rows.clone()));
        let what = compare(&(reached.into(), before_rows.clone()), &(outcomes, rows));
        if let Some(what) = what.filter(|_| found.is_none()) {
            let other = if *before == *schedule { &first } else { &*before };
            found = Some(failed(what, other, schedule));
        }
    });
    found.or_else(|| {
        let failure = again.err()?;
        let what = numbered(&meaning(&failure.kind).to_string());
        Some(failed(format!("another order fails: {what}"), &first, &failure.schedule))
    })
}

/// What two orders of one trace came to.
pub(super) fn compare(one: &Seen, other: &Seen) -> Option<String> {
    if one.0 != other.0 {
        return Some(format!("one order reaches {{{}}}, another {{{}}}", one.0, other.0));
    }
    let differing = one.1.iter().zip(&other.1).find(|(row, same)| row != same);
    match differing {
        Some((row, same)) if row.role == same.role => Some(format!(
            "thread #{} says {:?} in one order and {:?} in another",
            row.role, row.text, same.text
        )),
        None if one.1.len() == other.1.len() => None,
        _ => Some("a role says more in one order than in another".into()),
    }
}

/// The failure of two orders that are not the same: the token has both.
pub(super) fn failed(what: String, one: &Schedule, other: &Schedule) -> Ended {
    Ended::Failed { failure: Failure::new(INVARIANT, what), at: format!("{one}~{other}") }
}
