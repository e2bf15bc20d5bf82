//! The panic hook: a failing role reports, and then stops.
//!
//! If it unwound, its guards would do loom operations in an execution that is already broken; after a
//! deadlock that is a second panic, which aborts the process. So the OS thread of the model parks inside
//! the hook, with the coroutines and all their guards alive, and ends with the process.
//!
//! A panic that the code under test catches is its own business: where a `catch_unwind` of the program is below the
//! role's beginning, the role unwinds up to it.
//!
//! `std` holds a read lock on the hook while it runs, so after the first failure nobody may replace the
//! hook: that would never return. Coroutines install one of their own at first use, therefore `install`
//! makes them do so before ours.

use super::answer;
use super::{messages, place};
use crate::inside::context::{self, Violation};
use crate::inside::outside;
use crate::search::PANIC;
use std::cell::Cell;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// A panic in `act` is caught there, and none of the model's.
pub(super) fn quietly<T>(act: impl FnOnce() -> T) -> T {
    QUIET.set(true);
    let result = act();
    QUIET.set(false);
    result
}

/// Installs the hook, once per process. Must precede every model.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        loom::model::Builder::new().check(|| ());
        outside::install();
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if QUIET.get() {
            } else if context::fail().is_some() {
                in_model(info);
            } else {
                previous(info);
            }
        }));
    });
}

/// Runs on the stack of the failing role, 32 KiB in all: do little. Loom's state may be borrowed here, so
/// no loom call either.
fn in_model(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
    let Some(failure) = messages::failure(info.payload(), place) else {
        return;
    };
    let is_programs = failure.invariant == PANIC && !info.payload().is::<Violation>();
    if is_programs && place::here().would_be_caught() {
        return;
    }
    answer::failed(failure);
    loop {
        std::thread::park();
    }
}
