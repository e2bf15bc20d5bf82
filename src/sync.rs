//! The only module that names a primitive of std, `parking_lot`, `crossbeam-utils`, loom or shuttle.
//!
//! Everything else in `src` is written against what is offered here, so that the code that ships is the code
//! that loom explores. What threads talk through are five things, whose interleavings loom 0.7.2 explores
//! without gaps (the audit is in `docs/loom.md`); what it does not explore is not offered. (The rest each
//! thread has to itself: its shard, and what it remembers.)
//!
//! | offered | operations | not offered, because |
//! |---|---|---|
//! | [`CounterWord`] | read-modify-write only | a thread that loads and then writes the same atomic hides interleavings (loom issues 166 and 392) |
//! | [`published`] | one [`Publisher`] that cannot load, many [`Published`] that cannot store | the same |
//! | [`Mutex`] | `lock` | contention of `try_lock` is mostly not explored |
//! | [`Monitor`] | a mutex with "wait until this holds" | loom never wakes a waiter spuriously, so a bare wait would pass with `if` |
//! | `Arc` | plumbing, std's under loom too | loom's is a branch point at every clone and drop |
//!
//! There is no poisoning: a panic under a lock leaves the value as it was at that moment. The crate calls
//! its user's code under no lock but the commit's, where a panic is caught and made the commit's failure.

#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::cell::Cell;
pub(crate) use std::sync::Arc;
pub use std::sync::atomic::Ordering;

#[cfg(not(any(loom, shuttle)))]
use self::production as primitives;
#[cfg(loom)]
use self::under_loom as primitives;
#[cfg(shuttle)]
use self::under_shuttle as primitives;

pub use self::primitives::{CachePadded, Mutex, MutexGuard};

use self::primitives::{AtomicU64, Thread};

#[cfg(all(loom, blockgate_mutants))]
pub mod mutation;
#[cfg(shuttle)]
mod under_shuttle;
#[cfg(any(loom, shuttle))]
mod unpadded;

/// A 64-bit word that threads talk through, by read-modify-write operations only.
///
/// A read-modify-write reads the newest value in the word's modification order, which is what the
/// arguments in `docs/gate.md` use: of two operations on one word, one sees the other.
#[derive(Debug)]
pub struct CounterWord(AtomicU64);

impl CounterWord {
    /// A word that holds `value`.
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// Replaces the value `v` by `f(v)` where that is `Some`, and returns `v`.
    ///
    /// Where `f(v)` is `None` nothing is written and `Err(v)` returned. `orders` are the orderings of the
    /// exchange and of reading a refused `v`.
    ///
    /// `likely` is what the value will most likely be, and decides nothing: a wrong guess costs one exchange
    /// that fails. No load looks for a better one. It would hide interleavings from loom, and where the
    /// guess is right it costs more than it saves. What is returned was exchanged, or was read by a
    /// read-modify-write or by an exchange that failed (which production may also do for nothing).
    #[track_caller]
    #[inline]
    pub fn update(
        &self,
        likely: u64,
        orders: (Ordering, Ordering),
        f: impl Fn(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        #[cfg(all(loom, blockgate_mutants))]
        let orders = (
            mutation::ordering("update, exchanged", orders.0),
            mutation::ordering("update, refused", orders.1),
        );
        let (mut value, mut is_guess) = (likely, true);
        loop {
            match f(value) {
                Some(next) => match self.0.compare_exchange(value, next, orders) {
                    Ok(previous) => return Ok(previous),
                    Err(actual) => (value, is_guess) = (actual, false),
                },
                None if is_guess => (value, is_guess) = (self.0.fetch_add(0, orders.1), false),
                None => return Err(value),
            }
        }
    }

    /// Adds `n` and returns the value before. It wraps: the caller leaves room.
    #[track_caller]
    pub fn add(&self, n: u64, order: Ordering) -> u64 {
        #[cfg(all(loom, blockgate_mutants))]
        let order = mutation::ordering("add", order);
        self.0.fetch_add(n, order)
    }

    /// Subtracts `n` and returns the value before. The caller owns what it subtracts.
    #[track_caller]
    pub fn subtract(&self, n: u64, order: Ordering) -> u64 {
        #[cfg(all(loom, blockgate_mutants))]
        let order = mutation::ordering("subtract", order);
        self.0.fetch_sub(n, order)
    }

    /// Sets the bits of `mask` and returns the value before.
    #[track_caller]
    pub fn set_bits(&self, mask: u64, order: Ordering) -> u64 {
        #[cfg(all(loom, blockgate_mutants))]
        let order = mutation::ordering("set_bits", order);
        self.0.fetch_or(mask, order)
    }

    /// The newest value, read by a read-modify-write that changes nothing.
    #[track_caller]
    pub fn read(&self, order: Ordering) -> u64 {
        #[cfg(all(loom, blockgate_mutants))]
        let order = mutation::ordering("read", order);
        self.0.fetch_add(0, order)
    }

    /// The value, where exclusive access proves that nobody else is using the word.
    pub fn exclusive_value(&mut self) -> u64 {
        self.0.exclusive_value()
    }
}

/// A value that one thread at a time publishes and any thread reads: `(writer half, reader half)`.
#[must_use]
pub fn published(value: u64) -> (Publisher, Published) {
    let cell = Arc::new(AtomicU64::new(value));
    (Publisher { cell: Arc::clone(&cell), last: value }, Published { cell })
}

/// The half of a published value that stores. It cannot be cloned, and it cannot load.
#[derive(Debug)]
pub struct Publisher {
    cell: Arc<AtomicU64>,
    last: u64,
}

impl Publisher {
    /// Publishes `value`.
    ///
    /// Release: pairs with the Acquire in [`Published::get`]; what the publisher did before
    /// happens-before what a reader does after it saw `value`.
    #[track_caller]
    pub fn publish(&mut self, value: u64) {
        self.last = value;
        let order = Ordering::Release;
        #[cfg(all(loom, blockgate_mutants))]
        let order = mutation::ordering("publish", order);
        self.cell.store(value, order);
    }

