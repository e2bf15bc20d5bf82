//! How a volume is put together.

use std::error::Error;
use std::fmt;

use crate::block_group::{BlockGroup, Room};
use crate::device::Device;
use crate::extent_tree::{Changes, CommitRoot};
use crate::ordered_extent::OrderedExtents;
use crate::replace::Cursor;
use crate::sharded::Shards;
use crate::sync::{Arc, Mutex, new_owner};
use crate::transaction::Transactions;
use crate::units::{BlockGroupId, LogicalRange};

use super::device_replace::Replacement;
use super::error::BuildError;
use super::storage::{Persist, Storage};
use super::target::TargetSlots;
use super::{Volume, VolumeGroup};

/// The layout of a [`Volume`]: where its block groups are, and what its commits do.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use std::sync::Arc;
///
/// use blockgate::{LogicalRange, MemoryDevice, Shards, Volume};
///
/// let mut builder = Volume::builder(4096).shards(Shards::new(8)); // eight writers at a time
/// for group in 0..4 {
///     builder = builder.group(LogicalRange::new(group << 20, 1 << 20)?);
/// }
/// let volume = builder.build(Arc::new(MemoryDevice::new(4 << 20)))?;
/// assert_eq!(volume.groups().len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct VolumeBuilder {
    alignment: u64,
    shards: Shards,
    groups: Vec<LogicalRange>,
    persist: Option<Arc<Persist>>,
}

impl VolumeBuilder {
    pub(super) fn new(alignment: u64) -> Self {
        Self { alignment, shards: Shards::default(), groups: Vec::new(), persist: None }
    }

    /// Adds a block group over `range`. Groups are numbered in the order of their addresses.
    #[must_use]
    pub fn group(mut self, range: LogicalRange) -> Self {
        self.groups.push(range);
        self
    }

    /// Into how many shards each count and map is split.
    #[must_use]
    pub fn shards(mut self, shards: Shards) -> Self {
        self.shards = shards;
        self
    }

    /// A step of each commit: `persist` makes the commit root durable. It is called once a commit, with what
    /// the commit changed, after the source was flushed and before the root is switched: so the root that it
    /// writes lists durable bytes only, and is durable itself before any space that it frees is used again.
    ///
    /// It may block; writers go on meanwhile, those that commit wait. It must not commit. Its error, or its
    /// panic, makes the commit fail, and with it every later one.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use blockgate::{LogicalRange, MemoryDevice, Volume};
    ///
    /// let superblock = Arc::new(Mutex::new(Vec::new()));
    /// let group = LogicalRange::new(0, 1 << 20)?;
    /// let written = Arc::clone(&superblock);
    /// let volume = Volume::builder(4096)
    ///     .group(group)
    ///     .persist(move |root, _changes| {
    ///         // To a file, say, with fsync and rename.
    ///         *written.lock().unwrap() = root.extents_in(group).collect();
    ///         Ok(())
    ///     })
    ///     .build(Arc::new(MemoryDevice::new(1 << 20)))?;
    /// let extent = volume.write(&[7; 4096])?;
    /// volume.commit()?;
    /// assert_eq!(*superblock.lock().unwrap(), [extent]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn persist<F>(mut self, persist: F) -> Self
    where
        F: Fn(&CommitRoot, &Changes) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    {
        self.persist = Some(Arc::new(persist));
        self
    }

    /// The volume, empty, on `source`.
    ///
    /// # Errors
    /// [`BuildError`]: without a group, with groups that overlap or are not aligned, or with a device
    /// that is too small for them.
    ///
    /// # Example
    /// ```
    /// use std::sync::Arc;
    ///
    /// use blockgate::{BuildError, LogicalRange, MemoryDevice, Volume};
    ///
    /// let builder = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?);
    /// let too_small = builder.clone().build(Arc::new(MemoryDevice::new(4096)));
    /// assert!(matches!(too_small, Err(BuildError::DeviceTooSmall { needed: 0x10_0000, .. })));
    /// assert!(builder.build(Arc::new(MemoryDevice::new(1 << 20))).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(mut self, source: Arc<dyn Device>) -> Result<Volume, BuildError> {
        self.groups.sort_unstable();
        if let Some(pair) = self.groups.windows(2).find(|pair| pair[0].overlaps(&pair[1])) {
            return Err(BuildError::Overlap { one: pair[0], other: pair[1] });
        }
        let end = self.groups.last().ok_or(BuildError::NoGroups)?.end();
        let length = source.length().map_err(BuildError::Device)?;
        if length < end {
            return Err(BuildError::DeviceTooSmall { length, needed: end });
        }
        let room = Arc::new(Room::new(self.groups.len()));
        let groups = self.build_groups(&room)?;
        let target = TargetSlots::new(self.shards);
        let storage = Storage { groups, room, source, target, persist: self.persist };
        let (cursor, reader) = Cursor::new();
        Ok(Volume {
            transactions: Transactions::with_steps(self.shards, storage),
            cursor: reader,
            shards: self.shards,
            replacement: Mutex::new(Replacement::Idle(cursor)),
            owner: new_owner(),
        })
    }

    fn build_groups(&self, room: &Arc<Room>) -> Result<Box<[VolumeGroup]>, BuildError> {
        let block_groups = BlockGroup::several(BlockGroupId(0), &self.groups, self.alignment, self.shards)?;
        let ordered = OrderedExtents::several(self.shards, block_groups.len());
        let group =
            |(group, ordered): (BlockGroup, _)| VolumeGroup { block_group: group.counting_in(room), ordered };
        Ok(block_groups.into_iter().zip(ordered).map(group).collect())
    }
}

impl fmt::Debug for VolumeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = (self.alignment, self.shards, &self.groups);
        f.debug_tuple("VolumeBuilder").field(&layout).finish()
    }
}
