//! The primitives of production: std's atomics and threads, `parking_lot`'s lock.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::Ordering;

pub(crate) use super::columns::Column;
pub use crossbeam_utils::CachePadded;
pub(super) use std::thread::{Thread, current as current_thread};

#[derive(Debug)]
pub(super) struct AtomicU64(std::sync::atomic::AtomicU64);

impl AtomicU64 {
    pub(super) fn new(value: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(value))
    }

    #[inline]
    pub(super) fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        orders: (Ordering, Ordering),
    ) -> Result<u64, u64> {
        // Weak: the callers loop anyway.
        self.0.compare_exchange_weak(old, new, orders.0, orders.1)
    }

    /// The newest value, where a guess at it was refused.
    #[inline]
    pub(super) fn check_guess(&self, order: Ordering) -> u64 {
        self.read(order)
    }

    #[inline]
    pub(super) fn read(&self, order: Ordering) -> u64 {
        self.0.fetch_add(0, order)
    }

    #[inline]
    pub(super) fn fetch_add(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_add(n, order)
    }

    #[inline]
    pub(super) fn fetch_sub(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_sub(n, order)
    }

    #[inline]
    pub(super) fn fetch_or(&self, mask: u64, order: Ordering) -> u64 {
        self.0.fetch_or(mask, order)
    }

    #[inline]
    pub(super) fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    #[inline]
    pub(super) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, order);
    }

    pub(super) fn exclusive_value(&mut self) -> u64 {
        *self.0.get_mut()
    }
}

/// A mutual exclusion lock without poisoning (`parking_lot`'s).
///
/// ```
/// let names = blockgate::sync::Mutex::new(vec!["source"]);
/// names.lock().push("target"); // no `unwrap`: a panic under the lock does not poison it
/// assert_eq!(names.lock().len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

/// A locked [`Mutex`].
///
/// ```
/// use blockgate::sync::{Mutex, MutexGuard};
///
/// fn longest(mut names: MutexGuard<'_, Vec<&'static str>>) -> Option<&'static str> {
///     names.sort_by_key(|name| name.len());
///     names.pop()
/// } // unlocked here
/// let names = Mutex::new(vec!["old", "target"]);
/// assert_eq!(longest(names.lock()), Some("target"));
/// assert_eq!(names.lock().len(), 1);
/// ```
pub type MutexGuard<'a, T> = parking_lot::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A mutex over `value`.
    pub const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    /// Locks. Blocks while another thread holds the lock; a thread that holds it deadlocks.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    /// The value, where exclusive access proves that no other thread is using it.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// A value that is made when it is first used, once.
#[derive(Debug)]
pub(crate) struct OnFirstUse<T>(std::sync::OnceLock<T>);

impl<T> OnFirstUse<T> {
    /// `make` is as in every call of `get`.
    pub(crate) fn new(_make: impl FnOnce() -> T) -> Self {
        Self(std::sync::OnceLock::new())
    }

    /// The value. The first to ask makes it; others wait meanwhile.
    pub(crate) fn get(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }

    /// The value, if anybody has asked for it.
    pub(crate) fn made(&self) -> Option<&T> {
        self.0.get()
    }
}

/// Lets other threads run first.
pub(crate) fn yield_now() {
    std::thread::yield_now();
}

/// Blocks until the thread's token is there, and takes it.
pub(super) fn park(_is_first: bool) {
    std::thread::park();
}

/// Gives each thread its token, and forgets the threads.
pub(super) fn unpark_all(threads: &mut Vec<Thread>) {
    threads.drain(..).for_each(|thread| thread.unpark());
}

thread_local! {
    pub(super) static REMEMBERED_HERE: super::remembered::Remembered = const { super::remembered::nothing_remembered() };
    static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
    static LEASE: Lease = Lease::new();
}

#[inline]
pub(super) fn thread_index() -> usize {
    match INDEX.get() {
        usize::MAX => lease_an_index(),
        index => index,
    }
}

#[cold]
fn lease_an_index() -> usize {
    // A thread that is ending, and has given its index back, works on shard 0.
    let index = LEASE.try_with(|lease| lease.0).unwrap_or(0);
    INDEX.set(index);
    index
}

/// The least index that no living thread has: few threads have small indices, however many came and went
/// before them, so they share no shard.
struct Lease(usize);

/// The indices given back, and the next that was never given out.
static INDICES: parking_lot::Mutex<(BinaryHeap<Reverse<usize>>, usize)> =
    parking_lot::Mutex::new((BinaryHeap::new(), 0));

impl Lease {
    fn new() -> Self {
        let (free, next) = &mut *INDICES.lock();
        Self(free.pop().map_or_else(
            || {
                *next += 1;
                *next - 1
            },
            |Reverse(index)| index,
        ))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        INDICES.lock().0.push(Reverse(self.0));
    }
}
