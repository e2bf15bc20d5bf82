//! An operation as an observer sees it.

use crate::event::{Object, Place};
use std::fmt;
use std::sync::atomic::Ordering;

/// An operation of a thread, reported to the observer of a [`replay`](crate::replay()) when it is done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The thread, by the order of creation.
    pub thread: usize,
    /// Its number in the schedule, from 0; `None` for what is no step of its own (an unlock, an access to a
    /// cell), and for what happens before the first thread is spawned.
    pub step: Option<usize>,
    /// What it is called: `compare_exchange`, `lock`, …
    pub name: &'static str,
    /// What it is done to.
    pub object: Object,
    /// Where that was made, if it is an object of the program.
    pub made: Option<Place>,
    /// The ordering that counted: of an exchange that failed, the second one.
    pub order: Option<Ordering>,
    /// What it read.
    pub read: Option<u64>,
    /// What it wrote.
    pub wrote: Option<u64>,
    /// Where it was called.
    pub place: Place,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}: {} of the {}", self.thread, self.name, self.object)?;
        if let Some(order) = self.order {
            write!(f, ", {order:?}")?;
        }
        if let Some(read) = self.read {
            write!(f, ", read {read}")?;
        }
        if let Some(wrote) = self.wrote {
            write!(f, ", wrote {wrote}")?;
        }
        write!(f, ", at {}", self.place)
    }
}
