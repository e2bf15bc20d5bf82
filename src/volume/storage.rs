//! What a volume writes to, and what a commit does with it: flush, persist, book, free.
//!
//! V4: bytes are booked by the commit that changed their extent item, and pinned ones freed after it. Both are
//! steps of the commit, done once, by whichever thread leads it: before any thread that shares the commit
//! returns, and before the next one closes.

use std::error::Error;
use std::io;

use crate::block_group::{BlockGroup, Room, SpaceError};
use crate::device::Device;
use crate::extent_tree::{Changes, CommitRoot};
use crate::sync::Arc;
use crate::transaction::CommitSteps;
use crate::units::LogicalRange;

use super::target::TargetSlots;
use super::{VolumeGroup, WriteError};

/// The embedder's own step.
pub(super) type Persist =
    dyn Fn(&CommitRoot, &Changes) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync;

/// The block groups and devices of a volume, as a commit sees them.
pub(super) struct Storage {
    pub(super) groups: Box<[VolumeGroup]>,
    pub(super) room: Arc<Room>,
    pub(super) source: Arc<dyn Device>,
    pub(super) target: TargetSlots,
    pub(super) persist: Option<Arc<Persist>>,
}

impl CommitSteps for Storage {
    /// The space is booked last: an error of a device must leave the figures as they were.
    fn before_switch(
        &self,
        root: &CommitRoot,
        changes: &Changes,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.flush()?;
        if let Some(persist) = &self.persist {
            persist(root, changes)?;
        }
        self.book(changes)?;
        Ok(())
    }

    /// After the switch: before it, a crash would bring the extents back.
    fn free(&self, extents: &[LogicalRange]) {
        for extent in extents {
            let unpinned = self.block_group_of(*extent).and_then(|group| group.unpin(*extent));
            assert!(unpinned.is_ok(), "what a commit pinned is pinned: {unpinned:?}");
        }
        if let Some(index) = extents.last().and_then(|extent| self.index_of(*extent)) {
            self.room.freed_in(index);
        }
    }

    /// A writer that waits for a group looks first whether a commit has failed.
    fn aborted(&self) {
        self.room.let_all_look_again();
    }
}

impl Storage {
    fn flush(&self) -> io::Result<()> {
        // Not the target: until the source is retired, it is the source that has what is committed.
        self.source.flush()
    }

    fn book(&self, changes: &Changes) -> Result<(), SpaceError> {
        type Book = fn(&BlockGroup, LogicalRange) -> Result<(), SpaceError>;
        let book = |extents: Vec<LogicalRange>, book: Book| {
            extents.into_iter().try_for_each(|extent| book(self.block_group_of(extent)?, extent))
        };
        book(changes.bytes_inserted(), BlockGroup::book_inserted)?;
        book(changes.bytes_removed(), BlockGroup::book_removed)?;
        book(changes.bytes_cancelled(), BlockGroup::book_cancelled)
    }

    pub(super) fn group_of(&self, extent: LogicalRange) -> Result<&VolumeGroup, WriteError> {
        self.index_of(extent).map(|index| &self.groups[index]).ok_or(WriteError::Outside { extent })
    }

    fn index_of(&self, extent: LogicalRange) -> Option<usize> {
        // Groups are sorted and do not overlap: only the last one that starts at or before the extent may have it.
        let behind = self.groups.partition_point(|group| group.block_group.range().start() <= extent.start());
        let index = behind.checked_sub(1)?;
        self.groups[index].block_group.range().contains(&extent).then_some(index)
    }

    pub(super) fn block_group_of(&self, extent: LogicalRange) -> Result<&BlockGroup, SpaceError> {
        let group = self.group_of(extent).map_err(|_| SpaceError::Outside { extent, group: extent })?;
        Ok(&group.block_group)
    }
}
