//! A freeze of all groups at once: for a backup of the device, or a snapshot below it.
//!
//! The stages are those of the drain of one group, each with the tokens of all groups. All groups are set read-only
//! before the first is waited for: so there is one moment from which on no write is admitted anywhere.

use crate::extent_tree::CommitRoot;
use crate::replace::{Frozen, Quiet, Settled};
use crate::transaction::CommitError;

use super::{Volume, VolumeGroup};

impl Volume {
    /// Sets every group read-only by one more level, until what is returned, or what a later stage returned for it,
    /// is dropped. Does not block.
    ///
    /// After it no write is admitted; those admitted before are still at work. COW writes are refused by
    /// [`WriteError::NoSpace`](super::WriteError::NoSpace) with the number of groups, or wait in
    /// [`Volume::wait_begin_cow`]. References may be changed, and commits go on.
    ///
    /// Freezes nest, with each other and with those of single groups. A thread that holds a write of its own deadlocks
    /// in the stages that wait.
    ///
    /// # Panics
    /// With 4096 levels of read-only at once: tokens were leaked. No group keeps a level of this call then.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// {
    ///     let frozen = volume.freeze().wait_writers().wait_ordered().commit()?;
    ///     // Nobody writes to the device here, and what the root lists is durable: a block-level copy is consistent.
    ///     assert_eq!(frozen.root().extents_in(extent).count(), 1);
    ///     assert!(volume.write(&[8; 4096]).is_err());
    /// }
    /// assert!(volume.write(&[8; 4096]).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn freeze(&self) -> FrozenVolume<'_> {
        let groups = self.groups().iter().map(VolumeGroup::block_group);
        FrozenVolume { volume: self, groups: groups.map(Frozen::freeze).collect() }
    }
}

/// Every group is read-only; writes that were admitted before may be at work.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// let (backup, scrub) = (volume.freeze(), volume.freeze());
/// drop(scrub);
/// assert!(volume.write(&[7; 4096]).is_err()); // levels are counted: the backup still has its own
/// drop(backup); // given up: the volume is as it was
/// assert!(volume.write(&[7; 4096]).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the groups read-write"]
pub struct FrozenVolume<'volume> {
    volume: &'volume Volume,
    groups: Vec<Frozen<'volume>>,
}

impl<'volume> FrozenVolume<'volume> {
    /// Blocks until the admissions of before have ended, in every group: as [`Frozen::wait_writers`].
    pub fn wait_writers(self) -> QuietVolume<'volume> {
        let groups = self.groups.into_iter().map(Frozen::wait_writers).collect();
        QuietVolume { volume: self.volume, groups }
    }
}

/// No write is about to begin; some may be in flight.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// let write = volume.begin_cow(4096)?;
/// let quiet = volume.freeze().wait_writers(); // does not wait for what is in flight,
/// std::thread::scope(|scope| {
///     scope.spawn(|| write.finish());
///     drop(quiet.wait_ordered()); // and this does
/// });
/// assert_eq!(volume.groups()[0].ordered_extents().in_flight(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the groups read-write"]
pub struct QuietVolume<'volume> {
    volume: &'volume Volume,
    groups: Vec<Quiet<'volume>>,
}

impl<'volume> QuietVolume<'volume> {
    /// Blocks until the writes in flight are over, in every group: as [`Quiet::wait_ordered`].
    pub fn wait_ordered(self) -> SettledVolume<'volume> {
        let groups = self.volume.groups().iter().zip(self.groups);
        let groups = groups.map(|(group, quiet)| quiet.wait_ordered(group.ordered_extents())).collect();
        SettledVolume { volume: self.volume, groups }
    }
}

/// No write is in flight. The last ones may be in no commit root yet.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// volume.write(&[7; 4096])?;
/// let settled = volume.freeze().wait_writers().wait_ordered();
/// assert!(volume.commit_root().is_empty());
/// assert_eq!(settled.commit()?.root().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the groups read-write"]
pub struct SettledVolume<'volume> {
    volume: &'volume Volume,
    groups: Vec<Settled<'volume>>,
}

impl<'volume> SettledVolume<'volume> {
    /// Commits, and blocks until that commit is complete. Deadlocks if the calling thread holds a transaction handle.
    ///
    /// # Errors
    /// That of the commit. The groups are read-write then.
    pub fn commit(self) -> Result<CommittedVolume<'volume>, CommitError> {
        let root = self.volume.commit()?;
        Ok(CommittedVolume { _groups: self.groups, root })
    }
}

/// No write is in flight, and what all of them wrote is durable and listed by one commit root: until this is dropped,
/// the bytes of its extents do not change.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let group = LogicalRange::new(0, 1 << 20)?;
/// # let volume = Volume::builder(4096).group(group).build(device())?;
/// /// All bytes that are in use, by their addresses.
/// fn back_up(volume: &Volume, group: LogicalRange) -> Result<Vec<(u64, Vec<u8>)>, Box<dyn std::error::Error>> {
///     let frozen = volume.freeze().wait_writers().wait_ordered().commit()?;
///     let read = |extent: LogicalRange| {
///         let mut bytes = vec![0; usize::try_from(extent.len())?];
///         volume.read(extent.start(), &mut bytes)?;
///         Ok((extent.start(), bytes))
///     };
///     frozen.root().extents_in(group).map(read).collect()
/// }
/// let extent = volume.write(&[7; 4096])?;
/// assert_eq!(back_up(&volume, group)?, [(extent.start(), vec![7; 4096])]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the groups read-write"]
pub struct CommittedVolume<'volume> {
    /// Held until the drop.
    _groups: Vec<Settled<'volume>>,
    root: CommitRoot,
}

impl CommittedVolume<'_> {
    /// The commit root that lists every extent of before the freeze.
    #[must_use]
    pub fn root(&self) -> &CommitRoot {
        &self.root
    }
}
