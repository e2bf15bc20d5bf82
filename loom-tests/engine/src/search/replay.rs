//! One execution again, observed.

use super::options::MOST_STEPS;
use crate::failure::{Failure, FailureKind};
use crate::operation::Operation;
use crate::runtime::execution::Scheduler;
use crate::runtime::runner::{End, Runner};
use crate::schedule::{Decision, Schedule};
use crate::threads::ThreadSet;
use crate::trace::Trace;
use std::rc::Rc;

/// The decisions that were made before.
pub(super) struct Fixed(pub(super) Schedule);

impl Scheduler for Fixed {
    fn choose(&mut self, trace: &Trace, _: ThreadSet, _: usize) -> Option<Decision> {
        self.0.decisions().get(trace.len()).copied()
    }
}

/// Runs `body` once, by a schedule that a search reported, and has `observer` told of each operation.
///
/// `observer` is called on the operation's thread, right after it took effect, and must do no operation.
/// After the schedule's end the execution goes on in any order. The search that found the schedule may have
/// had other limits: here an execution has at most 30,000 steps.
///
/// # Returns
/// How the execution fails, if it does. (If the schedule is of another program, then it is not deterministic.)
pub fn replay(
    schedule: &Schedule,
    body: impl Fn() + 'static,
    observer: impl FnMut(&Operation) + 'static,
) -> Option<Failure> {
    let mut runner = Runner::new(Box::new(Fixed(schedule.clone())), MOST_STEPS);
    runner.observe(Some(Box::new(observer)));
    runner.execution().trace.watched_from = usize::MAX;
    let end = runner.run(&(Rc::new(body) as _));
    runner.observe(None);
    let (asked, schedule) = (schedule.len(), Schedule::of(&runner.execution().trace.steps));
    let kind = match end {
        End::Failed { kind, .. } => kind,
        End::Complete | End::Unwanted if schedule.len() >= asked => return None,
        End::Complete | End::Unwanted => {
            let ended = schedule.len();
            FailureKind::NotDeterministic(format!(
                "it ended after {ended} steps, and the schedule has {asked}"
            ))
        }
    };
    Some(Failure { kind, execution: 1, schedule })
}

/// A schedule that is too short for its program, or of another one.
pub(super) fn differs() -> FailureKind {
    FailureKind::NotDeterministic("in another order of independent steps it is another trace".into())
}
