//! A count of who is inside, with a door that can be closed.
//!
//! The hard part: *entering* and *closing* must not pass each other. Both are read-modify-write
//! operations on the same word, so one of them comes first, and the second sees it: either the closer
//! sees the count, or the writer sees the closed bit. The word is sharded, so that writers do not share
//! a cache line; the argument holds for each shard alone.
//!
//! # State: one word a shard
//!
//! | levels (bits 48 to 60) | count (bits 0 to 47) | means |
//! |---|---|---|
//! | 0 | n | open, n inside |
//! | l > 0 | n > 0 | closed l times, n left; n only falls |
//! | l > 0 | 0 | closed, empty; stays so until opened |
//!
//! and three bits:
//!
//! | bit | set by | while | tells | cleared |
//! |---|---|---|---|---|
//! | sealed (63) | [`Closed::seal`] | l > 0 | whoever wants to enter: it will never open again | never |
//! | awaited (62) | a closer who waits | l > 0, n > 0 | the last one out: wake him | by a waiter, at n = 0 |
//! | expected (61) | who waits to enter | l > 0 | the last opener: wake him | by a waiter, at l = 0 |
//!
//! Waiters wait at the shard's own monitor, and set their bit under its lock. Who leaves, and who opens,
//! touches the monitor only if the word told him to. There is no state that the shards share, and no lock:
//! each [`Closed`] is one level in every shard. Shard 0 is closed first and opened last, so no shard has
//! more levels than it.
//!
//! # Invariants
//!
//! - G1: the levels of a shard are the [`Closed`] guards that have come to it and not left it.
//! - G2: nobody enters a shard that has a level.
//! - G3: every entering has one leaving; a count never wraps in either direction.
//! - G4: [`Closed::wait_empty`] returns only when no [`Inside`] that was there at the closing is left,
//!   and what those writers did happens-before its return.
//! - G5: whoever takes an awaited shard's count to zero wakes its waiters.
//! - G6: whoever opens or seals an expected shard wakes its waiters.
//!
//! Checked by `loom-tests/src/models/gate.rs`,
//! argued in [`docs/gate.md`](crate::proof::gate).
//!
//! The kernel has three of these:
//! `bg->ro` with `bg->reservations`, `bg->ro` with `bg->nocow_writers`, and the transaction's
//! `num_writers` with its state.

use std::fmt;

use crate::sync::{CachePadded, CounterWord, Monitor, Ordering, current_shard};
use crate::units::Shards;

const SEALED: u64 = 1 << 63;
const AWAITED: u64 = 1 << 62;
const EXPECTED: u64 = 1 << 61;
const ONE_LEVEL: u64 = 1 << 48;
const LEVELS: u64 = EXPECTED - ONE_LEVEL;
const COUNT: u64 = ONE_LEVEL - 1;

/// More levels at once are a defect of the caller. The word has room for twice as many, so that those who
/// close at the same moment cannot overflow it.
const MOST_LEVELS: u64 = 4096;

fn levels(word: u64) -> usize {
    usize::try_from((word & LEVELS) / ONE_LEVEL).expect("few bits")
}

/// A sharded count of who is inside, which can be closed to newcomers and waited empty.
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
/// closed.wait_empty(); // returns: nobody is inside
/// drop(closed);
/// assert!(gate.enter().is_ok());
/// # Ok::<(), EnterError>(())
/// ```
#[derive(Debug)]
pub struct Gate {
    shards: Box<[CachePadded<Shard>]>,
}

#[derive(Debug)]
struct Shard {
    word: CounterWord,
    waiting: Monitor<()>,
}

impl Shard {
    fn new() -> Self {
        Self { word: CounterWord::new(0), waiting: Monitor::new(()) }
    }

    fn open_one_level(&self) {
        // Release: pairs with the Acquire in `enter`; the freeze happens-before the next writer.
        let before = self.word.subtract(ONE_LEVEL, Ordering::Release);
        if before & EXPECTED != 0 && levels(before) == 1 {
            self.wake();
        }
    }

