//! The word of one shard of a gate: how many are inside, and how often it is closed.
//!
//! | bits | name | set by | means |
//! |---|---|---|---|
//! | 0 to 47 | count | every entering and leaving | so many are inside |
//! | 48 to 60 | levels | every closing and opening | closed so many times |
//! | 61 | expected | a thread that waits to enter | the last opener must let it in |
//! | 62 | awaited | a closer that waits | the last one out must wake it |
//! | 63 | sealed | [`Closed::seal`](super::Closed::seal) | it will never open again |
//!
//! # The trick
//!
//! Levels and the seal stand *above* the count, so a closed word is larger than any count. Without the two
//! bits of the waiters, one comparison with the largest count therefore answers both questions of a thread
//! that enters: is the gate open, and is there room? ([`Word::admits`].)
//!
//! # Rejected
//!
//! - Tried: *levels beside the shards*, under a mutex: nested freezes met there, and a level too many was no error.
//!   In the word, closing is one addition, and closers that come together need no lock.
//! - Tried: *opening by one subtraction*, after which the threads that waited race for the gate with everybody
//!   else. It needs no guess; but beside a thread that closes and opens all the time a waiter found the gate
//!   closed again each time that it looked: 1 write in 1,000 commits.
//! - Tried: *opening and letting the waiters in by one update*, so that no closer can come in between. It needs
//!   a guess at the levels; the model of a replace against a scrub went from 25,933 executions to 709,850. The
//!   commits, which are what threads wait for, close one at a time anyway.
//!
//! # Guesses
//!
//! A transition that must look first (an update) begins with a guess at the word, since a load would hide
//! interleavings from loom. The guess is what the word holds in the case that must be fast, or in the case
//! that comes about most often; a wrong one costs an exchange that fails.
//!
//! | transition | guess | since |
//! |---|---|---|
//! | enter | [`Word::OPEN`] | a thread mostly has its shard to itself, and enters once |
//! | wait until empty, at first | [`Word::ONE_INSIDE`] | a shard is waited for only where a thread was inside |
//! | wait until empty, woken | [`Word::LEFT_BY_ALL`] | its own bit is set, and the last one out woke it |
//! | let the waiters in | [`Word::EXPECTED_BY_SOME`] | it was just opened, by one that had waited until nobody was inside |
//! | wait to enter | [`Word::CLOSED`] | it was just refused |

const SEALED: u64 = 1 << 63;
const AWAITED: u64 = 1 << 62;
const EXPECTED: u64 = 1 << 61;
const ONE_LEVEL: u64 = 1 << 48;
const LEVELS: u64 = EXPECTED - ONE_LEVEL;
const COUNT: u64 = ONE_LEVEL - 1;

