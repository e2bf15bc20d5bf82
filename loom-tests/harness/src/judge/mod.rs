//! What it means that a search found what it found.

mod counterexample;
mod token;
mod verdict;

pub(crate) use counterexample::{Counterexample, Located, draw, locate};
pub(crate) use token::Token;
pub(crate) use verdict::{Report, Verdict, Wrong, judge};
