//! Runs an execution from its beginning to its end.

use super::current;
use super::execution::{Execution, Phase, Scheduler};
use super::observer::{self, Observer};
use super::panics;
use super::point::Stop;
use super::pool::{Pool, suspend};
use super::role::Job;
use crate::event::Place;
use crate::failure::{FailureKind, Payload};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

pub(crate) type Body = Rc<dyn Fn()>;

/// How an execution ended.
#[derive(Debug)]
pub(crate) enum End {
    Complete,
    /// The scheduler wanted nothing of what lay ahead.
    Unwanted,
    /// Also where the scheduler wanted nothing of it, if it was that far.
    Failed {
        kind: FailureKind,
        is_unwanted: bool,
    },
}

/// The coroutines and the state of executions, one after the other.
pub(crate) struct Runner {
    pool: Pool,
    /// Always there, but while it runs.
    execution: Option<Box<Execution>>,
}

impl Runner {
    pub(crate) fn new(scheduler: Box<dyn Scheduler>, max_steps: usize) -> Self {
        panics::install();
        let execution = Box::new(Execution::new(scheduler, max_steps));
        Self { pool: Pool::new(work), execution: Some(execution) }
    }

    /// The execution that ran last.
    pub(crate) fn execution(&mut self) -> &mut Execution {
        self.execution.as_mut().expect("there but while it runs")
    }

    /// Has `observer` told of each operation of the executions to come.
    pub(crate) fn observe(&mut self, observer: Option<Observer>) {
        self.execution().is_observed = observer.is_some();
        observer::set(observer);
    }

    pub(crate) fn run(&mut self, body: &Body) -> End {
        assert!(current::try_with(|_| ()).is_none(), "traceset: a search inside of an execution");
        let (mut execution, body) = (self.execution.take().expect("as above"), Rc::clone(body));
        execution.begin(Box::new(move || body()));
        current::replace(Some(execution));
        while let Some(thread) = current::with(Execution::who_goes_on) {
            self.resume(thread);
        }
        let end = current::with(Execution::end);
        if matches!(end, End::Failed { .. }) {
            self.tear_down();
        }
        self.execution = current::replace(None);
        end
    }

    fn resume(&mut self, thread: usize) {
        current::with(|execution| (execution.current, execution.is_in_a_thread) = (thread, true));
        self.pool.resume(thread);
        current::with(|execution| execution.is_in_a_thread = false);
    }

    /// Unwinds every thread that has not ended. One may need what another one's guard holds; so again, until nobody
    /// gets any further.
    fn tear_down(&mut self) {
        let mut left = usize::MAX;
        loop {
            let unfinished = current::with(Execution::unfinished);
            if unfinished.len() >= left || unfinished.is_empty() {
                for thread in unfinished {
                    self.pool.abandon(thread);
                }
                return;
            }
            left = unfinished.len();
            for thread in unfinished {
                self.tear_down_one(thread);
            }
        }
    }

    fn tear_down_one(&mut self, thread: usize) {
        let never_begun = current::with(|execution| execution.roles[thread].job.take());
        if let Some(job) = never_begun {
            // What it captured may do operations as it is dropped.
            drop(catch_unwind(AssertUnwindSafe(|| drop(job))));
            current::with(|execution| execution.roles[thread].is_over = true);
        } else {
            self.resume(thread);
        }
    }
}

impl Execution {
    /// The thread to resume. First every new thread goes as far as its first operation; in which order does not
    /// matter, as what a thread does before an operation nobody else sees.
    fn who_goes_on(&mut self) -> Option<usize> {
        if self.phase == Phase::Broken {
            return None;
        }
        if let Some(new) = self.fresh.first() {
            self.fresh.remove(new);
            return Some(new);
        }
        self.next.take().or_else(|| self.decide())
    }

    /// How it ended, now that nobody goes on.
    fn end(&mut self) -> End {
        let has_ended = self.roles.iter().all(|role| role.is_over);
        let is_unwanted = self.phase == Phase::Unwanted;
        if self.failure.is_none() && !has_ended {
            self.attempt_locks();
            self.fail(FailureKind::Deadlock(self.waiting()));
        }
        match self.failure.take() {
            Some(kind) => End::Failed { kind, is_unwanted },
            None if is_unwanted => End::Unwanted,
            None => End::Complete,
        }
    }

    fn unfinished(&mut self) -> Vec<usize> {
        let unfinished = |thread: &usize| !self.roles[*thread].is_over;
        (0..self.roles.len()).filter(unfinished).collect()
    }
}

/// What each coroutine does: the job of its thread, in one execution after the other.
fn work() {
    while let Some(job) = take_job() {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            job();
            drop_locals();
        }));
        finish(ended);
        suspend();
    }
}

fn take_job() -> Option<Job> {
    current::try_with(|execution| execution.role().job.take()).flatten()
}

/// A thread's values are dropped by the thread, and their drops may do operations.
fn drop_locals() {
    while let Some(local) = current::with(|execution| execution.role().locals.pop()) {
        drop(local);
    }
}

fn finish(ended: std::thread::Result<()>) {
    let failure = ended.err().filter(|payload| !payload.is::<Stop>());
    // A payload may do operations as it is dropped; so may what is left of the locals.
    let unneeded = current::with(|execution| {
        let role = execution.role();
        role.is_over = true;
        let locals = std::mem::take(&mut role.locals);
        let unneeded = failure.and_then(|payload| execution.fail_by_panic(payload));
        (unneeded, locals)
    });
    drop(catch_unwind(AssertUnwindSafe(|| drop(unneeded))));
}

impl Execution {
    /// Returns the payload where the execution has failed already.
    fn fail_by_panic(&mut self, payload: Box<dyn Any + Send>) -> Option<Box<dyn Any + Send>> {
        if self.phase == Phase::Broken {
            return Some(payload);
        }
        let (thread, place) = (self.current, panics::take_place());
        self.fail(FailureKind::Panic { thread, payload: Payload(payload), place });
        None
    }
}

/// Fails the execution as a panic with `payload` at `place` would that the current thread does not catch.
pub(crate) fn fail_with(payload: Box<dyn Any + Send>, place: Place) -> ! {
    let thread = current::with(|execution| execution.current);
    let place = Some(place.to_string());
    super::point::fail(FailureKind::Panic { thread, payload: Payload(payload), place })
}
