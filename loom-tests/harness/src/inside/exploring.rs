//! loom's switches of the exploration, with a memory: loom itself does not say that they were used.

use super::context;

/// loom's `stop_exploring`: from here on one order is taken, and no other is tried. The model is then never called
/// exhaustive; one that calls loom's own function is found out only where the exploration is off at the end of the
/// body, or on the way to one of the executions that are run again.
///
/// # Panics
/// Outside of a model, or when the exploration is off.
pub fn stop_exploring() {
    context::switch_off();
    loom::stop_exploring();
}

/// loom's `explore`: the exploration goes on.
///
/// # Panics
/// Outside of a model, or when the exploration is on.
pub fn explore() {
    loom::explore();
}

/// loom's `skip_branch`: as [`stop_exploring`], up to the end of the execution.
///
/// # Panics
/// Outside of a model.
pub fn skip_branch() {
    context::switch_off();
    loom::skip_branch();
}
