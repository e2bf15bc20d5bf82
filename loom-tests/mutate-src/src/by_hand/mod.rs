//! Changes by hand: what cargo-mutants has no operator for. Two statements swapped, a wrong index, a wrong shard, a wrong
//! bit, a forgotten element of a set, a value that is read once too early. Each breaks one thing that is claimed.
//!
//! What is replaced must be in the file exactly once: a change that does not apply any more fails the run, and is brought
//! up to date, or goes when what it breaks is no more.

mod gate;
mod replace;
mod space;
mod transaction;
mod volume;
mod writes;

/// A change by hand.
#[derive(Clone, Copy)]
pub struct Change {
    pub file: &'static str,
    /// What is done, in words.
    pub name: &'static str,
    pub old: &'static str,
    pub new: &'static str,
    /// Which claim is no more true.
    pub breaks: &'static str,
}

const fn change(
    file: &'static str,
    name: &'static str,
    breaks: &'static str,
    old: &'static str,
    new: &'static str,
) -> Change {
    Change { file, name, old, new, breaks }
}

/// All of them.
pub fn changes() -> Vec<Change> {
    [gate::CHANGES, space::CHANGES, writes::CHANGES, transaction::CHANGES, replace::CHANGES, volume::CHANGES]
        .concat()
}
