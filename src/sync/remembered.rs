//! Numbers that a thread keeps for itself, one for each of a few owners: where to begin a search.
//!
//! A thread's memory of its own costs no synchronization. The number used to be in the owner, one slot a
//! shard under a lock, and every writer paid for that lock.

use std::cell::Cell;

use super::backend::REMEMBERED_HERE;

/// How many owners a thread keeps numbers for.
const SLOTS: usize = 8;

/// Owners are heap addresses, and those that are worth a number are at least this far apart: the bits below
/// say nothing.
const OWNER_STRIDE: usize = 64;

/// A number, and the owner that it is kept for.
#[derive(Clone, Copy)]
struct Kept {
    /// An address; 0 where the slot is empty, which no owner has.
    owner: usize,
    number: usize,
}

const NOTHING: Kept = Kept { owner: 0, number: 0 };

/// One thread's numbers, each in the slot that its owner's address chooses.
pub(super) struct Remembered([Cell<Kept>; SLOTS]);

pub(super) const fn nothing_remembered() -> Remembered {
    Remembered([const { Cell::new(NOTHING) }; SLOTS])
}

impl Remembered {
    #[inline]
    fn slot(&self, owner: usize) -> &Cell<Kept> {
        &self.0[owner / OWNER_STRIDE % SLOTS]
    }

    #[inline]
    fn recall(&self, owner: usize) -> usize {
        let kept = self.slot(owner).get();
        if kept.owner == owner { kept.number } else { 0 }
    }

    fn remember(&self, owner: usize, number: usize) {
        self.slot(owner).set(Kept { owner, number });
    }
}

/// The number that the calling thread keeps for `owner` (an address other than 0), or 0. It is a place to
/// begin a search at, and proves nothing: another owner's number may have replaced it, and an owner at an
/// address that was used before inherits a number that may be out of its range.
#[inline]
pub(crate) fn recall(owner: usize) -> usize {
    // A thread that is ending remembers nothing.
    REMEMBERED_HERE.try_with(|here| here.recall(owner)).unwrap_or(0)
}

/// Keeps `number` for `owner`, on the calling thread: see [`recall`].
pub(crate) fn remember(owner: usize, number: usize) {
    let _ = REMEMBERED_HERE.try_with(|here| here.remember(owner, number));
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_for_its_owner_alone() {
        let (one, same_slot, other_slot) = (64, 64 + OWNER_STRIDE * SLOTS, 128);
        let here = nothing_remembered();
        assert_eq!(here.recall(one), 0);
        here.remember(one, 5);
        here.remember(other_slot, 6);
        assert_eq!((here.recall(one), here.recall(other_slot), here.recall(same_slot)), (5, 6, 0));
        here.remember(same_slot, 7);
        assert_eq!((here.recall(one), here.recall(same_slot)), (0, 7), "one slot, one owner");
    }

    #[test]
    fn no_thread_sees_the_number_of_another() {
        remember(64, 5);
        assert_eq!(std::thread::spawn(|| recall(64)).join().expect("no panic"), 0);
        assert_eq!(recall(64), 5);
    }
}
