//! How the OS thread of a model answers: once, from the end of its search or from the panic hook.

use super::probe::{self, Seen};
use crate::inside::context::{self, Observed};
use crate::search::{Failure, NOT_DETERMINISTIC};
use std::cell::RefCell;
use std::sync::mpsc::Sender;

/// What a model's thread has found. Without a failure its search has ended.
pub(super) struct Answer {
    pub(super) failure: Option<Failure>,
    pub(super) observed: Observed,
    pub(super) seen: Seen,
    /// The model switches the exploration off for a while.
    pub(super) is_switched_off: bool,
}

thread_local! {
    static TO: RefCell<Option<Sender<Answer>>> = const { RefCell::new(None) };
    /// Of a search that has ended, while some of its executions are run again.
    static ENDED: RefCell<Option<(Observed, Seen)>> = const { RefCell::new(None) };
}

/// The answer of the current OS thread will go to `to`.
pub(super) fn goes(to: Sender<Answer>) {
    TO.set(Some(to));
}

/// The search has ended, and has come to this.
pub(super) fn keep(observed: Observed, seen: Seen) {
    ENDED.set(Some((observed, seen)));
}

/// Answers, and makes this an ordinary thread again. A second answer goes nowhere.
pub(super) fn answer(failure: Option<Failure>, is_switched_off: bool) {
    context::keep_execution();
    let to = TO.try_with(RefCell::take).ok().flatten();
    let (Some(observed), Some(to)) = (context::finish(), to) else { return };
    let answer = match ENDED.take() {
        Some((observed, seen)) => Answer { failure, observed, seen, is_switched_off },
        None => Answer { failure, observed, seen: probe::seen(), is_switched_off },
    };
    // The receiver is gone only when the process ends.
    let _ = to.send(answer);
}

/// The same of a role that fails; of an execution that is run again, and held before, that says something else.
pub(super) fn failed(failure: Failure) {
    let failure = if ENDED.with_borrow(Option::is_some) {
        let what = format!("an execution that held fails when it is run again: {failure}");
        Failure::new(NOT_DETERMINISTIC, what)
    } else {
        failure
    };
    answer(Some(failure), false);
}
