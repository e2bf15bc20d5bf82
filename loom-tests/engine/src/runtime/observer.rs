//! Who is told of each operation, in a replay.

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

/// Tells the observer what was done since it was told last. It may look at the execution, so it is not called
/// where that is borrowed.
pub(crate) fn report() {
    let Some(mut observer) = OBSERVER.take() else { return };
    let done = current::with(|execution| std::mem::take(&mut execution.observed));
    done.iter().for_each(&mut observer);
    OBSERVER.set(Some(observer));
}
