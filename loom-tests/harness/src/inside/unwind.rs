//! A role that unwinds on purpose, as a panic of a user would make it.

use super::violation::violated;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The panic payload of [`unwind_now`].
pub(super) struct ExpectedUnwind;

/// Unwinds the calling role up to its [`expect_unwind`], as a panic of a user would.
pub fn unwind_now() -> ! {
    // Not `panic!`: the hook is for failures.
    resume_unwind(Box::new(ExpectedUnwind))
}

/// Runs `role`, which must call [`unwind_now`], and catches that.
///
/// For models of what guards do while their owner unwinds. One caution: all roles share an OS thread, so
/// while one of them unwinds `std::thread::panicking()` is true for the others, and a `loom::sync::Mutex`
/// that a role locked before and unlocks during it is poisoned.
///
/// # Panics
/// When `role` returns instead of unwinding, or panics with something else.
#[track_caller]
pub fn expect_unwind<T>(role: impl FnOnce() -> T) {
    match catch_unwind(AssertUnwindSafe(role)) {
        Ok(_) => violated("expected unwind", "the closure returned"),
        Err(payload) if payload.is::<ExpectedUnwind>() => {}
        Err(payload) => resume_unwind(payload),
    }
}
