//! How the OS thread of a model answers: once, from the end of its search or from the panic hook.

use super::probe::{self, Seen};
use crate::inside::context::{self, Observed};
use crate::search::Failure;
use std::cell::RefCell;
use std::sync::mpsc::Sender;

/// What a model's thread has found. Without a failure its search has ended.
pub(super) struct Answer {
    pub(super) failure: Option<Failure>,
    pub(super) observed: Observed,
    pub(super) seen: Seen,
}

thread_local! {
    static TO: RefCell<Option<Sender<Answer>>> = const { RefCell::new(None) };
}

/// The answer of the current OS thread will go to `to`.
pub(super) fn goes(to: Sender<Answer>) {
    TO.set(Some(to));
}

/// Answers, and makes this an ordinary thread again. A second answer goes nowhere.
pub(super) fn answer(failure: Option<Failure>) {
    context::keep_execution();
    let to = TO.try_with(RefCell::take).ok().flatten();
    if let (Some(observed), Some(to)) = (context::finish(), to) {
        // The receiver is gone only when the process ends.
        let _ = to.send(Answer { failure, observed, seen: probe::seen() });
    }
}
