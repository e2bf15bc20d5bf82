//! The primitives under shuttle, which takes every memory ordering for sequential consistency.

use super::Ordering;

pub use super::unpadded::CachePadded;
pub(crate) use super::unpadded::{Column, OnFirstUse};
pub(super) use shuttle::thread::{Thread, current as current_thread};

shuttle::thread_local! {
    pub(super) static REMEMBERED_HERE: super::remembered::Remembered = super::remembered::nothing_remembered();
}

// Orderings are passed on as they are; shuttle ignores them, and says so once.
#[derive(Debug)]
pub(super) struct AtomicU64(shuttle::sync::atomic::AtomicU64);

impl AtomicU64 {
    pub(super) fn new(value: u64) -> Self {
        Self(shuttle::sync::atomic::AtomicU64::new(value))
    }

    pub(super) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        orders: (Ordering, Ordering),
    ) -> Result<u64, u64> {
        self.0.compare_exchange(old, new, orders.0, orders.1)
    }

    pub(super) fn check_guess(&self, order: Ordering) -> u64 {
        self.read(order)
    }

    pub(super) fn read(&self, order: Ordering) -> u64 {
        self.0.fetch_add(0, order)
    }

    pub(super) fn fetch_add(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_add(n, order)
    }

    pub(super) fn fetch_sub(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_sub(n, order)
    }

    pub(super) fn fetch_or(&self, mask: u64, order: Ordering) -> u64 {
        self.0.fetch_or(mask, order)
    }

    pub(super) fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    pub(super) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, order);
    }

    pub(super) fn exclusive_value(&mut self) -> u64 {
        *self.0.get_mut()
    }
}

/// A mutual exclusion lock without poisoning (shuttle's).
#[derive(Debug, Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

/// A locked [`Mutex`].
pub type MutexGuard<'a, T> = shuttle::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A mutex over `value`.
    pub fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// Locks. Blocks while another thread holds the lock; a thread that holds it deadlocks.
    #[expect(clippy::missing_panics_doc, reason = "no code of this crate panics under a lock")]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no code of this crate panics under a lock")
    }

    /// The value, where exclusive access proves that no other thread is using it.
    #[expect(clippy::missing_panics_doc, reason = "no code of this crate panics under a lock")]
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("no code of this crate panics under a lock")
    }
}

/// Every order is tried without it.
pub(crate) fn yield_now() {}

pub(super) fn park(_is_first: bool) {
    shuttle::thread::park();
}

pub(super) fn unpark_all(threads: &mut Vec<Thread>) {
    threads.drain(..).for_each(|thread| thread.unpark());
}

// Shuttle numbers its threads from zero.
pub(super) fn thread_index() -> usize {
    usize::from(shuttle::current::me())
}
