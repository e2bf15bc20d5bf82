//! The reference changes that are queued, by extent: what a call must know before it changes a reference, or
//! overwrites an extent in place.
//!
//! The hard part: knowing must cost a COW write nothing. A COW write only adds the first reference to an extent of
//! its own, so it pushes to its shard as before, and the index takes note of that
//! ([`DelayedRefQueue::absorb`](crate::DelayedRefQueue)) when somebody asks for an extent that is not in the tree.
//! Every other change is made through the index, under its lock.
//!
//! # Invariants
//!
//! - K1: the references of an extent are those in the live tree plus those in the index.
//! - K2: a change is checked and queued in one critical section, all of a batch or nothing.
//!
//! # Rejected
//!
//! - *Every push through the index*: a lock for all writers, and 100 ns a write.
//! - *Checking when the commit applies the refs*: the caller that was wrong is gone by then, and a commit that
//!   drops one change of a transaction breaks those that belong with it.
//!
//! Checked by `loom-tests/src/models/clone.rs`,
//! argued in [`docs/delayed_ref.md`](crate::proof::delayed_ref).

use std::collections::BTreeMap;

use crate::delayed_ref::{DelayedRef, RefAction};
use crate::extent_tree::{CommitRoot, RefError};
use crate::units::LogicalRange;

/// See above. Its owner keeps it under a lock.
#[derive(Debug, Default)]
pub(crate) struct ReferenceIndex {
    /// References added less references dropped, of the extents with queued changes that are known.
    changes: BTreeMap<LogicalRange, i64>,
    /// The longest extent that is in `changes`, in bytes: how far back one that overlaps can start.
    longest: u64,
    /// What was queued through the index.
    queued: Vec<DelayedRef>,
}

/// What a batch may add a first reference to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewExtents {
    /// Space that the caller has allocated.
    OfTheCaller,
    /// Parts of an extent whose last reference the same batch has dropped.
    Parts,
}

impl ReferenceIndex {
    /// Takes note of a ref that is in a shard of the queue.
    pub(crate) fn note(&mut self, DelayedRef { extent, action }: DelayedRef) {
        *self.changes.entry(extent).or_default() += change_of(action);
        self.longest = self.longest.max(extent.len());
    }

    /// What was queued through the index, for the commit that has drained the shards too. From here on the index
    /// knows of nothing that is queued.
    pub(crate) fn take(&mut self) -> Vec<DelayedRef> {
        // Dropped with its memory: after a burst the next transaction starts small.
        self.changes = BTreeMap::new();
        self.longest = 0;
        std::mem::take(&mut self.queued)
    }

    /// What [`ReferenceIndex::take`] would take.
    pub(crate) fn queued(&self) -> &[DelayedRef] {
        &self.queued
    }

    /// How many references `extent` has in `live` and in the index.
    pub(crate) fn references(&self, live: &CommitRoot, extent: LogicalRange) -> u64 {
        let item = live.get(extent.start()).filter(|item| item.extent == extent);
        let change = self.changes.get(&extent).copied().unwrap_or(0);
        item.map_or(0, |item| item.references).saturating_add_signed(change)
    }

    /// Whether `extent` has one reference.
    ///
    /// # Errors
    /// As [`ReferenceIndex::require`].
    pub(crate) fn is_exclusive(&self, live: &CommitRoot, extent: LogicalRange) -> Result<bool, RefError> {
        let references = self.require(live, extent)?;
        Ok(references == 1)
    }

    /// Its references, of which there must be one.
    fn require(&self, live: &CommitRoot, extent: LogicalRange) -> Result<u64, RefError> {
        match self.references(live, extent) {
            0 => Err(self
                .overlapping(live, extent)
                .map_or(RefError::NoReference { extent }, |other| RefError::Overlaps { extent, other })),
            references => Ok(references),
        }
    }

    /// An extent with references that has an address in common with `range`.
    fn overlapping(&self, live: &CommitRoot, range: LogicalRange) -> Option<LogicalRange> {
        // Extents that are queued may overlap, as a whole and its parts do: the nearest one alone is not enough.
        let first = LogicalRange::new(range.start().saturating_sub(self.longest), 1).unwrap_or(range);
        let queued = self.changes.range(first..).map(|(extent, _)| *extent);
        let queued = queued.take_while(|extent| extent.start() < range.end());
        let mut extents = live.extents_in(range).chain(queued.filter(|extent| extent.overlaps(&range)));
        extents.find(|extent| self.references(live, *extent) > 0)
    }

    /// Checks `refs`, in their order, without queueing them.
    pub(crate) fn check(
        &mut self,
        live: &CommitRoot,
        refs: &[DelayedRef],
        new: NewExtents,
    ) -> Result<(), RefError> {
        let longest = self.longest;
        let checked = self.check_each(live, refs, new);
        self.longest = longest;
        checked
    }

    fn check_each(
        &mut self,
        live: &CommitRoot,
        refs: &[DelayedRef],
        new: NewExtents,
    ) -> Result<(), RefError> {
        let mut dropped = Vec::new();
        for (index, delayed_ref) in refs.iter().enumerate() {
            if let Err(error) = self.check_one(live, *delayed_ref, new, &dropped) {
                self.undo(&refs[..index]);
                return Err(error);
            }
            // The next one is checked as if this one were queued.
            self.note(*delayed_ref);
            if self.references(live, delayed_ref.extent) == 0 {
                dropped.push(delayed_ref.extent);
            }
        }
        self.undo(refs);
        Ok(())
    }