    /// What this half published last. No load: it remembers.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }
}

/// The half of a published value that loads.
#[derive(Debug, Clone)]
pub struct Published {
    cell: Arc<AtomicU64>,
}

impl Published {
    /// A value that was published, and not an older one than this thread saw before.
    ///
    /// Acquire: pairs with the Release in [`Publisher::publish`].
    #[must_use]
    #[track_caller]
    pub fn get(&self) -> u64 {
        let order = Ordering::Acquire;
        #[cfg(all(loom, blockgate_mutants))]
        let order = mutation::ordering("get", order);
        self.cell.load(order)
    }
}

/// A mutex whose holder can wake those who wait until something holds of the value.
///
/// The waiting is the same code in both builds, over `park` and `unpark`:
///
/// 1. a waiter looks at the value, and registers itself, under the lock: whoever changes the value
///    afterwards finds it registered, so no wake-up is lost;
/// 2. [`MonitorGuard::notify_all`] unregisters and unparks under the lock: a thread that returned from
///    [`Monitor::wait_until`] is registered nowhere, so no late `unpark` reaches it;
/// 3. a woken waiter looks again before it returns, so a wake-up for nothing does no harm.
#[derive(Debug)]
pub struct Monitor<T> {
    state: Mutex<Watched<T>>,
}

#[derive(Debug)]
struct Watched<T> {
    value: T,
    waiting: Vec<Thread>,
}

impl<T> Monitor<T> {
    /// A monitor over `value`.
    pub fn new(value: T) -> Self {
        Self { state: Mutex::new(Watched { value, waiting: Vec::new() }) }
    }

    /// Locks the value. Blocks while another thread holds the lock.
    #[track_caller]
    pub fn lock(&self) -> MonitorGuard<'_, T> {
        MonitorGuard { state: self.state.lock() }
    }

    /// Blocks until `ready` returns `Some`, called under the lock at the start and after each wake-up.
    ///
    /// `ready` must look only at the value and at words whose writers call
    /// [`MonitorGuard::notify_all`] after they wrote.
    #[track_caller]
    pub fn wait_until<R>(&self, mut ready: impl FnMut(&mut T) -> Option<R>) -> R {
        #[cfg(all(loom, blockgate_mutants))]
        let mut is_woken_for_nothing = mutation::applies("wait_until");
        let me = primitives::current_thread();
        loop {
            let mut state = self.state.lock();
            state.waiting.retain(|thread| !primitives::is_same(thread, &me));
            if let Some(result) = ready(&mut state.value) {
                return result;
            }
            state.waiting.push(me.clone());
            drop(state);
            #[cfg(all(loom, blockgate_mutants))]
            if std::mem::take(&mut is_woken_for_nothing) {
                continue;
            }
            primitives::park();
        }
    }

    /// The value, where exclusive access proves that nobody else is using it.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.state.get_mut().value
    }
}

/// A locked [`Monitor`].
pub struct MonitorGuard<'a, T> {
    state: MutexGuard<'a, Watched<T>>,
}

impl<T> MonitorGuard<'_, T> {
    /// Wakes every thread in [`Monitor::wait_until`]. Each looks again once this guard is gone.
    #[track_caller]
    pub fn notify_all(&mut self) {
        #[cfg(all(loom, blockgate_mutants))]
        if mutation::applies("notify_all") {
            return;
        }
        for thread in self.state.waiting.drain(..) {
            thread.unpark();
        }
    }
}

impl<T> std::ops::Deref for MonitorGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state.value
    }
}

impl<T> std::ops::DerefMut for MonitorGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state.value
    }
}

/// Which of `shards` shards the calling thread works on: its own number, modulo `shards`.
///
/// A thread gets the least number that no other living thread has when it first asks (under loom: its
/// place in the order of creation, the main thread being 0). Two threads may share a shard: it costs time,
/// not correctness.
///
/// # Panics
/// With zero shards.
#[must_use]
#[inline]
pub fn current_shard(shards: usize) -> usize {
    let index = primitives::thread_index();
    // The comparison is there because a division costs more than the rest.
    if index < shards { index } else { index % shards }
}

