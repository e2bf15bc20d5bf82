//! A word that threads communicate through, and a flag made of one.
//!
//! The hard part: a decision that rests on the word ("open, so I enter") must be one operation with the
//! change it decides on. So there is no `load`, and no `store`: every operation here is a read-modify-write.
//! It reads the newest value in the word's modification order, which is what the arguments in `docs/gate.md`
//! use: of two operations on one word, the second sees the first.
//!
//! # Rejected
//!
//! - Tried: *a load, then a compare-exchange*, the usual loop. It was production's, while loom began with a guess:
//!   loom does not explore what another thread does between a load and a write of the same thread (its
//!   issues 166 and 392). The guess turned out to be faster too (entering a gate went from 1.20 to 1.10 of
//!   the limit), and now both builds run the same code.
//! - *Adding first, and taking back where it was refused.* No guess is needed, but a closer then counts
//!   threads that were never admitted and waits for them, and with enough of them it waits without end.

use super::Ordering;
use super::backend::AtomicU64;

/// A 64-bit word that threads communicate through, by read-modify-write operations only.
///
/// The operations wrap, as std's do. What the bits mean, and that there is room, is the caller's.
///
/// ```
/// use blockgate::sync::{CounterWord, Ordering};
///
/// /// At most three at once: the look and the entering are one operation.
/// fn enter(inside: &CounterWord) -> Result<u64, u64> {
///     inside.update(0, (Ordering::Acquire, Ordering::Relaxed), |count| (count < 3).then(|| count + 1))
/// }
///
/// let inside = CounterWord::new(2);
/// assert_eq!(enter(&inside), Ok(2)); // what it was before
/// assert_eq!(enter(&inside), Err(3)); // what refused it
/// inside.subtract(1, Ordering::Release); // one leaves
/// assert!(enter(&inside).is_ok());
/// ```
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
    /// `likely` is a guess at the value, and decides nothing: a wrong guess costs one exchange that fails.
    /// What is returned was exchanged, or was read by a read-modify-write or by an exchange that failed
    /// (which production may also do spuriously).
    ///
    /// Does not block. `f` may be called several times, first with the guess, which the word may never have
    /// held.
    ///
    /// ```
    /// use blockgate::sync::{CounterWord, Ordering};
    ///
    /// const SEALED: u64 = 1 << 63;
    /// let word = CounterWord::new(0);
    /// let enter = |value: u64| (value & SEALED == 0).then(|| value + 1);
    /// let orders = (Ordering::Acquire, Ordering::Relaxed);
    /// assert_eq!(word.update(7, orders, enter), Ok(0)); // a wrong guess decides nothing
    /// word.set_bits(SEALED, Ordering::Relaxed);
    /// assert_eq!(word.update(0, orders, enter), Err(SEALED | 1));
    /// ```
    #[track_caller]
    #[inline]
    pub fn update(
        &self,
        likely: u64,
        orders: (Ordering, Ordering),
        f: impl Fn(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        let (mut value, mut is_guess) = (likely, true);
        loop {
            match f(value) {
                Some(next) => match self.0.compare_exchange(value, next, orders) {
                    Ok(previous) => return Ok(previous),
                    Err(actual) => (value, is_guess) = (actual, false),
                },
                // A guess that is refused proves nothing: only now is the value read.
                None if is_guess => (value, is_guess) = (self.0.check_guess(orders.1), false),
                None => return Err(value),
            }
        }
    }

    /// Adds `n` and returns the value before. It wraps: the caller leaves room.
    #[track_caller]
    pub fn add(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_add(n, order)
    }

    /// Subtracts `n` and returns the value before. The caller owns what it subtracts.
    #[track_caller]
    pub fn subtract(&self, n: u64, order: Ordering) -> u64 {
        self.0.fetch_sub(n, order)
    }

    /// Sets the bits of `mask` and returns the value before.
    #[track_caller]
    pub fn set_bits(&self, mask: u64, order: Ordering) -> u64 {
        self.0.fetch_or(mask, order)
    }

    /// The newest value, read by a read-modify-write that changes nothing.
    #[track_caller]
    pub fn read(&self, order: Ordering) -> u64 {
        self.0.read(order)
    }

    /// The value, where exclusive access proves that no other thread is using the word.
    pub fn exclusive_value(&mut self) -> u64 {
        self.0.exclusive_value()
    }
}

/// A flag that any thread raises and no thread lowers. It hands over nothing but itself.
///
/// ```
/// let stop = blockgate::sync::Flag::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| stop.raise());
///     while !stop.is_raised() {
///         std::thread::yield_now(); // some work, and then a look
///     }
/// });
/// ```
#[derive(Debug)]
pub struct Flag(CounterWord);

impl Flag {
    /// A flag that is down.
    #[must_use]
    pub fn new() -> Self {
        Self(CounterWord::new(0))
    }

    /// Raises it.
    #[track_caller]
    pub fn raise(&self) {
        // Relaxed: nothing is handed over with the flag.
        self.0.set_bits(1, Ordering::Relaxed);
    }

    /// Whether it was raised.
    #[must_use]
    #[track_caller]
    pub fn is_raised(&self) -> bool {
        // Relaxed: see `raise`.
        self.0.read(Ordering::Relaxed) != 0
    }

    /// Whether it was raised, where exclusive access proves that no other thread is using it.
    pub fn exclusive_is_raised(&mut self) -> bool {
        self.0.exclusive_value() != 0
    }
}

impl Default for Flag {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;

    const ORDERS: (Ordering, Ordering) = (Ordering::AcqRel, Ordering::Acquire);

    fn one_more_below(limit: u64) -> impl Fn(u64) -> Option<u64> {
        move |value| (value < limit).then(|| value + 1)
    }

    #[test]
    fn a_guess_decides_nothing() {
        for guess in [0, 1, 2, 3, 4, u64::MAX] {
            let word = CounterWord::new(2);
            assert_eq!(word.update(guess, ORDERS, one_more_below(3)), Ok(2), "guess {guess}");
            assert_eq!(word.update(guess, ORDERS, one_more_below(3)), Err(3), "guess {guess}");
            assert_eq!(word.read(Ordering::Relaxed), 3);
        }
    }

    #[test]
    fn each_operation_returns_the_value_before() {
        let mut word = CounterWord::new(5);
        assert_eq!(word.add(3, Ordering::Relaxed), 5);
        assert_eq!(word.subtract(1, Ordering::Relaxed), 8);
        assert_eq!(word.set_bits(0b1000, Ordering::Relaxed), 7);
        assert_eq!((word.read(Ordering::Relaxed), word.exclusive_value()), (15, 15));
    }

    #[test]
    fn a_flag_stays_raised() {
        let mut flag = Flag::default();
        assert!(!flag.is_raised() && !flag.exclusive_is_raised());
        flag.raise();
        flag.raise();
        assert!(flag.is_raised() && flag.exclusive_is_raised());
    }
}
