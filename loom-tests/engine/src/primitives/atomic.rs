//! An atomic word.

use super::handle::Handle;
use crate::event::{Access, Object, Place, Sort};
use crate::objects::word::releases;
use crate::runtime::execution::Execution;
use crate::runtime::point::{perform, refuse};
use crate::runtime::role::Wait;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// As [`std::sync::atomic::AtomicU64`], each of whose operations is a step of the search.
///
/// A read-modify-write reads the newest value, also an exchange that fails. A load may read an older one,
/// where release and acquire do not forbid it; each is explored. `SeqCst` is refused.
#[derive(Debug)]
pub struct AtomicU64 {
    handle: Handle,
    /// The newest value. All threads of a program run on one thread of the system: the orderings here do not
    /// matter.
    value: std::sync::atomic::AtomicU64,
}

/// A read-modify-write, without what it computes.
struct Exchange {
    name: &'static str,
    success: Ordering,
    failure: Ordering,
    place: Place,
}

impl AtomicU64 {
    /// An atomic that holds `value`.
    #[track_caller]
    pub fn new(value: u64) -> Self {
        let place = Location::caller();
        let handle = Handle::new(|execution, creator| {
            let (object, word) = execution.words.make(Sort::Word, creator);
            word.made = Some(place);
            word.begin(value);
            object
        });
        Self { handle, value: std::sync::atomic::AtomicU64::new(value) }
    }

    /// Stores `new` if the value is `old`, and returns the value before: as `Ok` if it stored. It never
    /// fails spuriously.
    ///
    /// # Errors
    /// The newest value, if it is not `old`.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        if releases(failure) {
            refuse(&format!("traceset: an exchange that fails with {failure:?}: it stores nothing"));
        }
        let place = Location::caller();
        let exchange = Exchange { name: "compare_exchange", success, failure, place };
        self.exchange(&exchange, |now| (now == old).then_some(new))
    }

    /// Adds `n`, wrapping, and returns the value before.
    #[track_caller]
    pub fn fetch_add(&self, n: u64, order: Ordering) -> u64 {
        self.always("fetch_add", order, |now| now.wrapping_add(n))
    }

    /// Subtracts `n`, wrapping, and returns the value before.
    #[track_caller]
    pub fn fetch_sub(&self, n: u64, order: Ordering) -> u64 {
        self.always("fetch_sub", order, |now| now.wrapping_sub(n))
    }

    /// Sets the bits of `mask`, and returns the value before.
    #[track_caller]
    pub fn fetch_or(&self, mask: u64, order: Ordering) -> u64 {
        self.always("fetch_or", order, |now| now | mask)
    }

    /// Clears the bits that `mask` has not, and returns the value before.
    #[track_caller]
    pub fn fetch_and(&self, mask: u64, order: Ordering) -> u64 {
        self.always("fetch_and", order, |now| now & mask)
    }

    /// Stores `new`, and returns the value before.
    #[track_caller]
    pub fn swap(&self, new: u64, order: Ordering) -> u64 {
        self.always("swap", order, |_| new)
    }

    #[track_caller]
    fn always(&self, name: &'static str, order: Ordering, next: impl FnOnce(u64) -> u64) -> u64 {
        let place = Location::caller();
        let exchange = Exchange { name, success: order, failure: order, place };
        match self.exchange(&exchange, |now| Some(next(now))) {
            Ok(before) | Err(before) => before,
        }
    }

    fn exchange(&self, exchange: &Exchange, next: impl FnOnce(u64) -> Option<u64>) -> Result<u64, u64> {
        offered(exchange.success);
        offered(exchange.failure);
        let pending = self.handle.pending(Wait::Turn, exchange.place);
        perform(pending, |execution| {
            let object = pending.object;
            let now = self.newest();
            let new = next(now);
            let order = if new.is_some() { exchange.success } else { exchange.failure };
            let stored = new.filter(|new| *new != now || releases(order));
            exchange.record(execution, object, stored.is_some(), stored != Some(now));
            let (word, mut by) = execution.word_and_accessor(object);
            word.read_newest(order, &mut by);
            if let Some(new) = stored {
                word.exchange(new, order, &mut by);
                self.set_newest(new);
            }
            execution.observe_step(exchange.name, object, exchange.place, |operation| {
                (operation.read, operation.wrote, operation.order) = (Some(now), new, Some(order));
            });
            Ok(if new.is_some() { Ok(now) } else { Err(now) })
        })
    }

    /// The newest value, or an older one that this thread may still read.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> u64 {
        offered(order);
        if releases(order) {
            refuse(&format!("traceset: a load with {order:?}: it stores nothing"));
        }
        let place = Location::caller();
        let pending = self.handle.pending(Wait::Turn, place);
        perform(pending, |execution| {
            let object = pending.object;
            let back = execution.record_load(object, place)?;
            let (word, mut by) = execution.word_and_accessor(object);
            let value = word.load(back, order, &mut by).unwrap_or_else(|| self.newest());
            execution.observe_step("load", object, place, |operation| {
                (operation.read, operation.order) = (Some(value), Some(order));
            });
            Ok(value)
        })
    }

    /// Stores `value`.
    #[track_caller]
    pub fn store(&self, value: u64, order: Ordering) {
        offered(order);
        if matches!(order, Ordering::Acquire | Ordering::AcqRel) {
            refuse(&format!("traceset: a store with {order:?}: it reads nothing"));
        }
        let place = Location::caller();
        let pending = self.handle.pending(Wait::Turn, place);
        perform(pending, |execution| {
            let object = pending.object;
            execution.record_word(execution.occurrence(object, Access::Write, place));
            let (word, mut by) = execution.word_and_accessor(object);
            word.store(value, order, &mut by);
            self.set_newest(value);
            execution.observe_step("store", object, place, |operation| {
                (operation.wrote, operation.order) = (Some(value), Some(order));
            });
            Ok(())
        });
    }

    /// The value, where exclusive access proves that nobody else is using it. No event.
    pub fn get_mut(&mut self) -> &mut u64 {
        self.value.get_mut()
    }

    /// The newest value, consuming the atomic. No event.
    pub fn into_inner(self) -> u64 {
        self.value.into_inner()
    }

    fn newest(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    fn set_newest(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
    }
}

impl Exchange {
    /// What it did decides what it depends on: if nothing was stored, or what was there before and without
    /// releasing anything, two such commute.
    fn record(&self, execution: &mut Execution, object: Object, has_stored: bool, changes: bool) {
        let has_stored = has_stored && !execution.trace.is_overlooked_release(changes);
        let access = if has_stored { Access::Write } else { Access::Read };
        execution.record_word(execution.occurrence(object, access, self.place));
    }
}

fn offered(order: Ordering) {
    if order == Ordering::SeqCst {
        refuse(
            "traceset: SeqCst is not offered: use read-modify-writes of one word, or a mutex, and the orderings \
             up to AcqRel",
        );
    }
}
