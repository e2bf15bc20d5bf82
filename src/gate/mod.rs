//! A count of the threads inside, with a door that can be closed.
//!
//! The hard part: *entering* and *closing* must not miss each other. Both are read-modify-write operations on
//! the same word, so one of them comes first and the second sees it: either the closer sees the count, or the
//! writer sees the level. The word is sharded, so that writers share no cache line; the argument holds for
//! each shard alone.
//!
//! # State: one word a shard
//!
//! | levels | count | means |
//! |---|---|---|
//! | 0 | n | open, n inside |
//! | l > 0 | n > 0 | closed l times, n left; n only falls |
//! | l > 0 | 0 | closed, empty; stays so until opened |
//!
//! and three bits (the file `word.rs` has them all by name):
//!
//! | bit | set by | while | its reader and what it does | cleared |
//! |---|---|---|---|---|
//! | sealed | [`Closed::seal`] | l > 0 | a thread that wants to enter: gives up, it will never open again | never |
//! | awaited | a closer that waits | l > 0, n > 0 | the last one out: wakes the closer | by the closer, at n = 0 |
//! | expected | a thread that waits to enter | l > 0 | the last opener: lets the thread in | by the opener that lets it in |
//!
//! Waiters wait at the shard's own monitor, and set their bit under its lock. (A gate's monitors are made for the first
//! of them: a group is two gates, there are many groups, and at most gates no thread ever waits.) A thread that leaves or opens
//! touches the monitor only where the word says that another waits. A thread that opens
//! the last level of an expected shard counts those that wait there as inside, so they need not be quick.
//! The shards share no state and no lock:
//! each [`Closed`] is one level in every shard. Shard 0 is closed first and opened last, so no shard has more
//! levels than it.
//!
//! # Invariants
//!
//! - G1: the levels of a shard are the [`Closed`] guards that have come to it and not left it.
//! - G2: no thread enters a shard that has a level.
//! - G3: every entering has one leaving; a count never wraps in either direction.
//! - G4: [`Closed::wait_empty`] returns only when no [`Inside`] that was there at the closing is left,
//!   and what those writers did happens-before its return.
//! - G5: the thread that takes an awaited shard's count to zero wakes its waiters.
//! - G6: the thread that opens or seals an expected shard wakes its waiters.
//! - G7: the threads that wait to enter are inside when the drop of the last [`Closed`] returns, unless another
//!   thread closes the gate during that drop.
//!
//! # Rejected
//!
//! - *One word for all.* Every writer then writes one cache line: 16 times the limit at 2 threads for a
//!   shared lock (`docs/performance.md`), where the sharded gate stays at 1.1.
//! - Tried: *one monitor for all shards*: writers that do not meet would meet when they wait. With a monitor and bits
//!   a shard, the model of three writers went from 432,642 executions to 23,182 (a slot a shard for the
//!   target had its part in that).
//! - *Epochs and hazard pointers*, whose entry is as cheap: they say that a thread may be inside, and only a
//!   grace period of the whole process says that none is.
//!
//! Checked by `loom-tests/src/models/gate.rs`,
//! argued in [`docs/gate.md`](crate::proof::gate).
//!
//! The kernel has three of these:
//! `bg->ro` with `bg->reservations`, `bg->ro` with `bg->nocow_writers`, and the transaction's
//! `num_writers` with its state.

mod word;

use std::fmt;

use crate::sharded::{ShardSet, Shards};
use crate::sync::{Column, CounterWord, Monitor, OnFirstUse, Ordering, current_shard};

use word::Word;

/// More levels at once are a defect of the caller. The word has room for twice as many, so that threads that
/// close at the same moment cannot overflow it.
const MOST_LEVELS: usize = 4096;

/// A sharded count of the threads inside, which can be closed to newcomers and waited empty.
///
/// Part of the proof: [the gate](crate::proof::gate).
///
/// ```
/// use blockgate::{EnterError, Gate};
///
/// let gate = Gate::default();
/// let writer = gate.enter()?;
/// let closed = gate.close();
/// assert_eq!(gate.enter().unwrap_err(), EnterError::Closed);
/// drop(writer); // on any thread
/// closed.wait_empty(); // returns: no thread is inside
/// drop(closed);
/// assert!(gate.enter().is_ok());
/// # Ok::<(), EnterError>(())
/// ```
#[derive(Debug)]
pub struct Gate {
    words: Column<CounterWord>,
    /// One a shard. At most gates no thread ever waits.
    waiting: OnFirstUse<Box<[Monitor<Waiting>]>>,
}

