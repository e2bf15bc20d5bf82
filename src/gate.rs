//! A count of who is inside, with a door that can be closed.
//!
//! The hard part: *entering* and *closing* must not pass each other. Both are read-modify-write
//! operations on the same word, so one of them comes first, and the second sees it: either the closer
//! sees the count, or the writer sees the closed bit. The word is sharded, so that writers do not share
//! a cache line; the argument holds for each shard alone.
//!
//! # State: one word a shard
//!
//! | closed (bit 63) | count (bits 0 to 62) | legal | means |
//! |---|---|---|---|
//! | 0 | 0 | yes | open, empty |
//! | 0 | n | yes | open, n inside |
//! | 1 | n | yes | closed, n left to wait for; n only falls |
//! | 1 | 0 | yes | closed, empty; stays so until opened |
//!
//! and `levels`, under a lock: how many [`Closed`] guards live. The closed bits change only under that
//! lock.
//!
//! # Invariants
//!
//! - G1: a bit is set in every shard if and only if `levels > 0` (outside the lock).
//! - G2: nobody enters a shard whose closed bit is set.
//! - G3: every entering has one leaving; a count never wraps in either direction.
//! - G4: [`Closed::wait_empty`] returns only when no [`Inside`] that was there at the closing is left,
//!   and what those writers did happens-before its return.
//! - G5: whoever takes a closed shard's count to zero wakes the waiters.
//!
//! Checked by `loom-tests/gate.rs`, argued in `docs/gate.md`. The kernel has three of these:
//! `bg->ro` with `bg->reservations`, `bg->ro` with `bg->nocow_writers`, and the transaction's
//! `num_writers` with its state.

use std::fmt;

use crate::sync::{CachePadded, CounterWord, Monitor, Ordering, current_shard};
use crate::units::Shards;

const CLOSED: u64 = 1 << 63;
const COUNT: u64 = CLOSED - 1;

/// A sharded count of who is inside, which can be closed to newcomers and waited empty.
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
    shards: Box<[CachePadded<CounterWord>]>,
    levels: Monitor<usize>,
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
        let words = (0..shards.count()).map(|_| CachePadded::new(CounterWord::new(0)));
        Self { shards: words.collect(), levels: Monitor::new(0) }
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
    /// [`EnterError::Closed`] while any [`Closed`] lives; go elsewhere or come back.
    /// [`EnterError::Full`] with 2^63 - 1 inside one shard, which only leaked guards can reach.
    #[inline]
    pub fn enter(&self) -> Result<Inside<'_>, EnterError> {
        let shard = &*self.shards[current_shard(self.shards.len())];
        shard
            .update(Ordering::Acquire, |word| (word < COUNT).then(|| word + 1))
            .map(|_| Inside { gate: self, shard })
            .map_err(|word| if word & CLOSED == 0 { EnterError::Full } else { EnterError::Closed })
    }

    /// Closes the gate by one level: from here on [`Gate::enter`] refuses, until every [`Closed`] is gone.
    ///
    /// Blocks only for the lock of another closing or opening, never for those inside; for them there is
    /// [`Closed::wait_empty`].
    ///
    /// Acquire: pairs with the Release of a leaving; a shard that is found empty was left, and what was
    /// done inside happens-before.
    pub fn close(&self) -> Closed<'_> {
        let mut levels = self.levels.lock();
        *levels += 1;
        let mut occupied = 0;
        for (index, shard) in self.shards.iter().enumerate() {
            let before = shard.set_bits(CLOSED, Ordering::Acquire);
            occupied |= u64::from(before & COUNT != 0) << index;
        }
        Closed { gate: self, occupied, level: *levels }
    }

    /// How many levels of [`Closed`] live at this moment. It may change before you look at it.
    #[must_use]
    pub fn closed_levels(&self) -> usize {
        *self.levels.lock()
    }

    /// How many levels of [`Closed`] were leaked, where exclusive access proves that none lives.
    pub fn closed_levels_mut(&mut self) -> usize {
        *self.levels.get_mut()
    }

    /// How many are inside, where exclusive access proves that no guard lives: other than zero only
    /// where guards were leaked.
    pub fn leaked(&mut self) -> u64 {
        self.shards.iter_mut().map(|word| word.get_mut() & COUNT).sum()
    }

    fn open_one_level(&self) -> usize {
        let mut levels = self.levels.lock();
        *levels -= 1;
        if *levels == 0 {
            for shard in &self.shards {
                // Release: pairs with the Acquire in `enter`; the freeze happens-before the next writer.
                let before = shard.clear_bits(CLOSED, Ordering::Release);
                debug_assert_ne!(before & CLOSED, 0, "G1: opened a gate that was open");
            }
        }
        *levels
    }

    /// Not inlined: taken once a closing, by the last one out.
    #[cold]
    fn wake_waiters(&self) {
        self.levels.lock().notify_all();
    }
}

/// Somebody inside a [`Gate`]. Dropping it leaves; that may happen on another thread.
#[derive(Debug)]
#[must_use = "dropping this leaves the gate at once"]
pub struct Inside<'gate> {
    gate: &'gate Gate,
    shard: &'gate CounterWord,
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `close` and in `wait_empty`; what was done inside
        // happens-before what the closer does after it found the shard empty.
        let before = self.shard.subtract(1, Ordering::Release);
        debug_assert_ne!(before & COUNT, 0, "G3: left a gate that nobody was in");
        if before == CLOSED + 1 {
            self.gate.wake_waiters();
        }
    }
}

/// One level of closedness of a [`Gate`]. Dropping it opens that level; the last one opens the gate.
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
        if left == 0 {
            return false;
        }
        self.gate.levels.wait_until(|_| {
            // A closed shard that was seen empty stays empty: it is not looked at again.
            while left != 0 {
                let shard = &self.gate.shards[left.trailing_zeros() as usize];
                if shard.read(Ordering::Acquire) & COUNT != 0 {
                    return None;
                }
                left &= left - 1;
            }
            Some(())
        });
        true
    }

    /// Opens this level, as dropping does, and returns how many are left.
    pub fn open(self) -> usize {
        let left = self.gate.open_one_level();
        std::mem::forget(self);
        left
    }

    /// Leaves this level closed for ever.
    pub fn leave_closed(self) {
        std::mem::forget(self);
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gate.open_one_level();
    }
}

/// Why [`Gate::enter`] refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnterError {
    /// The gate is closed.
    Closed,
    /// A shard counts 2^63 - 1 inside: guards were leaked.
    Full,
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the gate is closed: go elsewhere, or come back when it was opened",
            Self::Full => "the gate's count is full: guards were leaked with mem::forget",
        })
    }
}

impl std::error::Error for EnterError {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn counts_do_not_overflow_silently() {
        let gate = Gate::new(Shards::new(1));
        gate.shards[0].set_bits(COUNT - 1, Ordering::Relaxed);
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
