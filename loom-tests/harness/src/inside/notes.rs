//! What a model says of an execution: outcomes, and steps for the timeline.

use super::context;
use std::panic::Location;

/// Says that `outcome` occurred in this execution. Outside of a model it does nothing.
///
/// An execution counts once for an outcome, however often it is reached.
pub fn reached(outcome: &str) {
    context::reach(outcome);
}

/// Whether steps are recorded now, so that their text is worth building.
///
/// True only while one execution is replayed; the search itself records nothing.
#[must_use]
pub fn is_recording() -> bool {
    context::is_recording()
}

/// Records a step of the current role, as seen at `location`. Leading spaces of `text` indent it.
///
/// Must be called from a role (not from a destructor that runs after the execution).
pub fn record(location: &Location<'_>, text: impl Into<String>) {
    if context::is_recording() {
        context::push(text.into(), location.file());
    }
}

/// [`record`]s a step of the current role in the caller's file.
#[track_caller]
pub fn note(text: impl Into<String>) {
    record(Location::caller(), text);
}