/// One of a gate's shards: its word, by which it is also found.
#[derive(Debug, Clone, Copy)]
struct Shard<'gate> {
    gate: &'gate Gate,
    word: &'gate CounterWord,
}

/// The threads that wait to enter.
#[derive(Debug, Default)]
struct Waiting {
    count: u64,
    /// How often all of them were let in: a thread that registered before the last time is inside.
    admissions: u64,
}

impl Waiting {
    fn nobody(shards: usize) -> Box<[Monitor<Self>]> {
        (0..shards).map(|_| Monitor::new(Self::default())).collect()
    }
}

impl<'gate> Shard<'gate> {
    /// Where threads wait. Not for the fast paths: it searches.
    #[cold]
    fn monitor(self) -> &'gate Monitor<Waiting> {
        let index = self.gate.shards().position(|shard| std::ptr::eq(shard.word, self.word));
        &self.gate.monitors()[index.expect("it is one of them")]
    }

    /// [`CounterWord::update`], of words.
    #[track_caller]
    #[inline(always)]
    fn update(
        self,
        guess: Word,
        orders: (Ordering, Ordering),
        next: impl Fn(Word) -> Option<Word>,
    ) -> Result<Word, Word> {
        let word = self.word.update(guess.0, orders, |word| next(Word(word)).map(|next| next.0));
        word.map(Word).map_err(Word)
    }

    /// Returns the word before.
    #[track_caller]
    fn close_one_level(self, order: Ordering) -> Word {
        Word(self.word.add(Word::LEVEL, order))
    }

    fn open_one_level(self) {
        // Release: pairs with the Acquire in `enter`; what the closer did happens-before what the next writer
        // does inside.
        let before = Word(self.word.subtract(Word::LEVEL, Ordering::Release));
        if before.lets_in_when_opened() {
            self.let_in();
        }
    }

    /// Lets in the threads that wait to enter, unless another closer has come in between: then they are its to
    /// let in.
    #[cold]
    fn let_in(self) {
        let mut waiting = self.monitor().lock();
        let (count, expected) = (waiting.count, Word::EXPECTED_BY_SOME);
        let let_in = |word: Word| word.with_all_let_in(count);
        // Acquire: pairs with the Release of every opening before; the lock hands on what those closers did to
        // the threads that are let in. Relaxed where it refuses: nothing is handed over.
        if self.update(expected, (Ordering::Acquire, Ordering::Relaxed), let_in).is_ok() {
            *waiting = Waiting { count: 0, admissions: waiting.admissions + 1 };
        }
        waiting.notify_all();
    }

    /// Enters, or says that a thread waits to enter. Returns the word before; refuses where that is in vain.
    fn enter_or_expect(self) -> Result<Word, Word> {
        // Acquire: as in `enter`. Relaxed where it refuses: nothing is handed over.
        self.update(Word::CLOSED, (Ordering::Acquire, Ordering::Relaxed), Word::entered_or_expected)
    }

    /// Blocks until the caller is counted as inside.
    fn wait_enter(self) -> Result<(), EnterError> {
        let mut registered = None;
        self.monitor().wait_until(|waiting| {
            if registered.is_some_and(|admissions| admissions < waiting.admissions) {
                return Some(Ok(())); // G7
            }
            let outcome = match self.enter_or_expect() {
                Ok(before) if before.admits() => Some(Ok(())),
                Ok(_closed) => None,
                Err(refused) => Some(Err(EnterError::of(refused))),
            };
            match (registered, &outcome) {
                (None, None) => {
                    waiting.count += 1;
                    registered = Some(waiting.admissions);
                }
                (Some(_), Some(_)) => waiting.count -= 1,
                _ => {}
            }
            outcome
        })
    }

    /// Blocks until the count is zero, in a shard that the caller has closed.
    fn wait_empty(self) {
        let mut guess = Word::ONE_INSIDE;
        self.monitor().wait_until(|_| {
            // Acquire: pairs with the Release in dropping an `Inside`.
            let word = self.update(guess, (Ordering::Acquire, Ordering::Acquire), Word::await_empty);
            guess = Word::LEFT_BY_ALL;
            // Refused: empty, and no bit to take back. (Another waiter took it back.)
            word.map_or(Some(()), |before| (!before.is_occupied()).then_some(()))
        });
    }

    /// Not inlined: a writer comes here only after a closing that a thread waits for.
    #[track_caller]
    #[cold]
    fn wake(self) {
        self.monitor().lock().notify_all();
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(Shards::default())
    }
}

