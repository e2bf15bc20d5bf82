//! How a model says that an invariant does not hold.

use super::context::{self, Violation};
use crate::search::Failure;
use std::panic::Location;

/// Fails the model: `invariant` does not hold, and `detail` says of what.
///
/// # Panics
/// Always; outside of a model it is an ordinary panic.
#[track_caller]
pub fn violated(invariant: &str, detail: impl Into<String>) -> ! {
    fail(Failure::new(invariant, detail))
}

/// As [`violated`]; rows of the timeline that contain `highlight` are marked.
///
/// # Panics
/// Always; outside of a model it is an ordinary panic.
#[track_caller]
pub fn violated_at(invariant: &str, detail: impl Into<String>, highlight: impl Into<String>) -> ! {
    fail(Failure { highlight: Some(highlight.into()), ..Failure::new(invariant, detail) })
}

/// Fails the model with `invariant` unless `holds`. The detail is built only then.
///
/// # Panics
/// When `holds` is false.
#[track_caller]
pub fn check(holds: bool, invariant: &str, detail: impl FnOnce() -> String) {
    if !holds {
        violated(invariant, detail());
    }
}

#[track_caller]
fn fail(mut failure: Failure) -> ! {
    let Some(fail) = context::fail() else { panic!("{failure}") };
    let place = Location::caller();
    failure.places.push(format!("{}:{}", place.file(), place.line()));
    fail(Violation(failure))
}