/// What a shard's word holds at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    /// Open and empty.
    pub(super) const OPEN: Self = Self(0);
    /// Closed once, empty, and no thread waits.
    pub(super) const CLOSED: Self = Self(ONE_LEVEL);
    /// Closed once, one is inside, and no thread waits.
    pub(super) const ONE_INSIDE: Self = Self(ONE_LEVEL + 1);
    /// Closed once, all have left, and a closer waits.
    pub(super) const LEFT_BY_ALL: Self = Self(ONE_LEVEL | AWAITED);
    /// Open, nobody is inside, and a thread waits to enter.
    pub(super) const EXPECTED_BY_SOME: Self = Self(EXPECTED);

    /// What one more or one less inside adds or subtracts.
    pub(super) const INSIDE: u64 = 1;
    /// What one level adds or subtracts.
    pub(super) const LEVEL: u64 = ONE_LEVEL;
    /// The bit that a seal sets.
    pub(super) const SEAL: u64 = SEALED;

    /// The most that one shard can count.
    pub(super) const MOST_INSIDE: u64 = COUNT;

    /// How many are inside.
    #[inline]
    pub(super) fn count(self) -> u64 {
        self.0 & COUNT
    }

    #[inline]
    pub(super) fn is_occupied(self) -> bool {
        self.count() != 0
    }

    /// How many times it is closed.
    pub(super) fn levels(self) -> usize {
        usize::try_from((self.0 & LEVELS) / ONE_LEVEL).expect("13 bits")
    }

    pub(super) fn is_sealed(self) -> bool {
        self.0 & SEALED != 0
    }

    /// A closer waits until it is empty.
    #[inline]
    pub(super) fn is_awaited(self) -> bool {
        self.0 & AWAITED != 0
    }

    /// A thread waits until it is open.
    pub(super) fn is_expected(self) -> bool {
        self.0 & EXPECTED != 0
    }

    /// Whether one more may enter: open, and with room.
    #[inline]
    pub(super) fn admits(self) -> bool {
        self.0 & !(AWAITED | EXPECTED) < Self::MOST_INSIDE
    }

    /// With one more inside, where that is allowed.
    #[inline]
    pub(super) fn entered(self) -> Option<Self> {
        self.admits().then(|| Self(self.0 + 1))
    }

    /// Whether the one that leaves here must wake the closers: it is the last.
    #[inline]
    pub(super) fn wakes_when_left(self) -> bool {
        self.is_awaited() && self.count() == 1
    }

    /// Whether the one that opens here is to let in the threads that wait to enter: it is the last level.
    pub(super) fn lets_in_when_opened(self) -> bool {
        self.is_expected() && self.levels() == 1
    }

    /// With the `waiting` threads inside, and none that waits. `None`: it was closed again, or has no room.
    pub(super) fn with_all_let_in(self, waiting: u64) -> Option<Self> {
        let has_room = self.levels() == 0 && waiting <= Self::MOST_INSIDE - self.count();
        has_room.then(|| Self((self.0 & !EXPECTED) + waiting))
    }

    /// With the bit of a closer that waits; where it is empty, without it. `None`: nothing to change.
    pub(super) fn await_empty(self) -> Option<Self> {
        match (self.is_occupied(), self.is_awaited()) {
            (true, _) => Some(Self(self.0 | AWAITED)),
            (false, true) => Some(Self(self.0 & !AWAITED)),
            (false, false) => None,
        }
    }

    /// With one more inside, or with a thread that waits to enter where it is closed. `None`: it is sealed or
    /// full.
    pub(super) fn entered_or_expected(self) -> Option<Self> {
        let is_closed = self.levels() > 0 && !self.is_sealed();
        self.entered().or(is_closed.then_some(Self(self.0 | EXPECTED)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn closed(levels: u64, count: u64) -> Word {
        Word(levels * Word::LEVEL + count)
    }

    #[test]
    fn an_open_word_admits_until_its_count_is_full() {
        assert_eq!(Word::OPEN.entered(), Some(Word(1)));
        assert_eq!(Word(Word::MOST_INSIDE - 1).entered(), Some(Word(Word::MOST_INSIDE)));
        assert_eq!(Word(Word::MOST_INSIDE).entered(), None);
        assert_eq!(Word(Word::MOST_INSIDE).levels(), 0, "a full count is no level");
    }

    #[test]
    fn a_level_makes_the_word_larger_than_any_count() {
        for levels in [1, 2, 4096, 8191] {
            for count in [0, 1, Word::MOST_INSIDE] {
                let word = closed(levels, count);
                assert!(!word.admits());
                assert_eq!((word.levels() as u64, word.count()), (levels, count));
            }
        }
    }

    #[test]
    fn a_waiter_changes_neither_who_may_enter_nor_what_is_counted() {
        for bit in [AWAITED, EXPECTED, AWAITED | EXPECTED] {
            assert!(Word(bit).admits() && Word(bit | 5).admits());
            assert!(!Word(bit | COUNT).admits() && !Word(bit | ONE_LEVEL).admits());
            let word = Word(bit | closed(3, 5).0);
            assert_eq!((word.levels(), word.count(), word.is_sealed()), (3, 5, false));
        }
    }

    #[test]
    fn a_sealed_word_admits_nobody_with_or_without_levels() {
        for word in [Word(Word::SEAL), Word(Word::SEAL | ONE_LEVEL), Word(Word::SEAL | AWAITED | EXPECTED)] {
            assert!(word.is_sealed() && !word.admits());
        }
        assert!(!closed(8191, COUNT).is_sealed(), "levels never reach the seal");
    }

    #[test]
    fn the_last_one_out_wakes_a_closer_that_waits() {
        assert!(Word(AWAITED | closed(1, 1).0).wakes_when_left());
        for word in [closed(1, 1), Word(AWAITED | closed(1, 2).0), Word(EXPECTED | closed(1, 1).0)] {
            assert!(!word.wakes_when_left(), "{word:?}");
        }
    }

    #[test]
    fn the_last_opener_lets_in_the_threads_that_wait() {
        assert!(Word(EXPECTED | closed(1, 7).0).lets_in_when_opened());
        for word in [closed(1, 7), Word(EXPECTED | closed(2, 7).0), Word(AWAITED | closed(1, 7).0)] {
            assert!(!word.lets_in_when_opened(), "{word:?}");
        }
        assert_eq!(Word(EXPECTED | 7).with_all_let_in(3), Some(Word(10)));
        assert_eq!(Word(EXPECTED | closed(1, 7).0).with_all_let_in(3), None, "closed again");
    }

    #[test]
    fn waiters_are_let_in_only_where_there_is_room_for_all() {
        assert_eq!(Word(EXPECTED | (COUNT - 1)).with_all_let_in(1), Some(Word(COUNT)));
        assert_eq!(Word(EXPECTED | (COUNT - 1)).with_all_let_in(2), None);
    }

    #[test]
    fn a_closer_waits_while_somebody_is_inside_and_takes_its_bit_back() {
        assert_eq!(Word::ONE_INSIDE.await_empty(), Some(Word(AWAITED | Word::ONE_INSIDE.0)));
        assert_eq!(Word::LEFT_BY_ALL.await_empty(), Some(Word::CLOSED));
        assert_eq!(Word::CLOSED.await_empty(), None);
        let both = Word(AWAITED | EXPECTED | ONE_LEVEL);
        assert_eq!(both.await_empty(), Some(Word(EXPECTED | ONE_LEVEL)), "the other waiter's bit stays");
    }

    #[test]
    fn a_thread_enters_or_expects_an_opening_or_is_told_why_not() {
        assert_eq!(Word::OPEN.entered_or_expected(), Some(Word(1)));
        let expected = Word(EXPECTED | ONE_LEVEL);
        assert_eq!(Word::CLOSED.entered_or_expected(), Some(expected));
        assert_eq!(expected.entered_or_expected(), Some(expected));
        assert_eq!(Word(SEALED | ONE_LEVEL).entered_or_expected(), None);
        assert_eq!(Word(COUNT).entered_or_expected(), None);
    }

    #[test]
    fn the_guesses_are_the_words_that_they_say() {
        assert_eq!((Word::OPEN.count(), Word::OPEN.levels()), (0, 0));
        assert_eq!((Word::CLOSED.count(), Word::CLOSED.levels()), (0, 1));
        assert_eq!((Word::ONE_INSIDE.count(), Word::ONE_INSIDE.levels()), (1, 1));
        assert!(Word::LEFT_BY_ALL.is_awaited() && !Word::LEFT_BY_ALL.is_occupied());
        assert!(Word::EXPECTED_BY_SOME.is_expected() && Word::EXPECTED_BY_SOME.levels() == 0);
    }
}