impl Gate {
    /// An open, empty gate. Entering costs one read-modify-write on the calling thread's shard, leaving
    /// another; closing costs one a shard.
    ///
    /// ```
    /// use blockgate::{Gate, Shards};
    ///
    /// let gate = Gate::new(Shards::new(8)); // eight threads enter without a common cache line
    /// assert_eq!(gate.closed_levels(), 0);
    /// ```
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "there is one")]
    pub fn new(shards: Shards) -> Self {
        Self::several(shards, 1).next().expect("one")
    }

    /// So many gates whose words lie beside each other: a thread's own words, of all of them, share cache lines.
    pub(crate) fn several(shards: Shards, count: usize) -> impl Iterator<Item = Self> {
        let words = Column::several(shards.count(), count, |_, _| CounterWord::new(Word::OPEN.0));
        words.map(|words| {
            let waiting = OnFirstUse::new(|| Waiting::nobody(words.len()));
            Self { words, waiting }
        })
    }

    fn monitors(&self) -> &[Monitor<Waiting>] {
        self.waiting.get(|| Waiting::nobody(self.words.len()))
    }

    #[inline]
    fn shard(&self, index: usize) -> Shard<'_> {
        Shard { gate: self, word: self.words.get(index) }
    }

    /// The calling thread's.
    #[inline]
    fn own_shard(&self) -> Shard<'_> {
        self.shard(current_shard(self.words.len()))
    }

    fn shards(&self) -> impl DoubleEndedIterator<Item = Shard<'_>> {
        self.words.iter().map(|word| Shard { gate: self, word })
    }

    /// Enters, if the gate is open. Never blocks.
    ///
    /// A thread may enter several times. A leaked guard (`mem::forget`) never leaves: the next
    /// [`Closed::wait_empty`] then never returns.
    ///
    /// Acquire: pairs with the Release of the opening; what the closer did happens-before what the
    /// writer does inside.
    ///
    /// # Errors
    /// [`EnterError::Closed`] while any [`Closed`] lives: go elsewhere, or [wait](Gate::wait_enter).
    /// [`EnterError::Sealed`] when it will never open again. [`EnterError::Full`] with 2^48 - 1 inside one
    /// shard, which only leaked guards can reach.
    ///
    /// # Example
    /// ```
    /// use blockgate::{EnterError, Gate, Inside};
    ///
    /// /// Enters, and waits where the gate is closed for now.
    /// fn enter(gate: &Gate) -> Result<Inside<'_>, EnterError> {
    ///     match gate.enter() {
    ///         Err(EnterError::Closed) => gate.wait_enter(),
    ///         outcome => outcome,
    ///     }
    /// }
    /// let gate = Gate::default();
    /// assert!(enter(&gate).is_ok());
    /// gate.close().seal();
    /// assert_eq!(enter(&gate).unwrap_err(), EnterError::Sealed);
    /// ```
    #[inline]
    pub fn enter(&self) -> Result<Inside<'_>, EnterError> {
        let shard = self.own_shard();
        // Relaxed where it refuses: nothing is handed over.
        shard
            .update(Word::OPEN, (Ordering::Acquire, Ordering::Relaxed), Word::entered)
            .map(|_| Inside { shard })
            .map_err(EnterError::of)
    }

    /// Enters; blocks while the gate is closed. A thread that waits here is let in by the thread that opens the
    /// gate, before the drop of its [`Closed`] returns: if threads close the gate one after the other, no second
    /// closing overtakes it (G7).
    ///
    /// Acquire: as [`Gate::enter`].
    ///
    /// # Errors
    /// [`EnterError::Sealed`] when it will never open again. [`EnterError::Full`] as [`Gate::enter`].
    ///
    /// # Example
    /// ```
    /// use blockgate::Gate;
    ///
    /// let gate = Gate::default();
    /// let closed = gate.close();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| drop(closed));
    ///     let inside = gate.wait_enter()?; // returns when it is dropped
    ///     assert!(gate.close().was_occupied());
    ///     drop(inside);
    ///     Ok::<(), blockgate::EnterError>(())
    /// })?;
    /// # Ok::<(), blockgate::EnterError>(())
    /// ```
    #[cold]
    pub fn wait_enter(&self) -> Result<Inside<'_>, EnterError> {
        let shard = self.own_shard();
        shard.wait_enter().map(|()| Inside { shard })
    }

    /// How many threads wait to enter at this moment. It may change before you look at it. Locks each shard's
    /// monitor in turn.
    ///
    /// ```
    /// let gate = blockgate::Gate::default();
    /// let closed = gate.close();
    /// assert_eq!(gate.waiting(), 0); // nobody is in `wait_enter`
    /// # drop(closed);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let monitors = self.waiting.made().into_iter().flatten();
        monitors.map(|monitor| monitor.lock().count).sum()
    }

    /// Closes the gate by one level: from here on [`Gate::enter`] refuses, until every [`Closed`] is gone.
    ///
    /// Does not block, not even for those inside; for them there is [`Closed::wait_empty`].
    ///
    /// Acquire: pairs with the Release of a leaving; a shard that is found empty was left, and what was
    /// done inside happens-before.
    ///
    /// # Panics
    /// With 4096 levels at once: levels were leaked.
    ///
    /// # Example
    /// ```
    /// use blockgate::Gate;
    ///
    /// let gate = Gate::default();
    /// let inside = gate.enter()?;
    /// let (first, second) = (gate.close(), gate.close()); // neither waits for `inside`
    /// assert_eq!((first.level(), second.level(), gate.closed_levels()), (1, 2, 2));
    /// drop(first);
    /// assert!(gate.enter().is_err()); // the second still holds it closed
    /// # drop((inside, second));
    /// # Ok::<(), blockgate::EnterError>(())
    /// ```
    pub fn close(&self) -> Closed<'_> {
        let before = self.shard(0).close_one_level(Ordering::Acquire);
        let level = before.levels() + 1;
        if level > MOST_LEVELS {
            self.shard(0).open_one_level();
            panic!("a gate was closed {MOST_LEVELS} times and not opened: levels were leaked");
        }
        let mut occupied = ShardSet::default();
        occupied.insert_if(0, before.is_occupied());
        for (index, shard) in self.shards().enumerate().skip(1) {
            let before = shard.close_one_level(Ordering::Acquire);
            occupied.insert_if(index, before.is_occupied());
        }
        Closed { gate: self, occupied, level }
    }

    /// How many levels of [`Closed`] live at this moment. It may change before you look at it.
    #[must_use]
    pub fn closed_levels(&self) -> usize {
        // Relaxed: nothing is concluded from it.
        Word(self.shard(0).word.read(Ordering::Relaxed)).levels()
    }

    /// How many levels of [`Closed`] were leaked, where exclusive access proves that none lives.
    pub fn leaked_levels(&mut self) -> usize {
        // Shard 0 has as many as any other.
        Word(self.words.exclusive(0)).levels()
    }

    /// How many are inside, where exclusive access proves that no guard lives: other than zero only
    /// where guards were leaked.
    ///
    /// ```
    /// let mut gate = blockgate::Gate::default();
    /// std::mem::forget(gate.enter());
    /// assert_eq!((gate.leaked(), gate.leaked_levels()), (1, 0));
    /// ```
    pub fn leaked(&mut self) -> u64 {
        (0..self.words.len()).map(|shard| Word(self.words.exclusive(shard)).count()).sum()
    }

    fn open_one_level(&self) {
        self.shards().rev().for_each(Shard::open_one_level);
    }
}

