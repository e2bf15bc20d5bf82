//! Threads of the program.

use crate::event::{Object, Place, Sort};
use crate::runtime::current::with;
use crate::runtime::execution::{Execution, Phase};
use crate::runtime::point::{perform, refuse};
use crate::runtime::role::{Job, Pending, Wait};
use crate::threads::MOST_THREADS;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

pub use super::local::{AccessError, LocalKey, number_of};

/// A thread's number, by the order of creation; the first one is 0. Its debug form is `ThreadId(3)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ThreadId(u8);

impl ThreadId {
    /// The number.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A handle to a thread.
#[derive(Clone, Debug)]
pub struct Thread {
    id: ThreadId,
}

impl Thread {
    /// Its number.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Sets the thread's token, so that its [`park`] ends, or will not wait. Two before it parks are one.
    #[track_caller]
    pub fn unpark(&self) {
        let (target, place) = (self.id.index(), Location::caller());
        let pending = Pending::built_in(Object::new(Sort::Token, target, 0), Wait::Turn, place);
        perform(pending, |execution| {
            execution.record_token(target, true, place);
            execution.set_token(target);
            execution.observe_step("unpark", pending.object, place, |_| ());
            Ok(())
        });
    }
}

/// The calling thread.
///
/// # Panics
/// Outside of an execution.
pub fn current() -> Thread {
    Thread { id: id(index()) }
}

/// The number of the calling thread, by the order of creation; the first one is 0.
///
/// # Panics
/// Outside of an execution.
pub fn index() -> usize {
    with(|execution| execution.current)
}

fn id(index: usize) -> ThreadId {
    ThreadId(u8::try_from(index).expect("at most eight threads"))
}

/// Waits for the thread's token, and takes it. It never wakes without.
#[track_caller]
pub fn park() {
    let (target, place) = (index(), Location::caller());
    let pending = Pending::built_in(Object::new(Sort::Token, target, 0), Wait::Token, place);
    perform(pending, |execution| {
        let was_set = execution.role().token.was_set;
        // If the last unpark found no token, then this cannot have come before it.
        execution.record_token(target, was_set, place);
        execution.take_token();
        execution.observe_step("park", pending.object, place, |_| ());
        Ok(())
    });
}

/// Refused: there is no time in an execution.
///
/// # Panics
/// Always, as the execution fails.
pub fn park_timeout(_: std::time::Duration) {
    refuse("traceset: timeouts are not offered: there is no time in an execution")
}

/// Refused: there is no time in an execution.
///
/// # Panics
/// Always, as the execution fails.
pub fn sleep(_: std::time::Duration) {
    refuse("traceset: sleep is not offered: there is no time in an execution")
}

impl Execution {
    fn set_token(&mut self, target: usize) {
        let current = self.current;
        let known = self.roles[current].known;
        let token = &mut self.roles[target].token;
        token.was_set = std::mem::replace(&mut token.is_set, true);
        token.released.join(&known);
        self.roles[current].known.advance(current);
    }

    fn take_token(&mut self) {
        let role = self.role();
        role.known.join(&role.token.released);
        role.token.is_set = false;
    }
}

/// A spawned thread.
#[derive(Debug)]
pub struct JoinHandle<T> {
    thread: Thread,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> JoinHandle<T> {
    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Waits until the thread has ended, and returns what it returned.
    ///
    /// # Errors
    /// Never: a thread that panics fails the execution.
    ///
    /// # Panics
    /// If the thread unwound since the execution had failed.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        let (target, place) = (self.thread.id.index(), Location::caller());
        let pending = Pending::built_in(Object::new(Sort::End, target, 0), Wait::End(target), place);
        perform(pending, |execution| {
            execution.record_join(target, place);
            let known = execution.roles[target].known;
            execution.role().known.join(&known);
            execution.observe_step("join", pending.object, place, |_| ());
            Ok(())
        });
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(result.expect("a thread that has ended in an unbroken execution returned"))
    }
}

/// Starts a thread. It belongs to the execution, which ends when all its threads have ended.
///
/// At most eight threads, the first one included.
#[track_caller]
pub fn spawn<T: 'static>(f: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    let place = Location::caller();
    let result = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&result);
    let job = Box::new(move || {
        let returned = f();
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(returned);
    });
    if with(|execution| execution.roles.len()) == MOST_THREADS {
        refuse(&format!(
            "traceset: more than {MOST_THREADS} threads in an execution, the first one included"
        ));
    }
    let index = perform(Pending::built_in(Object::SPAWNS, Wait::Turn, place), |execution| {
        Ok(execution.spawn(job, place))
    });
    JoinHandle { thread: Thread { id: id(index) }, result }
}

impl Execution {
    fn spawn(&mut self, job: Job, place: Place) -> usize {
        self.record_spawn(place);
        let current = self.current;
        let (progress, known) = (self.roles[current].progress.clock, self.roles[current].known);
        let index = self.add_role(job, progress, known);
        self.roles[current].known.advance(current);
        self.observe_step("spawn", Object::SPAWNS, place, |_| ());
        if self.phase == Phase::Alone {
            self.phase = Phase::Explored;
        }
        index
    }
}
