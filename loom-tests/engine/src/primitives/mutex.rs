//! A mutex.

use super::handle::Handle;
use crate::event::{Object, Sort};
use crate::runtime::current::try_with;
use crate::runtime::execution::Execution;
use crate::runtime::observer::report;
use crate::runtime::point::{perform, refuse};
use crate::runtime::role::Wait;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{PoisonError, TryLockError};

/// As [`std::sync::Mutex`], without poisoning. Any thread that waits may come next: all orders are explored.
///
/// To lock is a step of the search. To unlock belongs to the step before, so a critical section without an
/// operation in it is one step.
#[derive(Debug)]
pub struct Mutex<T> {
    handle: Handle,
    /// Never waited for: the engine lets nobody come here while it is held.
    value: std::sync::Mutex<T>,
}

/// A locked [`Mutex`].
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    value: std::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    /// A mutex over `value`.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let place = Location::caller();
        let handle = Handle::new(|execution, creator| {
            let (object, lock) = execution.locks.make(Sort::Mutex, creator);
            lock.made = Some(place);
            object
        });
        Self { handle, value: std::sync::Mutex::new(value) }
    }

    /// Locks. Blocks while another thread holds the lock; a thread that holds it deadlocks.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let place = Location::caller();
        let pending = self.handle.pending(Wait::Lock, place);
        perform(pending, |execution| {
            let object = pending.object;
            execution.record_lock(object, place);
            let current = execution.current;
            let lock = execution.locks.get_mut(object);
            lock.holder = Some((current, place));
            execution.roles[current].known.join(&lock.released);
            execution.observe_step("lock", object, place, |_| ());
            Ok(())
        });
        let value = match self.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("the engine knows the holder, and there is none"),
        };
        MutexGuard { mutex: self, value }
    }

    /// Refused: that a mutex is held is not explored as an outcome of its own.
    ///
    /// # Panics
    /// Always, as the execution fails.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        refuse("traceset: try_lock is not offered: use lock")
    }

    /// The value, where exclusive access proves that nobody else is using it. No event.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, consuming the mutex. No event.
    pub fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // The value's own guard is dropped next: nothing is scheduled in between.
        let is_observed = try_with(|execution| {
            if let Ok(object) = self.mutex.handle.check(execution) {
                execution.unlock(object);
            }
            execution.is_observed
        });
        if is_observed == Some(true) {
            report();
        }
    }
}

impl Execution {
    fn unlock(&mut self, object: Object) {
        let current = self.current;
        let (lock, role) = (self.locks.get_mut(object), &mut self.roles[current]);
        let place = lock.holder.take().map(|(_, place)| place);
        lock.unlocked = role.progress.clock;
        lock.released = role.known;
        role.known.advance(current);
        if let Some(place) = place {
            self.observe("unlock", object, place);
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
