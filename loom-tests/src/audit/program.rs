//! Small concurrent programs: what both engines run, and how a person reads them.

use std::fmt;
use std::sync::atomic::Ordering;

/// Flipped in the value of an update that was refused, so that it differs from one that went through.
const REFUSED: u64 = 1 << 32;

/// A few threads, a few operations each, over a few objects. Everything starts at zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) words: usize,
    /// The publisher of each cell: the one thread that publishes it, and never reads it.
    pub(crate) publishers: Vec<usize>,
    pub(crate) locks: Vec<Lock>,
    pub(crate) threads: Vec<Vec<Op>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Mutex,
    Monitor,
}

/// What a thread does as one of its few operations.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Alone(Event),
    /// Locks, reads the value, perhaps does one event inside, writes the value, perhaps wakes, unlocks.
    Critical {
        lock: usize,
        inside: Option<Event>,
        add: u64,
        notify: bool,
    },
    Wait {
        monitor: usize,
        on: Condition,
    },
}

/// What a waiter waits for, and what it does at the moment it holds.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// The monitor's own value is at least this; it is taken away.
    AtLeast(u64),
    /// An update of a word goes through. (So does the gate wait.)
    Updated { word: usize, update: Update },
}

/// One event on one object outside of locks.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Update {
        word: usize,
        update: Update,
    },
    Rmw {
        word: usize,
        action: Rmw,
        order: Ordering,
    },
    Publish {
        cell: usize,
    },
    Get {
        cell: usize,
    },
    /// On the one atomic outside of the facade, for the red twin.
    Raw(Raw),
}

/// A conditional update as the gate does it: where none of the bits of `mask` is set, add.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) likely: u64,
    pub(crate) mask: u64,
    pub(crate) add: u64,
    pub(crate) orders: (Ordering, Ordering),
}

impl Update {
    pub(crate) fn next(&self, value: u64) -> Option<u64> {
        (value & self.mask == 0).then(|| value.wrapping_add(self.add))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Rmw {
    Add(u64),
    Subtract(u64),
    SetBits(u64),
    Read,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw {
    Load,
    Store(u64),
    CompareExchange(u64, u64),
}

/// What one execution of a program came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// No thread can go on, and one has not finished.
    Deadlock,
    Finished {
        /// What each thread read, in its own order.
        read: Vec<Vec<u64>>,
        /// The last values of the words and of the locks. (Those of the cells are always the same.)
        last: Vec<u64>,
    },
}

/// What a compare-exchange read: the value, and whether it was the expected one.
pub(crate) fn value_of(result: Result<u64, u64>) -> u64 {
    result.unwrap_or_else(|value| REFUSED ^ value)
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ops) in self.threads.iter().enumerate() {
            writeln!(f, "  thread {index}:")?;
            for op in ops {
                writeln!(f, "    {op:?}")?;
            }
        }
        write!(f, "  {} words, cells published by {:?}, {:?}", self.words, self.publishers, self.locks)
    }
}
