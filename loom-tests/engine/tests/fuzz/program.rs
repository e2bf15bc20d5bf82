//! What a random program is.

use std::fmt;
use std::sync::atomic::Ordering;

/// Threads by number; each but the first is spawned by the one that says so. Everything starts at zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) threads: Vec<Vec<Op>>,
}

pub(crate) const WORDS: usize = 2;
pub(crate) const LOCKS: usize = 2;
pub(crate) const CELLS: usize = 1;

/// What a thread does as one of its few operations. Whatever it reads is part of the outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Add(usize, u64, Ordering),
    SetBits(usize, u64, Ordering),
    Exchange {
        word: usize,
        old: u64,
        new: u64,
        orders: (Ordering, Ordering),
    },
    Load(usize, Ordering),
    Store(usize, u64, Ordering),
    /// On the word that the last value points at.
    AddWhereItPoints,
    /// On the word of an owner's number, of two owners of which the last value says one.
    AddAtRemembered,
    /// Locks, and adds to the value.
    Lock(usize),
    /// The lock taken last.
    Unlock,
    /// The lock taken first: hand over hand.
    UnlockFirst,
    /// Under the monitor: adds one, and wakes every thread that waits.
    Notify,
    /// Until the monitor's value is at least this.
    Wait(u64),
    /// The first thread, which may not be waiting.
    UnparkFirst,
    Park,
    ReadCell(usize),
    WriteCell(usize),
    Spawn(usize),
    Join(usize),
    /// A guard that adds to a word is dropped in an unwinding that the thread catches.
    Unwind(usize),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.threads
            .iter()
            .enumerate()
            .try_for_each(|(thread, ops)| writeln!(f, "  thread {thread}: {ops:?}"))
    }
}
