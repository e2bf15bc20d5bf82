//! How a volume is put together.

use std::error::Error;
use std::fmt;

use crate::block_group::{BlockGroup, Room};
use crate::device::Device;
use crate::extent_tree::{Changes, CommitRoot, ExtentItem, sorted};
use crate::ordered_extent::OrderedExtents;
use crate::replace::Cursor;
use crate::sharded::Shards;
use crate::sync::{Arc, Mutex, new_owner};
use crate::transaction::Transactions;
use crate::units::{BlockGroupId, LogicalRange, TransactionId};

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
    last_root: (TransactionId, Vec<ExtentItem>),
    persist: Option<Arc<Persist>>,
}

impl VolumeBuilder {
    pub(super) fn new(alignment: u64) -> Self {
        let last_root = (TransactionId(0), Vec::new());
        Self { alignment, shards: Shards::default(), groups: Vec::new(), last_root, persist: None }
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

    /// What an earlier run has left on the device: the number of its last durable root, and the extents with their
    /// references, in whatever order. The volume has them from the start, and its first commit has the next number (T2:
    /// numbers never go back, so of two stored roots the one with the higher number is the later). Without this call a
    /// volume is empty, and its first commit has the number 1.
    ///
    /// After a commit that failed because its root could not be made durable, either root may be the one that is: both
    /// list durable bytes only. The volume of before must be gone: no write of it may be in flight.
    ///
    /// A million extents take less than a second, in the order of their addresses (see the bench `refs/open`).
    ///
    /// ```
    /// use std::error::Error;
    /// use std::sync::{Arc, Mutex};
    ///
    /// use blockgate::extent_tree::ExtentItem;
    /// use blockgate::{LogicalRange, MemoryDevice, TransactionId, Volume};
    ///
    /// /// What survives a run: the bytes, and the last root.
    /// struct Disk {
    ///     bytes: Arc<MemoryDevice>,
    ///     root: Arc<Mutex<(TransactionId, Vec<ExtentItem>)>>,
    /// }
    ///
    /// fn open(disk: &Disk) -> Result<Volume, Box<dyn Error>> {
    ///     let (number, extents) = disk.root.lock().unwrap().clone();
    ///     let root = Arc::clone(&disk.root);
    ///     let volume = Volume::builder(4096)
    ///         .group(LogicalRange::new(0, 1 << 20)?)
    ///         .last_root(number, extents)
    ///         .persist(move |next, _| {
    ///             *root.lock().unwrap() = (next.transaction(), next.items().collect());
    ///             Ok(())
    ///         })
    ///         .build(disk.bytes.clone())?;
    ///     Ok(volume)
    /// }
    ///
    /// let root = Arc::new(Mutex::new((TransactionId(0), Vec::new())));
    /// let disk = Disk { bytes: Arc::new(MemoryDevice::new(1 << 20)), root };
    /// let first_run = open(&disk)?;
    /// let extent = first_run.write(b"kept")?;
    /// first_run.add_reference(extent)?; // a clone
    /// first_run.commit()?;
    /// first_run.write(b"lost: it is in no root")?;
    /// drop(first_run);
    ///
    /// let second_run = open(&disk)?;
    /// let mut bytes = [0; 4];
    /// second_run.read(extent.start(), &mut bytes)?;
    /// assert_eq!(&bytes, b"kept");
    /// assert!(!second_run.write(b"new")?.overlaps(&extent));
    /// assert!(second_run.begin_nocow(extent).is_err()); // its clone is known too
    /// assert_eq!(second_run.commit()?.transaction(), TransactionId(2));
    /// # Ok::<(), Box<dyn Error>>(())
    /// ```
    #[must_use]
    pub fn last_root(
        mut self,
        transaction: TransactionId,
        extents: impl IntoIterator<Item = ExtentItem>,
    ) -> Self {
        self.last_root = (transaction, extents.into_iter().collect());
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
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, Mutex};
    ///
    /// use blockgate::{LogicalRange, MemoryDevice, Volume};
    ///
    /// let superblock = Arc::new(Mutex::new(BTreeMap::new()));
    /// let group = LogicalRange::new(0, 1 << 20)?;
    /// let written = Arc::clone(&superblock);
    /// let volume = Volume::builder(4096)
    ///     .group(group)
    ///     .persist(move |root, changes| {
    ///         // To a file, say, with fsync. What changed is enough, where it is written all or nothing.
    ///         let mut stored = written.lock().unwrap();
    ///         changes.removed.iter().for_each(|gone| drop(stored.remove(&gone.start())));
    ///         for extent in changes.inserted.iter().chain(&changes.recounted) {
    ///             stored.insert(extent.start(), root.get(extent.start()).expect("it is in the root"));
    ///         }
    ///         Ok(())
    ///     })
    ///     .build(Arc::new(MemoryDevice::new(1 << 20)))?;
    /// let extent = volume.write(&[7; 4096])?;
    /// let root = volume.commit()?;
    /// assert!(superblock.lock().unwrap().values().copied().eq(root.items()));
    /// volume.add_reference(extent)?;
    /// let root = volume.commit()?;
    /// assert!(superblock.lock().unwrap().values().copied().eq(root.items()));
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

    /// The volume on `source`: empty, or with the extents of its [last root](VolumeBuilder::last_root). No byte is read
    /// or written.
    ///
    /// # Errors
    /// [`BuildError`]: without a group, with groups that overlap or are not aligned, with a device that is too small for
    /// them; or with extents that overlap, are not aligned, have no reference, or are not in one group each.
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
        let (last, extents) = std::mem::replace(&mut self.last_root, (TransactionId(0), Vec::new()));
        let extents = sorted(last, extents)?;
        let room = Arc::new(Room::new(self.groups.len()));
        let mut groups = self.build_groups(&room)?;
        self.book_existing(&extents, &mut groups)?;
        let target = TargetSlots::new(self.shards);
        let storage = Storage { groups, room, source, target, persist: self.persist };
        let (cursor, reader) = Cursor::new();
        Ok(Volume {
            transactions: Transactions::from_root(
                self.shards,
                storage,
                CommitRoot::from_sorted(last, &extents),
            ),
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

    /// Each group takes those of `extents`, which are in the order of their addresses, that are its own.
    fn book_existing(&self, extents: &[ExtentItem], groups: &mut [VolumeGroup]) -> Result<(), BuildError> {
        let mut left = extents;
        for VolumeGroup { block_group, .. } in groups {
            let range = block_group.range();
            let count = left.iter().take_while(|item| range.contains(&item.extent)).count();
            let (own, others) = left.split_at(count);
            left = others;
            self.check_alignment(own)?;
            let booked = block_group.book_existing(own.iter().map(|item| item.extent));
            booked.expect("they are in the group, aligned, and none overlaps another");
        }
        // The first that no group took keeps all behind it too.
        left.first().map_or(Ok(()), |item| Err(self.misplaced(item.extent)))
    }

    fn check_alignment(&self, extents: &[ExtentItem]) -> Result<(), BuildError> {
        let alignment = self.alignment;
        let unaligned = extents.iter().find(|item| !item.extent.is_aligned(alignment));
        unaligned.map_or(Ok(()), |item| Err(BuildError::ExtentUnaligned { extent: item.extent, alignment }))
    }

    fn misplaced(&self, extent: LogicalRange) -> BuildError {
        let group = self.groups.iter().find(|group| group.overlaps(&extent));
        group.map_or(BuildError::ExtentOutside { extent }, |group| BuildError::ExtentAcross {
            extent,
            group: *group,
        })
    }
}

impl fmt::Debug for VolumeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = (self.alignment, self.shards, &self.groups);
        f.debug_tuple("VolumeBuilder").field(&layout).finish()
    }
}
