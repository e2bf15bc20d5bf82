//! What can go wrong in an execution.

use std::fmt;

/// How a model fails whose executions do not come out again.
pub(crate) const NOT_DETERMINISTIC: &str = "not deterministic";

/// How a search fails that does not go on.
pub(crate) const STUCK: &str = "stuck";

/// How it fails whose code panics.
pub(crate) const PANIC: &str = "panic";

/// How an execution failed. `invariant` is what a twin expects and what a report names first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A model's own invariant, or `deadlock`, `race`, `leak`, `panic`, `branch limit`.
    pub(crate) invariant: String,
    /// Engines say `thread #1`, until [`Failure::name_roles`].
    pub(crate) detail: String,
    /// Text that marks rows of the timeline, such as the name of the lost object.
    pub(crate) highlight: Option<String>,
    /// Where, when it is known and says something.
    pub(crate) places: Vec<String>,
}

impl Failure {
    pub(crate) fn new(invariant: &str, detail: impl Into<String>) -> Self {
        Self { invariant: invariant.into(), detail: detail.into(), highlight: None, places: Vec::new() }
    }

    /// Says `COW writer` instead of `thread #1`.
    pub(crate) fn name_roles(&mut self, roles: &[String]) {
        for (index, role) in roles.iter().enumerate() {
            let thread = format!("thread #{index}");
            self.detail = self.detail.replace(&thread, role);
            for place in &mut self.places {
                *place = place.replace(&thread, role);
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}