    fn check_one(
        &self,
        live: &CommitRoot,
        DelayedRef { extent, action }: DelayedRef,
        new: NewExtents,
        dropped: &[LogicalRange],
    ) -> Result<(), RefError> {
        match self.require(live, extent) {
            Ok(_) => Ok(()),
            Err(RefError::NoReference { .. }) if action == RefAction::Add => {
                let is_part = || dropped.iter().any(|whole| whole.contains(&extent));
                let is_allowed = new == NewExtents::OfTheCaller || is_part();
                if is_allowed { Ok(()) } else { Err(RefError::NoReference { extent }) }
            }
            Err(error) => Err(error),
        }
    }

    fn undo(&mut self, refs: &[DelayedRef]) {
        for DelayedRef { extent, action } in refs {
            *self.changes.entry(*extent).or_default() -= change_of(*action);
        }
        for DelayedRef { extent, .. } in refs {
            if self.changes.get(extent) == Some(&0) {
                self.changes.remove(extent);
            }
        }
    }

    /// K2: checks and queues all of `refs`, or nothing.
    pub(crate) fn queue(
        &mut self,
        live: &CommitRoot,
        refs: &[DelayedRef],
        new: NewExtents,
    ) -> Result<(), RefError> {
        // All of them first: of a batch that fails in its middle nothing may be queued.
        self.check(live, refs, new)?;
        for delayed_ref in refs {
            self.note(*delayed_ref);
        }
        self.queued.extend_from_slice(refs);
        Ok(())
    }
}

/// The extents of `refs` that must be known, to check them. (Of space that the caller has allocated nobody else
/// has queued anything.)
pub(crate) fn to_know(refs: &[DelayedRef], new: NewExtents) -> impl Iterator<Item = LogicalRange> {
    let must_be_known =
        move |delayed_ref: &&DelayedRef| new == NewExtents::Parts || delayed_ref.action == RefAction::Drop;
    refs.iter().filter(must_be_known).map(|delayed_ref| delayed_ref.extent)
}

fn change_of(action: RefAction) -> i64 {
    match action {
        RefAction::Add => 1,
        RefAction::Drop => -1,
    }
}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;
    use crate::delayed_ref::FoldedRef;
    use crate::extent_tree::ExtentTree;
    use crate::units::TransactionId;

    fn range(start: u64, length: u64) -> LogicalRange {
        LogicalRange::new(start, length).expect("a range")
    }

    /// With one extent, [8, 16), of one reference.
    fn live() -> CommitRoot {
        let tree = ExtentTree::new();
        let _ = tree.apply(&[FoldedRef { extent: range(8, 8), change: 1 }]).expect("fits");
        tree.candidate(TransactionId(1))
    }

    const ADD: fn(LogicalRange) -> DelayedRef = DelayedRef::add;
    const DROP: fn(LogicalRange) -> DelayedRef = DelayedRef::drop;

    #[test]
    fn what_was_queued_counts() {
        let (live, mut index, extent) = (live(), ReferenceIndex::default(), range(8, 8));
        assert_eq!(index.is_exclusive(&live, extent), Ok(true));
        index.queue(&live, &[ADD(extent)], NewExtents::Parts).expect("a clone");
        assert_eq!((index.references(&live, extent), index.is_exclusive(&live, extent)), (2, Ok(false)));
        index.queue(&live, &[DROP(extent), DROP(extent)], NewExtents::Parts).expect("both");
        let error = index.queue(&live, &[DROP(extent)], NewExtents::Parts);
        assert_eq!(error, Err(RefError::NoReference { extent }));
        assert_eq!(index.take().len(), 3);
        assert_eq!(index.references(&live, extent), 1, "the tree has the rest");
    }

    #[test]
    fn a_batch_is_queued_whole_or_not_at_all() {
        let (live, mut index) = (live(), ReferenceIndex::default());
        let refs = [ADD(range(8, 8)), DROP(range(0, 8))];
        assert!(index.queue(&live, &refs, NewExtents::Parts).is_err());
        assert_eq!((index.references(&live, range(8, 8)), index.queued().len()), (1, 0));
    }

    #[test]
    fn a_batch_may_split_what_it_drops_and_nothing_else() {
        let (live, whole, halves) = (live(), range(8, 8), [range(8, 4), range(12, 4)]);
        let mut index = ReferenceIndex::default();
        let parts = [ADD(halves[0]), ADD(halves[1])];
        let without_the_drop = index.queue(&live, &parts, NewExtents::Parts);
        assert_eq!(without_the_drop, Err(RefError::Overlaps { extent: halves[0], other: whole }));
        for beyond in [range(4, 8), range(12, 8), range(16, 4)] {
            assert!(index.queue(&live, &[DROP(whole), ADD(beyond)], NewExtents::Parts).is_err(), "{beyond}");
        }
        let overlapping = [DROP(whole), ADD(halves[0]), ADD(range(9, 4))];
        assert!(index.queue(&live, &overlapping, NewExtents::Parts).is_err());
        index.queue(&live, &[DROP(whole), parts[0], parts[1]], NewExtents::Parts).expect("split");
        for gone in [whole, range(8, 2)] {
            let error = index.queue(&live, &[DROP(gone)], NewExtents::Parts);
            assert_eq!(error, Err(RefError::Overlaps { extent: gone, other: halves[0] }));
        }
        index.queue(&live, &[DROP(halves[1])], NewExtents::Parts).expect("a half is an extent now");
    }
}
