//! What the payload of a panic means, as far as no engine is needed to know.

use super::context::Violation;
use super::unwind::ExpectedUnwind;
use crate::search::Failure;
use std::any::Any;

pub(crate) enum Meaning {
    /// The model's own word.
    Violated(Failure),
    /// [`unwind_now`](super::unwind_now): no failure.
    Expected,
    /// A panic of the code under test, or of the engine.
    Said(String),
    /// A payload that is no text: an engine may know it.
    Other,
}

pub(crate) fn meaning_of(payload: &(dyn Any + Send)) -> Meaning {
    if let Some(Violation(failure)) = payload.downcast_ref() {
        return Meaning::Violated(failure.clone());
    }
    if payload.is::<ExpectedUnwind>() {
        return Meaning::Expected;
    }
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.map_or(Meaning::Other, Meaning::Said)
}
