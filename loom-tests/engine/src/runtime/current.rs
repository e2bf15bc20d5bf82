//! The execution that runs on this thread of the system.

use super::execution::Execution;
use std::cell::RefCell;

thread_local! {
    static EXECUTION: RefCell<Option<Box<Execution>>> = const { RefCell::new(None) };
}

/// Calls `f` with the execution, if there is one. `f` must not run code of the program.
#[inline]
pub(crate) fn try_with<R>(f: impl FnOnce(&mut Execution) -> R) -> Option<R> {
    EXECUTION.try_with(|slot| slot.try_borrow_mut().ok()?.as_deref_mut().map(f)).ok().flatten()
}

/// As [`try_with`], for what has no sense outside.
///
/// # Panics
/// Outside of an execution.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Execution) -> R) -> R {
    match try_with(f) {
        Some(result) => result,
        None => outside(),
    }
}

#[cold]
fn outside() -> ! {
    panic!("traceset: an operation outside of an execution: only the body of a search and its threads may")
}

/// Puts an execution in place, and returns the one that was there.
pub(crate) fn replace(execution: Option<Box<Execution>>) -> Option<Box<Execution>> {
    EXECUTION.replace(execution)
}

/// Whether a thread of the program is running, and not the engine.
pub(crate) fn is_in_a_thread() -> bool {
    try_with(|execution| execution.is_in_a_thread).unwrap_or(false)
}
