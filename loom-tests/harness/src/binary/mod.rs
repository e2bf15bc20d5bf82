//! What a test binary with a `main` of its own (`harness = false`) must understand, whatever it runs.
//!
//! cargo hands a test binary the arguments of a person, cargo-nextest lists its cases and then runs each in a
//! process of its own, and both believe its exit code. So an argument that is not known is an error, a run that
//! was asked to explore and does not is an error, and the cases have names that can be listed and selected.
//!
//! - [`Arguments`]: the arguments of libtest that cargo, nextest and people pass, beside those of the binary;
//! - [`Check`] and [`run`]: named checks, as a binary that lists, selects, runs and counts them;
//! - [`asked`], [`not_built`]: what a run was asked to explore, and the `main` of a binary that was built without it.
//!
//! No engine is needed for any of this.
//!
//! # Why not `libtest-mimic`
//!
//! It prints its own lines: a search of minutes could not show a line of its own when it ends ("17 executions,
//! exhaustive"), nor a total of its own, and its arguments leave out what an option of ours would need. So the
//! arguments are parsed with `lexopt`, and each of libtest's is supported by name.

mod arguments;
mod asked;
mod check;
mod selection;

pub(crate) use arguments::USAGE;
pub use arguments::{Action, Arguments, Value};
pub(crate) use asked::other_than;
pub use asked::{asked, not_built};
pub use check::{Check, run, run_with};
pub(crate) use check::{nothing_matches, remark, say, total};
pub use selection::{Ignored, Selection};
