//! What a model calls while it runs, and what is remembered of it. None of it is an operation that an engine
//! sees: watching does not change what is explored.

pub(crate) mod context;
#[cfg(feature = "loom")]
mod exploring;
mod notes;
pub(crate) mod outside;
mod panics;
mod unwind;
mod violation;

#[cfg(feature = "loom")]
pub use exploring::{explore, skip_branch, stop_exploring};
pub use notes::{is_recording, note, reached, record};
pub(crate) use panics::{Meaning, meaning_of};
pub use unwind::{expect_unwind, unwind_now};
pub use violation::{check, violated, violated_at};