/// A thread's stay inside a [`Gate`]. Dropping it leaves; that may happen on another thread.
///
/// Part of the proof: [the gate](crate::proof::gate).
///
/// ```
/// use blockgate::{EnterError, Gate};
///
/// let gate = Gate::default();
/// let inside = gate.enter()?;
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(inside)); // entered on one thread, left on another
///     gate.close().wait_empty();
/// });
/// # Ok::<(), blockgate::EnterError>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this leaves the gate at once"]
pub struct Inside<'gate> {
    shard: Shard<'gate>,
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `close` and in `wait_empty`; what was done inside
        // happens-before what the closer does after it found the shard empty.
        let before = Word(self.shard.word.subtract(Word::INSIDE, Ordering::Release));
        debug_assert!(before.is_occupied(), "G3: left a gate that no thread was in");
        if before.wakes_when_left() {
            self.shard.wake();
        }
    }
}

/// One level that a [`Gate`] is closed by. Dropping it opens that level; the last one opens the gate.
///
/// Part of the proof: [the gate](crate::proof::gate).
///
/// ```
/// use blockgate::{EnterError, Gate};
///
/// let gate = Gate::default();
/// {
///     let closed = gate.close();
///     closed.wait_empty();
///     assert_eq!(gate.enter().unwrap_err(), EnterError::Closed);
///     // What must not meet a writer goes here.
/// } // opens, also where that panics
/// assert!(gate.enter().is_ok());
/// ```
#[derive(Debug)]
#[must_use = "dropping this opens the gate at once"]
pub struct Closed<'gate> {
    gate: &'gate Gate,
    /// The shards that had a thread inside when this level was closed. No other can become occupied.
    occupied: ShardSet,
    level: usize,
}

