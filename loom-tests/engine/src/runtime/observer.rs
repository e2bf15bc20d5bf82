//! What a replay calls with each operation.

use super::current;
use crate::operation::Operation;
use std::cell::RefCell;

pub(crate) type Observer = Box<dyn FnMut(&Operation)>;

thread_local! {
    static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
}

pub(crate) fn set(observer: Option<Observer>) {
    OBSERVER.set(observer);
}

/// Calls the observer with what was done since its last call. It may look at the execution, so it is not called
/// where that is borrowed.
pub(crate) fn report() {
    let Some(mut observer) = OBSERVER.take() else { return };
    let done = current::with(|execution| std::mem::take(&mut execution.observed));
    done.iter().for_each(&mut observer);
    OBSERVER.set(Some(observer));
}
