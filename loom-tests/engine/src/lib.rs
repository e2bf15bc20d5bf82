//! Explores every execution of a small concurrent program, up to the order of independent operations, each
//! exactly once.
//!
//! A program is written with this crate's [`AtomicU64`], [`Mutex`], [`thread`] and [`Cell`] in the place of
//! std's. [`Search::run`] runs it again and again, on one thread of the system, until no execution is left
//! that differs from those before in more than the order of independent operations (a *trace*, after
//! Mazurkiewicz). The algorithm is source-set DPOR with sleep sets. `docs/engine.md` in the repository has
//! the algorithm, the dependence relation, the memory model, and what is not explored.
//!
//! # What it does not offer
//! Each is refused by name: `SeqCst`, `try_lock`, timeouts, more than eight threads.
//!
//! # Panics
//! Every operation panics outside of an execution. [`fail_with`] and everything that fails an execution
//! unwinds the calling thread; a program that catches this unwinds again at its next operation.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod clock;
mod dependence;
mod event;
mod failure;
mod mutant;
mod objects;
mod operation;
mod primitives;
mod runtime;
mod schedule;
mod search;
mod threads;
mod trace;

pub use crate::event::{Object, Place};
pub use crate::failure::{CellAccess, Failure, FailureKind, Payload, Waiting};
pub use crate::operation::Operation;
pub use crate::primitives::atomic::AtomicU64;
pub use crate::primitives::cell::Cell;
pub use crate::primitives::mutex::{Mutex, MutexGuard};
pub use crate::primitives::thread;
pub use crate::schedule::{Schedule, ScheduleError};
pub use crate::search::linearization::Complete;
pub use crate::search::options::Search;
pub use crate::search::piece::Piece;
pub use crate::search::progress::Progress;
pub use crate::search::replay::replay;
pub use crate::search::report::{Coverage, Report};
pub use crate::threads::MOST_THREADS;

/// The version of this crate, for those that write down what they explored with.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the tests of this crate need of its inside. Not for anybody else.
#[doc(hidden)]
pub mod testing {
    pub use crate::mutant::Mutant;
    pub use crate::search::options::Oracle;
}

/// Fails the execution at once with `payload`, as a panic that is not caught.
///
/// A panic unwinds first, and its guards' operations are steps like others, since the program may catch it.
/// This fails before, so the last step of the schedule is the last one before the failure.
///
/// # Panics
/// Outside of an execution.
#[track_caller]
pub fn fail_with(payload: Box<dyn std::any::Any + Send>) -> ! {
    runtime::runner::fail_with(payload, std::panic::Location::caller())
}

/// The number of the last step of the running execution, from 0 on; `None` outside, and before the first.
pub fn last_step() -> Option<usize> {
    runtime::current::try_with(|execution| execution.last_step()).flatten()
}

/// The examples of the README are tested with the crate's own.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