    /// Blocks until the count is zero, in a shard that the caller has closed.
    fn wait_empty(&self) {
        let mut likely = ONE_LEVEL + 1;
        self.waiting.wait_until(|()| {
            let await_or_end = |word| match (word & COUNT, word & AWAITED) {
                (0, 0) => None,
                (0, _) => Some(word & !AWAITED),
                _ => Some(word | AWAITED),
            };
            // Acquire: pairs with the Release in dropping an `Inside`.
            let word = self.word.update(likely, (Ordering::Acquire, Ordering::Acquire), await_or_end);
            likely = ONE_LEVEL | AWAITED;
            word.map_or(Some(()), |word| (word & COUNT == 0).then_some(()))
        });
    }

    /// Not inlined: for a writer, only after a closing that somebody waits for.
    #[track_caller]
    #[cold]
    fn wake(&self) {
        self.waiting.lock().notify_all();
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
    #[must_use]
    pub fn new(shards: Shards) -> Self {
        let shards = (0..shards.count()).map(|_| CachePadded::new(Shard::new()));
        Self { shards: shards.collect() }
    }

    /// Enters, if the gate is open. Never blocks.
    ///
    /// A thread may enter several times. A leaked guard (`mem::forget`) is never waited out: the next
    /// [`Closed::wait_empty`] then blocks for ever.
    ///
    /// Acquire: pairs with the Release of the opening; what the closer did happens-before what the
    /// writer does inside.
    ///
    /// # Errors
    /// [`EnterError::Closed`] while any [`Closed`] lives: go elsewhere, or [wait](Gate::wait_open).
    /// [`EnterError::Sealed`] when it will never open again. [`EnterError::Full`] with 2^48 - 1 inside one
    /// shard, which only leaked guards can reach.
    #[inline]
    pub fn enter(&self) -> Result<Inside<'_>, EnterError> {
        let shard = self.current_shard();
        // Relaxed where it refuses: nothing is handed over.
        shard
            .word
            .update(0, (Ordering::Acquire, Ordering::Relaxed), |word| {
                (word & !(AWAITED | EXPECTED) < COUNT).then(|| word + 1)
            })
            .map(|_| Inside { shard })
            .map_err(EnterError::of)
    }

    /// Blocks while the gate is closed. It may be closed again before the caller enters.
    ///
    /// # Errors
    /// [`EnterError::Sealed`] when it will never open again.
    #[cold]
    pub fn wait_open(&self) -> Result<(), EnterError> {
        let shard = self.current_shard();
        let mut likely = ONE_LEVEL;
        shard.waiting.wait_until(|()| {
            let expect_or_end = |word| match (word & LEVELS, word & EXPECTED) {
                (0, 0) => None,
                (0, _) => Some(word & !EXPECTED),
                _ => Some(word | EXPECTED),
            };
            // Relaxed: what the closer did is acquired by entering.
            let word = shard.word.update(likely, (Ordering::Relaxed, Ordering::Relaxed), expect_or_end);
            likely = EXPECTED;
            let word = word.unwrap_or_else(|word| word);
            match (word & SEALED, word & LEVELS) {
                (0, 0) => Some(Ok(())),
                (0, _) => None,
                _ => Some(Err(EnterError::Sealed)),
            }
        })
    }

    #[inline]
    fn current_shard(&self) -> &Shard {
        &self.shards[current_shard(self.shards.len())]
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
    pub fn close(&self) -> Closed<'_> {
        let before = self.shards[0].word.add(ONE_LEVEL, Ordering::Acquire);
        let level = levels(before) + 1;
        if level as u64 > MOST_LEVELS {
            self.shards[0].open_one_level();
            panic!("a gate was closed {MOST_LEVELS} times and not opened: levels were leaked");
        }
        let mut occupied = u64::from(before & COUNT != 0);
        for (index, shard) in self.shards.iter().enumerate().skip(1) {
            let before = shard.word.add(ONE_LEVEL, Ordering::Acquire);
            occupied |= u64::from(before & COUNT != 0) << index;
        }
        Closed { gate: self, occupied, level }
    }

