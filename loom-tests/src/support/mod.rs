//! What the models share.

use std::sync::{Mutex, PoisonError};

use blockgate::LogicalRange;

use crate::scenario::trace;
pub use crate::scenario::{last, role};

/// First line of every body: from here on the events must be a run of the specification of `groups`,
/// apart from the rules `waived`, by name: those that speak of what this model leaves out.
pub fn begin(groups: &[LogicalRange], waived: &'static [&'static str]) {
    trace::begin_part(groups, waived);
}

/// In a twin: its events are not compared. It shall fail for what it leaves out, by the model's own checks.
pub fn compare_nothing() {
    trace::begin_without();
}

/// The token, which the step needs. A program that the types of `src` do not allow ends here, with
/// [`TYPES`]; what each step declares (`steps::Step::tokens`) says so beforehand.
pub fn have<T>(token: Option<T>) -> T {
    token.unwrap_or_else(|| loom_harness::violated(TYPES, "a step needs a token that is not there"))
}

pub const TYPES: &str = "types";

/// A place to note something in: not a branch point, and no synchronization between roles.
#[derive(Default)]
pub struct Note<T>(Mutex<T>);

impl<T: Clone> Note<T> {
    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    pub fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
