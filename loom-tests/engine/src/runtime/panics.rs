//! The panic hook: a panic in an execution is not printed where it happens. If its thread does not catch it,
//! it is the execution's failure, and the caller of the search decides what to print.

use std::cell::RefCell;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs the hook, once per process. A hook installed later should call it.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if super::current::is_in_a_thread() {
                let place = info.location().map(ToString::to_string);
                LAST.with_borrow_mut(|last| *last = place);
            } else {
                previous(info);
            }
        }));
    });
}

/// Where the last panic was that the hook saw on this thread of the system.
pub(crate) fn take_place() -> Option<String> {
    LAST.take()
}
