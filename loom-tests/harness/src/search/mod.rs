//! What a search is asked for, and what it found, in words that no engine owns.

mod coverage;
mod exploration;
mod failure;
mod limits;
mod part;
mod progress;

pub(crate) use coverage::Coverage;
pub(crate) use exploration::{Ended, Exploration, Row};
pub(crate) use failure::Failure;
pub(crate) use limits::Limits;
pub(crate) use part::Part;
pub(crate) use progress::{EVERY, Progress};
