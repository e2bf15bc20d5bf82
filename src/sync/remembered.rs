//! Numbers that a thread keeps for itself, one for each of a few owners: where to begin a search.
//!
//! A thread's memory of its own costs no synchronization. The number used to be in the owner, one slot a
//! shard under a lock, and every writer paid for that lock.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::backend::REMEMBERED_HERE;

/// How many owners a thread keeps numbers for.
const SLOTS: usize = 8;

/// A number, and the owner that it is kept for.
#[derive(Clone, Copy)]
struct Kept {
    /// 0 where the slot is empty, which no owner has.
    owner: usize,
    number: usize,
}

const NOTHING: Kept = Kept { owner: 0, number: 0 };

/// One thread's numbers, each in the slot that its owner chooses.
pub(super) struct Remembered([Cell<Kept>; SLOTS]);

pub(super) const fn nothing_remembered() -> Remembered {
    Remembered([const { Cell::new(NOTHING) }; SLOTS])
}

impl Remembered {
    #[inline]
    fn slot(&self, owner: usize) -> &Cell<Kept> {
        &self.0[slot_number(owner) % SLOTS]
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

/// A new owner, which no other in this process is or was: so that none inherits the number of one that is gone, and the
/// few that most processes have choose different slots. (Its address would be neither.) Std's under every engine:
/// nothing is concluded from it.
pub(crate) fn new_owner() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    // Relaxed: it orders nothing.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(not(traceset))]
#[inline]
fn slot_number(owner: usize) -> usize {
    owner
}

/// An owner is another in the next execution, and traceset compares executions: there the order of first use decides.
#[cfg(traceset)]
use super::backend::owner_number as slot_number;

/// The number that the calling thread keeps for `owner`, or 0. It is a place to begin a search at, and proves nothing:
/// another owner's number may have replaced it.
#[inline]
pub(crate) fn recall(owner: usize) -> usize {
    // A thread that is ending remembers nothing.
    REMEMBERED_HERE.try_with(|here| here.recall(owner)).unwrap_or(0)
}

/// Keeps `number` for `owner`, on the calling thread: see [`recall`].
pub(crate) fn remember(owner: usize, number: usize) {
    let _ = REMEMBERED_HERE.try_with(|here| here.remember(owner, number));
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_for_its_owner_alone() {
        let (one, same_slot, other_slot) = (1, 1 + SLOTS, 2);
        let here = nothing_remembered();
        assert_eq!(here.recall(one), 0);
        here.remember(one, 5);
        here.remember(other_slot, 6);
        assert_eq!((here.recall(one), here.recall(other_slot), here.recall(same_slot)), (5, 6, 0));
        here.remember(same_slot, 7);
        assert_eq!((here.recall(one), here.recall(same_slot)), (0, 7), "one slot, one owner");
    }

    /// As with the address of what is gone, where the next one lies.
    #[test]
    fn twin_an_owner_that_comes_twice_inherits() {
        let here = nothing_remembered();
        here.remember(1, 5);
        assert_eq!(here.recall(1), 5, "it was another's");
    }

    #[test]
    fn no_thread_sees_the_number_of_another() {
        let owner = new_owner();
        remember(owner, 5);
        assert_eq!(std::thread::spawn(move || recall(owner)).join().expect("no panic"), 0);
        assert_eq!(recall(owner), 5);
    }
}
