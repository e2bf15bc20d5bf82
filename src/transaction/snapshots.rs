//! Which commit roots are held as snapshots, and what waits for them to be dropped.
//!
//! The hard part: a commit must not pay for snapshots that nobody takes, and yet none may slip in between its look and
//! its freeing. So a snapshot is taken by a commit of its own, as the kernel's is: it is announced first, and
//! whichever commit serves it closes later, under the lock of `turns.rs`, and so sees that it was announced.
//!
//! # Invariants
//!
//! - S1: while a snapshot is held, no extent that its root lists is freed.
//! - S2: what was removed while a snapshot was held is free when the last one older than the removal is dropped.
//!
//! # Rejected
//!
//! - *Holding the root that is current, without a commit*. The commit at work must then look for snapshots under a lock
//!   after its switch, also where there are none.
//! - *Looking which of the extents a snapshot lists*. An extent that came after the snapshot and went before its drop
//!   waits too: that takes space, and saves a look into each root for each extent.
//!
//! Checked by `loom-tests/src/models/snapshot.rs`,
//! argued in [`docs/transaction.md`](crate::proof::transaction).

use std::collections::BTreeMap;

use crate::extent_tree::CommitRoot;
use crate::sync::Publisher;
use crate::units::{LogicalRange, TransactionId};

/// See above. Its owner keeps it under a lock.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// By ticket: the root, or none while the commit is at work that makes it.
    held: BTreeMap<u64, Option<CommitRoot>>,
    next_ticket: u64,
    /// Extents that a commit removed, until no snapshot is older.
    removed: Vec<(TransactionId, Vec<LogicalRange>)>,
    /// How many are held, for commits to read without the lock.
    count: Publisher,
}

impl Snapshots {
    pub(super) fn new(count: Publisher) -> Self {
        Self { held: BTreeMap::new(), next_ticket: 0, removed: Vec::new(), count }
    }

    /// One is held from here on, of a root to come.
    pub(super) fn announce(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.held.insert(ticket, None);
        self.publish_count();
        ticket
    }

    /// The root has come. Returns what is free now.
    #[must_use]
    pub(super) fn hold(&mut self, ticket: u64, root: CommitRoot) -> Vec<LogicalRange> {
        self.held.insert(ticket, Some(root));
        self.take_free()
    }

    /// It is dropped, or did not come to be. Returns what is free now.
    #[must_use]
    pub(super) fn release(&mut self, ticket: u64) -> Vec<LogicalRange> {
        self.held.remove(&ticket);
        self.publish_count();
        self.take_free()
    }

    /// `transaction` has removed `extents`. Returns what is free now: these too, where no snapshot is older.
    #[must_use]
    pub(super) fn remove(
        &mut self,
        transaction: TransactionId,
        extents: Vec<LogicalRange>,
    ) -> Vec<LogicalRange> {
        self.removed.push((transaction, extents));
        self.take_free()
    }

    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether a held root lists `extent`.
    pub(super) fn lists(&self, extent: LogicalRange) -> bool {
        self.held.values().flatten().any(|root| root.extents_in(extent).next().is_some())
    }

    /// Release: pairs with the Acquire in `References::freed`, so that what was read from a snapshot happens-before its
    /// space is used again.
    fn publish_count(&mut self) {
        self.count.publish(self.held.len() as u64);
    }

    /// A root from before the removal may list what was removed; a later one does not.
    fn take_free(&mut self) -> Vec<LogicalRange> {
        let of = |root: &Option<CommitRoot>| root.as_ref().map_or(TransactionId(0), CommitRoot::transaction);
        let oldest = self.held.values().map(of).min();
        let is_free = |removed_by: TransactionId| oldest.is_none_or(|oldest| removed_by <= oldest);
        let free = self.removed.extract_if(.., |(removed_by, _)| is_free(*removed_by));
        free.flat_map(|(_, extents)| extents).collect()
    }
}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;
    use crate::extent_tree::ExtentTree;
    use crate::sync::published;

    fn root(number: u64) -> CommitRoot {
        ExtentTree::new().candidate(TransactionId(number))
    }

    fn extent(start: u64) -> Vec<LogicalRange> {
        vec![LogicalRange::new(start, 1).expect("a range")]
    }

    #[test]
    fn what_was_removed_waits_for_the_snapshots_before_the_removal_alone() {
        let (count, shown) = published(0);
        let mut snapshots = Snapshots::new(count);
        assert_eq!(snapshots.remove(TransactionId(1), extent(1)), extent(1), "nobody holds any");
        let old = snapshots.announce();
        assert_eq!(shown.get(), 1);
        assert_eq!(snapshots.remove(TransactionId(2), extent(2)), [], "its root may be from before");
        assert_eq!(snapshots.hold(old, root(2)), extent(2), "it is the one that removed them");
        let new = snapshots.announce();
        assert_eq!(snapshots.remove(TransactionId(3), extent(3)), []);
        assert_eq!(snapshots.hold(new, root(3)), [], "the older one is held");
        assert_eq!(snapshots.remove(TransactionId(4), extent(4)), []);
        assert_eq!(snapshots.release(old), extent(3));
        assert_eq!(snapshots.release(new), extent(4));
        assert_eq!(shown.get(), 0);
    }

    #[test]
    fn one_that_did_not_come_to_be_keeps_nothing() {
        let mut snapshots = Snapshots::new(published(0).0);
        let failed = snapshots.announce();
        assert_eq!(snapshots.remove(TransactionId(1), extent(1)), []);
        assert_eq!(snapshots.release(failed), extent(1));
    }
}
