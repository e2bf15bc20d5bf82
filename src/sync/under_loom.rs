//! The primitives under loom. Where the cfg `blockgate_mutants` is set, each operation may be weakened here.

use std::sync::atomic::Ordering;

pub use super::unpadded::CachePadded;
pub(crate) use super::unpadded::{Column, OnFirstUse};
pub(super) use loom::thread::{Thread, current as current_thread};

use super::mutation;

loom::thread_local! {
    pub(super) static REMEMBERED_HERE: super::remembered::Remembered = super::remembered::nothing_remembered();
}

/// Loom's atomic, and beside it the same value in a plain one: `exclusive_value` reads that, since every
/// access to loom's counts as an event of the search, even with exclusive access.
#[derive(Debug)]
pub(super) struct AtomicU64 {
    word: loom::sync::atomic::AtomicU64,
    shadow: std::sync::atomic::AtomicU64,
}

impl AtomicU64 {
    pub(super) fn new(value: u64) -> Self {
        Self {
            word: loom::sync::atomic::AtomicU64::new(value),
            shadow: std::sync::atomic::AtomicU64::new(value),
        }
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
        let result = self.word.compare_exchange(old, new, exchanged, refused);
        if result.is_ok() {
            self.mirror(new);
        }
        result
    }

    #[track_caller]
    pub(super) fn check_guess(&self, order: Ordering) -> u64 {
        self.word.fetch_add(0, mutation::ordering("update, refused", order))
    }

    #[track_caller]
    pub(super) fn read(&self, order: Ordering) -> u64 {
        self.word.fetch_add(0, mutation::ordering("read", order))
    }

    #[track_caller]
    pub(super) fn fetch_add(&self, n: u64, order: Ordering) -> u64 {
        let previous = self.word.fetch_add(n, mutation::ordering("add", order));
        self.mirror(previous.wrapping_add(n));
        previous
    }

    #[track_caller]
    pub(super) fn fetch_sub(&self, n: u64, order: Ordering) -> u64 {
        let previous = self.word.fetch_sub(n, mutation::ordering("subtract", order));
        self.mirror(previous.wrapping_sub(n));
        previous
    }

    #[track_caller]
    pub(super) fn fetch_or(&self, mask: u64, order: Ordering) -> u64 {
        let previous = self.word.fetch_or(mask, mutation::ordering("set_bits", order));
        self.mirror(previous | mask);
        previous
    }

    #[track_caller]
    pub(super) fn load(&self, order: Ordering) -> u64 {
        self.word.load(mutation::ordering("get", order))
    }

    #[track_caller]
    pub(super) fn store(&self, value: u64, order: Ordering) {
        self.word.store(value, mutation::ordering("publish", order));
        self.mirror(value);
    }

    pub(super) fn exclusive_value(&mut self) -> u64 {
        *self.shadow.get_mut()
    }

    // Relaxed: loom runs every thread of a model on one system thread.
    fn mirror(&self, value: u64) {
        self.shadow.store(value, Ordering::Relaxed);
    }
}

/// A mutual exclusion lock without poisoning (loom's).
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

/// A locked [`Mutex`].
pub type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A mutex over `value`.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// Locks. Blocks while another thread holds the lock; a thread that holds it deadlocks.
    #[track_caller]
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

/// Every order is explored without it.
pub(crate) fn yield_now() {}

#[track_caller]
pub(super) fn park(is_first: bool) {
    // Mutated: each wait is woken once for nothing.
    if !(is_first && mutation::applies("wait_until")) {
        loom::thread::park();
    }
}

#[track_caller]
pub(super) fn unpark_all(threads: &mut Vec<Thread>) {
    // Mutated: nothing is done, so the threads stay registered.
    if !mutation::applies("notify_all") {
        threads.drain(..).for_each(|thread| thread.unpark());
    }
}

// Loom numbers its threads from zero and shows the number only in the debug form, `ThreadId(3)`.
pub(super) fn thread_index() -> usize {
    let shown = format!("{:?}", current_thread().id());
    let digits = shown.trim_start_matches("ThreadId(").trim_end_matches(')');
    digits.parse().expect("loom shows a thread as ThreadId(n)")
}