/// How many owners a thread keeps numbers for.
const REMEMBERED: usize = 8;

/// By the owner's address: the address, and the number.
type Remembered = [Cell<(usize, usize)>; REMEMBERED];

const fn nothing_remembered() -> Remembered {
    [const { Cell::new((0, 0)) }; REMEMBERED]
}

#[inline]
fn remembered_for<R>(owner: usize, f: impl FnOnce(&Cell<(usize, usize)>) -> R) -> Option<R> {
    // Of addresses, the last bits are the same.
    primitives::REMEMBERED_HERE.try_with(|all| f(&all[owner / 64 % REMEMBERED])).ok()
}

/// The number that the calling thread keeps for `owner` (an address, other than 0), or 0: a place to begin a
/// search at, and nothing to conclude from. Nobody shares it, so it costs no synchronization.
///
/// Another owner's number may have taken its place, and an owner at an address that was used before
/// inherits a number that may be out of its range.
#[inline]
pub(crate) fn recall(owner: usize) -> usize {
    let kept = remembered_for(owner, Cell::get);
    kept.filter(|(of, _)| *of == owner).map_or(0, |(_, number)| number)
}

/// Keeps `number` for `owner`, on the calling thread: see [`recall`].
pub(crate) fn remember(owner: usize, number: usize) {
    remembered_for(owner, |kept| kept.set((owner, number)));
}

/// How many processors there are to share the work. Asked once: the answer is read from files.
pub(crate) fn processors() -> usize {
    static PROCESSORS: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(2, usize::from))
}

#[cfg(not(any(loom, shuttle)))]
mod production {
    use std::cell::Cell;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::sync::atomic::Ordering;

    pub use crossbeam_utils::CachePadded;
    pub(super) use std::thread::{Thread, current as current_thread, park};

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
            self.0.compare_exchange_weak(old, new, orders.0, orders.1)
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
    #[derive(Debug, Default)]
    pub struct Mutex<T>(parking_lot::Mutex<T>);

    /// A locked [`Mutex`].
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

        /// The value, where exclusive access proves that nobody else is using it.
        pub fn get_mut(&mut self) -> &mut T {
            self.0.get_mut()
        }
    }

    pub(super) fn is_same(one: &Thread, other: &Thread) -> bool {
        one.id() == other.id()
    }

    thread_local! {
        pub(super) static REMEMBERED_HERE: super::Remembered = const { super::nothing_remembered() };
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

    /// The least index that no living thread has: so few threads have small indices, however many came
    /// and went before them.
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
}

#[cfg(loom)]
mod under_loom {
    use std::sync::atomic::Ordering;

    pub use super::unpadded::CachePadded;
    pub(super) use loom::thread::{Thread, current as current_thread, park};

    loom::thread_local! {
        pub(super) static REMEMBERED_HERE: super::Remembered = super::nothing_remembered();
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
            let result = self.word.compare_exchange(old, new, orders.0, orders.1);
            if result.is_ok() {
                self.mirror(new);
            }
            result
        }

        #[track_caller]
        pub(super) fn fetch_add(&self, n: u64, order: Ordering) -> u64 {
            let previous = self.word.fetch_add(n, order);
            self.mirror(previous.wrapping_add(n));
            previous
        }

        #[track_caller]
        pub(super) fn fetch_sub(&self, n: u64, order: Ordering) -> u64 {
            let previous = self.word.fetch_sub(n, order);
            self.mirror(previous.wrapping_sub(n));
            previous
        }

        #[track_caller]
        pub(super) fn fetch_or(&self, mask: u64, order: Ordering) -> u64 {
            let previous = self.word.fetch_or(mask, order);
            self.mirror(previous | mask);
            previous
        }

        #[track_caller]
        pub(super) fn load(&self, order: Ordering) -> u64 {
            self.word.load(order)
        }

        #[track_caller]
        pub(super) fn store(&self, value: u64, order: Ordering) {
            self.word.store(value, order);
            self.mirror(value);
        }

        pub(super) fn exclusive_value(&mut self) -> u64 {
            *self.shadow.get_mut()
        }

        // Relaxed: loom runs every thread of a model on one thread of the system.
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

        /// The value, where exclusive access proves that nobody else is using it.
        #[expect(clippy::missing_panics_doc, reason = "no code of this crate panics under a lock")]
        pub fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().expect("no code of this crate panics under a lock")
        }
    }

    pub(super) fn is_same(one: &Thread, other: &Thread) -> bool {
        one.id() == other.id()
    }

    // Loom numbers its threads from zero and shows the number only in the debug form, `ThreadId(3)`.
    pub(super) fn thread_index() -> usize {
        let shown = format!("{:?}", current_thread().id());
        let digits = shown.trim_start_matches("ThreadId(").trim_end_matches(')');
        digits.parse().expect("loom shows a thread as ThreadId(n)")
    }
}
