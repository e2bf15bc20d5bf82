//! The primitives under traceset. Where the cfg `blockgate_mutants` is set, each operation may be weakened here.

use std::sync::atomic::Ordering;

pub use super::unpadded::CachePadded;
pub(crate) use super::unpadded::{Column, OnFirstUse};
pub(super) use traceset::thread::{
    Thread, current as current_thread, index as thread_index, number_of as owner_number,
};
pub use traceset::{Mutex, MutexGuard};

use super::mutation;

traceset::thread_local! {
    pub(super) static REMEMBERED_HERE: super::remembered::Remembered = super::remembered::nothing_remembered();
}

#[derive(Debug)]
pub(super) struct AtomicU64(traceset::AtomicU64);

impl AtomicU64 {
    #[track_caller]
    pub(super) fn new(value: u64) -> Self {
        Self(traceset::AtomicU64::new(value))
    }

    #[track_caller]
    pub(super) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        orders: (Ordering, Ordering),
    ) -> Result<u64, u64> {
        let exchanged = mutation::ordering("update, exchanged", orders.0);
        let refused = mutation::ordering("update, refused", orders.1);
        self.0.compare_exchange(old, new, exchanged, refused)
    }

    #[track_caller]
    pub(super) fn check_guess(&self, order: Ordering) -> u64 {
        self.0.fetch_add(0, mutation::ordering("update, refused", order))
    }

    #[track_caller]
    pub(super) fn read(&self, order: Ordering) -> u64 {
        self.0.fetch_add(0, mutation::ordering("read", order))
    }

    #[track_caller]
    pub(super) fn fetch_add(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_add(n, mutation::ordering("add", order))
    }

    #[track_caller]
    pub(super) fn fetch_sub(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_sub(n, mutation::ordering("subtract", order))
    }

    #[track_caller]
    pub(super) fn fetch_or(&self, mask: u64, order: Ordering) -> u64 {
        self.0.fetch_or(mask, mutation::ordering("set_bits", order))
    }

    #[track_caller]
    pub(super) fn load(&self, order: Ordering) -> u64 {
        self.0.load(mutation::ordering("get", order))
    }

    #[track_caller]
    pub(super) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, mutation::ordering("publish", order));
    }

    pub(super) fn exclusive_value(&mut self) -> u64 {
        *self.0.get_mut()
    }
}

/// Every order is explored without it.
pub(crate) fn yield_now() {}

#[track_caller]
pub(super) fn park(is_first: bool) {
    // Mutated: each wait is woken once for nothing.
    if !(is_first && mutation::applies("wait_until")) {
        traceset::thread::park();
    }
}

#[track_caller]
pub(super) fn unpark_all(threads: &mut Vec<Thread>) {
    // Mutated: nothing is done, so the threads stay registered.
    if !mutation::applies("notify_all") {
        threads.drain(..).for_each(|thread| thread.unpark());
    }
}
