//! Where a reference change is: queued in a shard, in the index of what is queued, or in the tree.

use crate::delayed_ref::{DelayedRefQueue, DrainedRefs};
use crate::extent_tree::{Changes, CommitRoot, ExtentTree, RefError};
use crate::reference_index::ReferenceIndex;
use crate::sharded::Shards;
use crate::sync::{Mutex, MutexGuard};
use crate::units::LogicalRange;

#[derive(Debug)]
pub(super) struct References {
    pub(super) queue: DelayedRefQueue,
    index: Mutex<ReferenceIndex>,
    pub(super) tree: ExtentTree,
}

impl References {
    pub(super) fn new(shards: Shards) -> Self {
        Self { queue: DelayedRefQueue::new(shards), index: Mutex::default(), tree: ExtentTree::new() }
    }

    /// K1: what was queued comes from the index to the live tree under the index's lock, so that a look finds it in
    /// one of them.
    pub(super) fn apply_refs(&self) -> Result<Changes, RefError> {
        let mut index = self.index.lock();
        let mut refs = self.queue.drain();
        refs.push_part(index.take());
        self.tree.apply(&refs.fold())
    }

    /// The index, with all that is needed to know of `extents`, and the live tree.
    ///
    /// What COW writes have queued is of extents that are not in the tree, and nobody else queues without the
    /// index: so an extent that is in the tree needs no look at the shards.
    pub(super) fn known(
        &self,
        extents: impl Iterator<Item = LogicalRange>,
    ) -> (MutexGuard<'_, ReferenceIndex>, CommitRoot) {
        let mut index = self.index.lock();
        let live = self.tree.live();
        let mut items = extents.map(|extent| live.get(extent.start()).filter(|item| item.extent == extent));
        if !items.all(|item| item.is_some()) {
            self.queue.absorb(|delayed_ref| index.note(delayed_ref));
        }
        (index, live)
    }

    /// What waits for the next commit, where exclusive access proves that no other thread queues anything.
    pub(super) fn pending(&mut self) -> DrainedRefs {
        let mut refs = self.queue.pending();
        refs.push_part(self.index.get_mut().queued().to_vec());
        refs
    }
}
