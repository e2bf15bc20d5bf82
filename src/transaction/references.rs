//! Where a reference change is: queued in a shard, in the index of what is queued, or in the tree; and which roots
//! are held.

use crate::delayed_ref::{DelayedRefQueue, DrainedRefs};
use crate::extent_tree::{Changes, CommitRoot, ExtentTree, RefError};
use crate::reference_index::ReferenceIndex;
use crate::sharded::Shards;
use crate::sync::{Mutex, MutexGuard, Published, published};
use crate::units::{LogicalRange, TransactionId};

use super::snapshots::Snapshots;

#[derive(Debug)]
pub(super) struct References {
    pub(super) queue: DelayedRefQueue,
    known: Mutex<Known>,
    snapshots: Published,
    pub(super) tree: ExtentTree,
}

/// What a thread must know before it changes a reference, or overwrites an extent in place. Under one lock, so that an
/// in-place write takes no second one.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) index: ReferenceIndex,
    pub(super) snapshots: Snapshots,
}

impl References {
    /// Nothing is queued, over the extents of `root`.
    pub(super) fn new(shards: Shards, root: CommitRoot) -> Self {
        let (count, snapshots) = published(0);
        let known = Known { index: ReferenceIndex::default(), snapshots: Snapshots::new(count) };
        // Each transaction drains once: see `after_drains`.
        let (queue, known) = (DelayedRefQueue::after(shards, root.transaction().0), Mutex::new(known));
        Self { queue, known, snapshots, tree: ExtentTree::from_root(root) }
    }

    /// K1: what was queued comes from the index to the live tree under the index's lock, so that a look finds it in
    /// one of them. And so the index is a part of the cut (D4). `at_the_cut` is called under the locks.
    pub(super) fn apply_refs(&self, at_the_cut: impl FnOnce()) -> Result<Changes, RefError> {
        let mut known = self.known.lock();
        let mut refs = self.queue.drain_with(at_the_cut);
        refs.push_part(known.index.take());
        self.tree.apply_unreported(&refs.fold())
    }

    /// What is queued, with all that is needed to know of `extents`, and the live tree.
    ///
    /// What COW writes have queued is of extents that are not in the tree, and nobody else queues without the
    /// index: so an extent that is in the tree needs no look at the shards.
    pub(super) fn known(
        &self,
        extents: impl Iterator<Item = LogicalRange>,
    ) -> (MutexGuard<'_, Known>, CommitRoot) {
        let mut known = self.known.lock();
        let live = self.tree.live();
        let mut items = extents.map(|extent| live.get(extent.start()).filter(|item| item.extent == extent));
        if !items.all(|item| item.is_some()) {
            self.queue.absorb(|delayed_ref| known.index.note(delayed_ref));
        }
        (known, live)
    }

    /// What waits for the next commit, where exclusive access proves that no other thread queues anything.
    pub(super) fn pending(&mut self) -> DrainedRefs {
        let mut refs = self.queue.pending();
        refs.push_part(self.known.get_mut().index.queued().to_vec());
        refs
    }

    /// What is free now that `transaction` is in the commit root, which has made `changes`.
    pub(super) fn freed(&self, transaction: TransactionId, changes: &Changes) -> Vec<LogicalRange> {
        let (mut free, removed) = (changes.bytes_cancelled(), changes.bytes_removed());
        // S1: a snapshot that a root before this one may be of was announced before the commit closed.
        // Acquire: pairs with the Release in `Snapshots::publish_count`.
        if self.snapshots.get() == 0 {
            free.extend(removed);
        } else {
            free.extend(self.known.lock().snapshots.remove(transaction, removed));
        }
        free
    }

    pub(super) fn exclusive_snapshots(&mut self) -> &Snapshots {
        &self.known.get_mut().snapshots
    }

    pub(super) fn snapshots<R>(&self, with: impl FnOnce(&mut Snapshots) -> R) -> R {
        with(&mut self.known.lock().snapshots)
    }
}