impl Closed<'_> {
    /// How many levels there were when this one was closed, with this one.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// Whether a thread was inside at the closing.
    ///
    /// ```
    /// let gate = blockgate::Gate::default();
    /// let inside = gate.enter()?;
    /// let closed = gate.close();
    /// drop(inside);
    /// assert!(closed.was_occupied()); // at the closing it was, and that is what counts
    /// # Ok::<(), blockgate::EnterError>(())
    /// ```
    #[must_use]
    pub fn was_occupied(&self) -> bool {
        !self.occupied.is_empty()
    }

    /// Blocks until no thread is inside; afterwards none is until this guard is dropped.
    ///
    /// Returns whether a thread was inside at the closing, even if it has left since. Several threads may
    /// wait at once, each with its own level. Deadlocks if the calling thread itself is inside.
    ///
    /// Acquire: pairs with the Release of a leaving.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let (gate, sum) = (blockgate::Gate::default(), AtomicU64::new(0));
    /// let inside = gate.enter()?;
    /// let closed = gate.close();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         sum.fetch_add(1, Ordering::Relaxed); // done inside
    ///         drop(inside);
    ///     });
    ///     assert!(closed.wait_empty()); // a thread was inside
    ///     assert_eq!(sum.load(Ordering::Relaxed), 1); // and what it did is seen here
    /// });
    /// # Ok::<(), blockgate::EnterError>(())
    /// ```
    pub fn wait_empty(&self) -> bool {
        // One shard after the other: closed, an empty one stays empty.
        for shard in self.occupied.iter() {
            self.gate.shard(shard).wait_empty();
        }
        self.was_occupied()
    }

    /// Leaves the gate closed permanently. Threads that wait to enter are woken and get
    /// [`EnterError::Sealed`].
    ///
    /// ```
    /// use blockgate::{EnterError, Gate};
    ///
    /// let gate = Gate::default();
    /// std::thread::scope(|scope| {
    ///     let closed = gate.close();
    ///     let waiter = scope.spawn(|| gate.wait_enter().map(drop));
    ///     closed.seal(); // shut down
    ///     assert_eq!(waiter.join().unwrap(), Err(EnterError::Sealed));
    /// });
    /// ```
    pub fn seal(self) {
        for shard in self.gate.shards() {
            // Relaxed: the seal says that there will be no more, and hands nothing over.
            let before = Word(shard.word.set_bits(Word::SEAL, Ordering::Relaxed));
            if before.is_expected() {
                shard.wake();
            }
        }
        // Its level stays too: a sealed gate is a closed one.
        std::mem::forget(self);
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gate.open_one_level();
    }
}