    /// How many levels of [`Closed`] live at this moment. It may change before you look at it.
    #[must_use]
    pub fn closed_levels(&self) -> usize {
        // Relaxed: nothing is concluded from it.
        levels(self.shards[0].word.read(Ordering::Relaxed))
    }

    /// How many levels of [`Closed`] were leaked, where exclusive access proves that none lives.
    pub fn leaked_levels(&mut self) -> usize {
        levels(self.shards[0].word.exclusive_value())
    }

    /// How many are inside, where exclusive access proves that no guard lives: other than zero only
    /// where guards were leaked.
    pub fn leaked(&mut self) -> u64 {
        self.shards.iter_mut().map(|shard| shard.word.exclusive_value() & COUNT).sum()
    }

    fn open_one_level(&self) {
        self.shards.iter().rev().for_each(|shard| shard.open_one_level());
    }
}

/// Somebody inside a [`Gate`]. Dropping it leaves; that may happen on another thread.
///
/// Part of the proof: [the gate](crate::proof::gate).
#[derive(Debug)]
#[must_use = "dropping this leaves the gate at once"]
pub struct Inside<'gate> {
    shard: &'gate Shard,
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `close` and in `wait_empty`; what was done inside
        // happens-before what the closer does after it found the shard empty.
        let before = self.shard.word.subtract(1, Ordering::Release);
        debug_assert_ne!(before & COUNT, 0, "G3: left a gate that nobody was in");
        if before & AWAITED != 0 && before & COUNT == 1 {
            self.shard.wake();
        }
    }
}

/// One level of closedness of a [`Gate`]. Dropping it opens that level; the last one opens the gate.
///
/// Part of the proof: [the gate](crate::proof::gate).
#[derive(Debug)]
#[must_use = "dropping this opens the gate at once"]
pub struct Closed<'gate> {
    gate: &'gate Gate,
    /// Bit `i`: shard `i` had somebody inside when this level was closed. No other can become occupied.
    occupied: u64,
    level: usize,
}

impl Closed<'_> {
    /// How many levels there were when this one was closed, with this one.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// Whether somebody was inside at the closing.
    #[must_use]
    pub fn was_occupied(&self) -> bool {
        self.occupied != 0
    }

    /// Blocks until nobody is inside; afterwards nobody is until this guard is dropped.
    ///
    /// Returns whether somebody was inside at the closing, even if he has left since. Several tasks may
    /// wait at once, each with its own level. Deadlocks if the calling thread itself is inside.
    ///
    /// Acquire: pairs with the Release of a leaving.
    pub fn wait_empty(&self) -> bool {
        let mut left = self.occupied;
        while left != 0 {
            // One shard after the other: closed, an empty one stays empty.
            self.gate.shards[left.trailing_zeros() as usize].wait_empty();
            left &= left - 1;
        }
        self.was_occupied()
    }

    /// Leaves the gate closed for ever, and tells so those who wait to enter.
    pub fn seal(self) {
        for shard in &self.gate.shards {
            // Relaxed: who is told so learns nothing else by it.
            let before = shard.word.set_bits(SEALED, Ordering::Relaxed);
            if before & EXPECTED != 0 {
                shard.wake();
            }
        }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnterError {
    /// The gate is closed.
    Closed,
    /// The gate is closed for ever.
    Sealed,
    /// A shard counts 2^48 - 1 inside: guards were leaked.
    Full,
}

impl EnterError {
    #[cold]
    fn of(word: u64) -> Self {
        if word & SEALED != 0 {
            Self::Sealed
        } else if word & LEVELS != 0 {
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
            Self::Sealed => "the gate is closed for ever",
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
        gate.shards[0].word.add(COUNT - 1, Ordering::Relaxed);
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
        assert_eq!(gate.wait_open(), Err(EnterError::Sealed));
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
