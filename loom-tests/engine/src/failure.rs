//! How an execution fails.

use crate::event::{Object, Place};
use crate::schedule::Schedule;
use std::any::Any;
use std::fmt;

/// A failing execution: what went wrong, and how to come there again.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Which execution it was, from 1 on, those counted that sleep sets blocked.
    pub execution: u64,
    /// For [`replay`](crate::replay).
    pub schedule: Schedule,
}

/// What went wrong in an execution.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// Some threads have not ended, and none of them can go on.
    Deadlock(Vec<Waiting>),
    /// Two accesses to a [`Cell`](crate::Cell), one of them a write, that release and acquire do not order.
    Race {
        /// The cell.
        cell: Object,
        /// Where it was made.
        made: Place,
        /// The access that came first in this execution.
        first: CellAccess,
        /// The access that failed.
        second: CellAccess,
    },
    /// A panic that its thread did not catch, or [`fail_with`](crate::fail_with).
    Panic {
        /// The thread.
        thread: usize,
        /// What it panicked with.
        payload: Payload,
        /// Where, if the panic hook saw it (`resume_unwind` does not call it).
        place: Option<String>,
    },
    /// An execution of more steps than [`Search::max_steps`](crate::Search::max_steps) permits.
    TooManySteps(usize),
    /// The program did something else than before with the same schedule.
    NotDeterministic(String),
    /// The program did what this crate does not explore.
    Refused(String),
}

/// A thread that waits in a deadlock.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The thread.
    pub thread: usize,
    /// What it waits for.
    pub object: Object,
    /// Where it waits.
    pub place: Place,
    /// Of a mutex: the thread that holds it, and where it was locked.
    pub holder: Option<(usize, Place)>,
}

/// An access to a [`Cell`](crate::Cell).
#[derive(Clone, Copy, Debug)]
pub struct CellAccess {
    /// The thread.
    pub thread: usize,
    /// Where.
    pub place: Place,
    /// Whether it may change the value.
    pub is_write: bool,
}

/// What a thread panicked with.
pub struct Payload(pub Box<dyn Any + Send>);

impl Payload {
    /// The message, where the payload is text.
    pub fn text(&self) -> &str {
        let text = self.0.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| self.0.downcast_ref::<&str>().copied()).unwrap_or("a payload that is not text")
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.text()).finish()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, execution, schedule } = self;
        write!(f, "execution {execution}: {kind}\nschedule: {schedule}")
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadlock(waiting) => {
                f.write_str("deadlock")?;
                waiting.iter().try_for_each(|waiting| write!(f, "\n  {waiting}"))
            }
            Self::Race { cell, made, first, second } => {
                write!(f, "race: {cell} (made at {made}): {second} does not happen after {first}")
            }
            Self::Panic { thread, payload, place } => {
                let place = place.as_deref().unwrap_or("a place unknown");
                write!(f, "thread {thread} panicked at {place}: {}", payload.text())
            }
            Self::TooManySteps(steps) => write!(
                f,
                "more than {steps} steps: either a thread loops until another one acts, which has no \
                 longest execution, or raise `max_steps`"
            ),
            Self::NotDeterministic(what) => write!(
                f,
                "not deterministic: {what}. Look for state that survives an execution, time, addresses, \
                 random numbers, the order of a `HashMap`"
            ),
            Self::Refused(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, object, place, holder } = self;
        write!(f, "thread {thread} waits for the {object} at {place}")?;
        match holder {
            Some((holder, since)) => write!(f, ", which thread {holder} locked at {since}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CellAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_write { "write" } else { "read" };
        write!(f, "the {what} of thread {} at {}", self.thread, self.place)
    }
}