/// Why [`Gate::enter`] refused.
///
/// Part of the proof: [the gate](crate::proof::gate).
///
/// ```
/// use blockgate::{EnterError, Gate};
///
/// fn advice(gate: &Gate) -> &'static str {
///     match gate.enter().map(drop) {
///         Ok(()) => "go on",
///         Err(EnterError::Closed) => "go elsewhere, or wait with `Gate::wait_enter`",
///         Err(EnterError::Sealed) => "give up",
///         Err(error) => panic!("{error}"), // a defect: guards were leaked
///     }
/// }
/// let gate = Gate::default();
/// assert_eq!(advice(&gate), "go on");
/// let closed = gate.close();
/// assert_eq!(advice(&gate), "go elsewhere, or wait with `Gate::wait_enter`");
/// closed.seal();
/// assert_eq!(advice(&gate), "give up");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnterError {
    /// The gate is closed.
    Closed,
    /// The gate is closed and will never open again.
    Sealed,
    /// A shard counts 2^48 - 1 inside: guards were leaked.
    Full,
}

impl EnterError {
    #[cold]
    fn of(word: Word) -> Self {
        if word.is_sealed() {
            Self::Sealed
        } else if word.levels() > 0 {
            Self::Closed
        } else {
            Self::Full
        }
    }
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the gate is closed: go elsewhere, or wait until it is opened",
            Self::Sealed => "the gate is closed and will never open again: give up",
            Self::Full => "the gate's count is full: guards were leaked with mem::forget",
        })
    }
}

impl std::error::Error for EnterError {}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;

    #[test]
    fn counts_do_not_overflow_silently() {
        let gate = Gate::new(Shards::new(1));
        gate.shard(0).word.add(Word::MOST_INSIDE - 1, Ordering::Relaxed);
        let last = gate.enter().expect("one more fits");
        assert_eq!(gate.enter().unwrap_err(), EnterError::Full);
        drop(last);
        assert!(gate.enter().is_ok());
    }

    #[test]
    fn levels_nest_and_the_last_one_opens() {
        let gate = Gate::default();
        let (first, second) = (gate.close(), gate.close());
        drop(first);
        assert_eq!(gate.enter().unwrap_err(), EnterError::Closed);
        assert!(!second.wait_empty());
        drop(second);
        assert!(gate.enter().is_ok());
    }

    #[test]
    #[should_panic(expected = "levels were leaked")]
    fn levels_do_not_overflow_silently() {
        let gate = Gate::new(Shards::new(1));
        for _ in 0..=MOST_LEVELS {
            std::mem::forget(gate.close());
        }
    }

    #[test]
    fn a_sealed_gate_never_opens_and_says_so() {
        let gate = Gate::default();
        gate.close().seal();
        assert_eq!(gate.enter().unwrap_err(), EnterError::Sealed);
        assert_eq!(gate.wait_enter().unwrap_err(), EnterError::Sealed);
    }

    /// The gate is full when it opens: the waiter enters once there is room, or is told.
    #[test]
    fn a_full_gate_lets_no_waiter_in_uncounted() {
        let gate = Gate::new(Shards::new(1));
        gate.shard(0).word.add(Word::MOST_INSIDE, Ordering::Relaxed);
        let closed = gate.close();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| gate.wait_enter().map(drop));
            while gate.waiting() == 0 {
                std::thread::yield_now();
            }
            drop(closed);
            assert_eq!(waiter.join().expect("no panic"), Err(EnterError::Full));
        });
        assert_eq!(gate.waiting(), 0);
    }

    #[test]
    fn a_leaked_guard_is_counted() {
        let mut gate = Gate::default();
        std::mem::forget(gate.enter());
        assert_eq!(gate.leaked(), 1);
    }

    #[test]
    fn unwinding_leaves() {
        let gate = Gate::default();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _inside = gate.enter();
            panic!("the writer fails");
        }));
        assert!(result.is_err());
        assert!(!gate.close().was_occupied());
    }
}
