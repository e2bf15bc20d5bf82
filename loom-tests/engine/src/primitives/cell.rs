//! Memory that release and acquire must order the accesses to.

use super::handle::Handle;
use crate::event::{Place, Sort};
use crate::failure::{CellAccess, FailureKind};
use crate::runtime::execution::Execution;
use crate::runtime::point::{act_now, refuse};
use std::panic::Location;
use std::sync::{PoisonError, RwLock, TryLockError};

/// Memory that must not be raced for, as [`std::cell::UnsafeCell`] under a model checker.
///
/// An access is no step of the search and costs it nothing. Two of which none happens before the other, one
/// of them a write, fail the execution, and so no other kind of access is left that could depend on the
/// order of threads.
#[derive(Debug)]
pub struct Cell<T> {
    handle: Handle,
    /// Never waited for: to come here while it is used is a race.
    value: RwLock<T>,
}

impl<T> Cell<T> {
    /// A cell over `value`.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let place = Location::caller();
        let handle = Handle::new(|execution, creator| {
            let (object, shared) = execution.cells.make(Sort::Cell, creator);
            shared.made = Some(place);
            object
        });
        Self { handle, value: RwLock::new(value) }
    }

    /// Reads the value. `f` should do no operation of this crate.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let place = Location::caller();
        act_now(|execution| self.access(execution, false, place));
        let value = self.value.try_read().or_else(not_poisoned);
        f(&value.unwrap_or_else(|()| self.is_in_use()))
    }

    /// Changes the value. `f` should do no operation of this crate.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let place = Location::caller();
        act_now(|execution| self.access(execution, true, place));
        let value = self.value.try_write().or_else(not_poisoned);
        f(&mut value.unwrap_or_else(|()| self.is_in_use()))
    }

    /// A copy of the value.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Replaces the value.
    #[track_caller]
    pub fn set(&self, value: T) {
        // What was there is dropped after the access, since its drop may do operations.
        drop(self.with_mut(|old| std::mem::replace(old, value)));
    }

    /// Reads the value without an access that is checked: for the end, when all threads are over, or where
    /// there is no execution.
    pub fn peek(&self) -> T
    where
        T: Clone,
    {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value, where exclusive access proves that nobody else is using it. No access that is checked.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, consuming the cell. No access that is checked.
    pub fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self, execution: &mut Execution, is_write: bool, place: Place) -> Result<(), FailureKind> {
        let cell = self.handle.check(execution)?;
        let thread = execution.current;
        let (known, shared) = (execution.roles[thread].known, execution.cells.get_mut(cell));
        let made = shared.made.unwrap_or(place);
        let access =
            if is_write { shared.write(thread, known, place) } else { shared.read(thread, known, place) };
        access.map_err(|first| FailureKind::Race {
            cell,
            made,
            first,
            second: CellAccess { thread, place, is_write },
        })?;
        execution.observe(if is_write { "write" } else { "read" }, cell, place);
        Ok(())
    }

    fn is_in_use(&self) -> ! {
        refuse(&format!(
            "traceset: the {} is used inside of its own `with` or `with_mut`",
            self.handle.object()
        ))
    }
}

fn not_poisoned<G>(refused: TryLockError<G>) -> Result<G, ()> {
    match refused {
        TryLockError::Poisoned(poisoned) => Ok(poisoned.into_inner()),
        TryLockError::WouldBlock => Err(()),
    }
}
