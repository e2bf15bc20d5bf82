//! What an operation does before it takes effect: it waits for its turn.
//!
//! A thread comes to its next operation, says what it is, and is suspended until the scheduler lets it go
//! on. So a step is an operation and what follows it up to the next one. The scheduler is asked on the
//! thread's own stack; only where another one goes on is there a switch.

use super::current::{try_with, with};
use super::execution::{Execution, Phase};
use super::pool::suspend;
use super::role::Pending;
use crate::failure::FailureKind;
use std::panic::resume_unwind;

/// What a thread unwinds with when its execution is broken. It calls no panic hook.
pub(crate) struct Stop;

/// How many operations a thread may do in a broken execution before it is given up.
const MOST_QUIET: u32 = 10_000;

enum Turn {
    /// The operation takes effect.
    Now,
    /// Another thread goes on first.
    Later,
    /// The execution is broken.
    Never,
}

/// Waits for its turn, and does an operation. `act` must not run code of the program.
#[inline]
pub(crate) fn perform<R>(pending: Pending, act: impl FnOnce(&mut Execution) -> Result<R, FailureKind>) -> R {
    let mut turn = with(|execution| execution.arrive(pending));
    loop {
        match turn {
            Turn::Now => break,
            Turn::Later => suspend(),
            Turn::Never => resume_unwind(Box::new(Stop)),
        }
        turn = with(|execution| execution.come_back(pending));
    }
    act_now(act)
}

/// Does what is no step of its own.
#[inline]
pub(crate) fn act_now<R>(act: impl FnOnce(&mut Execution) -> Result<R, FailureKind>) -> R {
    let (result, is_observed) = with(|execution| {
        let result = act(execution);
        (result.map_err(|failure| execution.fail(failure)), execution.is_observed)
    });
    if is_observed {
        super::observer::report();
    }
    result.unwrap_or_else(|()| stop())
}

/// Fails the execution at once: the calling thread's guards are dropped, but their operations are no events.
pub(crate) fn fail(kind: FailureKind) -> ! {
    match try_with(|execution| execution.fail(kind)) {
        Some(()) => stop(),
        None => panic!("traceset: there is no execution here that could fail"),
    }
}

/// Refuses what this crate does not explore.
#[cold]
pub(crate) fn refuse(what: &str) -> ! {
    match try_with(|execution| execution.fail(FailureKind::Refused(what.into()))) {
        Some(()) => stop(),
        None => panic!("{what}"),
    }
}

/// Ends the calling thread. One that unwinds already cannot unwind from there: it is suspended and never resumed.
fn stop() -> ! {
    if !std::thread::panicking() {
        resume_unwind(Box::new(Stop));
    }
    loop {
        suspend();
    }
}

/// An object of another execution.
#[cold]
pub(crate) fn foreign() -> FailureKind {
    FailureKind::Refused(
        "traceset: an atomic, mutex or cell that was not made in this execution (perhaps in a static): \
         its state would depend on the executions before. Make it in the body"
            .into(),
    )
}

impl Execution {
    fn arrive(&mut self, pending: Pending) -> Turn {
        if pending.made_in.is_some_and(|execution| execution != self.number) {
            self.fail(foreign());
            return if std::thread::panicking() { Turn::Later } else { Turn::Never };
        }
        match self.phase {
            Phase::Alone if self.is_ready(self.current, &pending) => Turn::Now,
            Phase::Alone => {
                self.role().pending = Some(pending);
                self.fail(FailureKind::Deadlock(self.waiting()));
                self.in_broken(pending)
            }
            Phase::Explored | Phase::Unwanted => {
                self.role().pending = Some(pending);
                self.decide_here()
            }
            Phase::Broken => self.in_broken(pending),
        }
    }

    /// Nothing is decided before every new thread has come to its first operation.
    fn decide_here(&mut self) -> Turn {
        let here = self.current;
        if self.fresh.is_empty() {
            self.next = self.decide();
            if self.next == Some(here) {
                self.next = None;
                self.role().pending = None;
                return Turn::Now;
            }
        }
        Turn::Later
    }

    fn come_back(&mut self, pending: Pending) -> Turn {
        if self.phase == Phase::Broken {
            return self.in_broken(pending);
        }
        self.role().pending = None;
        Turn::Now
    }

    /// A thread in a broken execution unwinds, and while it does so its operations take effect at once: they
    /// have to return something, and nobody else is running. It must not begin to unwind in a guard's drop
    /// while it unwinds, which would abort the process. (`panicking` is also true where another thread was
    /// suspended as it unwound. Then this one goes on for a while instead; `runner.rs` gives it up in the end.)
    fn in_broken(&mut self, pending: Pending) -> Turn {
        let is_ready = self.is_ready(self.current, &pending);
        let role = self.role();
        role.quiet += 1;
        match std::thread::panicking() {
            // It catches whatever it unwinds with, or it never comes to an end: it is given up.
            _ if role.quiet > MOST_QUIET => Turn::Later,
            false => Turn::Never,
            true if is_ready => Turn::Now,
            true => Turn::Later,
        }
    }
}
