//! What a search is asked for, and what it found, in words that no engine owns.

mod coverage;
mod doubt;
mod exploration;
mod failure;
mod fold;
pub(crate) mod interrupt;
mod limits;
mod part;
mod progress;
pub(crate) mod variables;

pub(crate) use coverage::Coverage;
#[cfg(feature = "loom")]
pub(crate) use doubt::Hole;
pub(crate) use doubt::{Doubt, explored};
pub(crate) use exploration::{Ended, Exploration, Meeting, Row};
#[cfg(feature = "loom")]
pub(crate) use failure::PANIC;
pub(crate) use failure::{Failure, NOT_DETERMINISTIC, STUCK};
pub(crate) use fold::{folded, spinning};
pub(crate) use limits::Limits;
pub(crate) use part::Part;
pub(crate) use progress::{Progress, every};
