//! Where a volume's groups have room: what a thread that searches needs to know of other threads.
//!
//! The hard part: one pass over the groups looks at each at another moment. While a freeze hops from group to group, a
//! pass can find each of them read-only, though one was read-write at every moment. An opening counts and opens under one
//! lock. So if the count is the same before and after a pass, each group that was read-only when it was looked at is
//! read-only when the count is read again, and that is one moment.
//!
//! # State: a lock over the first three, and a word
//!
//! | field | holds | changed by |
//! |---|---|---|
//! | `openings` | how often a level of read-only has ended | its end |
//! | `frees` | how often space became free | the thread that freed it, before its call returns |
//! | `refusal` | what a pass found that ended in vain, while neither count has changed since it began | that pass; each count takes it away |
//! | `lately` | the index of a group that had room; it proves nothing | a search that ended there, a thread that freed space |
//!
//! A group that had no room gets some only by one of the two counts. So a request that is too long for a refusal is
//! refused by that refusal, without a pass.
//!
//! # Rejected
//!
//! - *Passing over the groups again where space was freed meanwhile*, as where one was opened. A request that is too long
//!   for what each commit frees would never be told so.

use crate::sync::{CounterWord, Monitor, MonitorGuard, Ordering};

/// What is known of the groups of one volume.
#[derive(Debug)]
pub(crate) struct Room {
    known: Monitor<Known>,
    lately: CounterWord,
    groups: usize,
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    openings: u64,
    frees: u64,
    refusal: Option<Refusal>,
}

/// What a pass found in vain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    /// The longest free range of the groups that were read-write, in bytes.
    pub(crate) largest: u64,
    /// How many groups were read-only.
    pub(crate) read_only: usize,
}

impl Known {
    /// Why there is no room for `length` bytes, where that is known.
    pub(crate) fn refusal_of(&self, length: u64) -> Option<Refusal> {
        self.refusal.filter(|refusal| refusal.largest < length)
    }

    fn has_changed_since(&self, before: &Self) -> bool {
        (self.openings, self.frees) != (before.openings, before.frees)
    }
}

impl Room {
    pub(crate) fn new(groups: usize) -> Self {
        Self { known: Monitor::new(Known::default()), lately: CounterWord::new(0), groups }
    }

    /// Waits for an opening that is at work, which waits for nothing.
    pub(crate) fn look(&self) -> Known {
        *self.known.lock()
    }

    /// Blocks until a group was opened, or space freed, since `before`.
    pub(crate) fn wait_since(&self, before: &Known) {
        self.known.wait_until(|known| known.has_changed_since(before).then_some(()));
    }

    /// The index of a group that had room lately: to be looked at first.
    pub(crate) fn lately(&self) -> usize {
        // Relaxed: a place to begin at. What was freed is seen under the lock of its slice.
        usize::try_from(self.lately.read(Ordering::Relaxed)).expect("an index was stored")
    }

    /// A search ended in `group`.
    pub(crate) fn found_in(&self, group: usize) {
        // Relaxed: as in `lately`.
        let _ = self.lately.update(0, (Ordering::Relaxed, Ordering::Relaxed), |_| Some(group as u64));
    }

    /// Space became free in `group`. To be called afterwards. (In a volume of one group nobody searches.)
    pub(crate) fn freed_in(&self, group: usize) {
        if self.groups > 1 {
            self.found_in(group);
            let mut known = self.known.lock();
            known.frees += 1;
            known.refusal = None;
            known.notify_all();
        }
    }

    /// A pass that began after `before` found no room. Whether that stands: there was a moment at which all groups that
    /// were read-only when they were looked at were so together.
    pub(crate) fn refuse(&self, before: &Known, refusal: Refusal) -> bool {
        let mut known = self.known.lock();
        if !known.has_changed_since(before) {
            known.refusal = Some(refusal);
        }
        refusal.read_only == 0 || known.openings == before.openings
    }

    /// Threads that wait look again, as after an opening.
    pub(crate) fn let_all_look_again(&self) {
        drop(self.open());
    }

    /// A level of read-only ends while the guard lives. Threads that wait look again then.
    pub(super) fn open(&self) -> MonitorGuard<'_, Known> {
        let mut known = self.known.lock();
        known.openings += 1;
        known.refusal = None;
        known.notify_all();
        known
    }
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;

    const FULL: Refusal = Refusal { largest: 4, read_only: 0 };

    fn is_refused(room: &Room, length: u64) -> bool {
        room.look().refusal_of(length).is_some()
    }

    #[test]
    fn a_refusal_is_of_what_is_longer() {
        let room = Room::new(2);
        assert!(!is_refused(&room, 8));
        assert!(room.refuse(&room.look(), FULL));
        assert!(is_refused(&room, 5) && !is_refused(&room, 4));
    }

    #[test]
    fn a_free_and_an_opening_take_a_refusal_away() {
        let room = Room::new(2);
        for change in [(|room| room.freed_in(1)) as fn(&Room), |room| drop(room.open())] {
            assert!(room.refuse(&room.look(), FULL) && is_refused(&room, 8));
            change(&room);
            assert!(!is_refused(&room, 8));
        }
        assert_eq!(room.lately(), 1);
    }

    #[test]
    fn a_pass_during_which_something_changed_leaves_no_refusal() {
        let room = Room::new(2);
        let before = room.look();
        room.freed_in(0);
        assert!(room.refuse(&before, FULL), "the caller is told so");
        assert!(!is_refused(&room, 8), "and nobody else");
        drop(room.open());
        assert!(room.refuse(&before, FULL), "no group was read-only");
        assert!(!room.refuse(&before, Refusal { read_only: 1, ..FULL }), "it may have been opened");
    }
}
