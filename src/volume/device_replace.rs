//! The replace of a volume's device, group after group; and its life, from the start until it is given up or the source is
//! retired.
//!
//! # Invariants
//!
//! - V11: while no replace runs, the target slots are empty and the cursor is at zero; while one runs, it alone changes
//!   them.
//!
//! Checked by `loom-tests/src/models/device_replace.rs`,
//! argued in [`docs/protocol.md`](crate::proof::protocol), Lemma 14.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::device::Device;
use crate::replace::{CancelToken, Copied, Cursor, Frozen, SkipUnreadable, Summary};
use crate::sync::Arc;
use crate::units::{LogicalAddress, LogicalRange};

use super::target::Target;
use super::{ReplaceError, Volume, VolumeGroup};

/// Which writes go to both devices while a replace runs.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// use blockgate::{Device, Policy};
///
/// let target = device();
/// let replace = volume.start_replace(target.clone(), Policy::CloneAlways)?;
/// let extent = volume.write(&[7; 4096])?; // before any group was copied
/// let mut bytes = [0; 4096];
/// target.read_at(extent.start(), &mut bytes)?;
/// assert_eq!(bytes, [7; 4096]); // under `CopyThenClone` it would not be there yet
/// # drop(replace);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Those behind the cursor: a write ahead of it is copied later. Each byte is written to the target
    /// once. The rule of 2016, and of zoned devices today.
    #[default]
    CopyThenClone,
    /// All. The rule of regular Btrfs since 2020.
    CloneAlways,
}

/// Whether a replace is at work.
#[derive(Debug)]
pub(super) enum Replacement {
    /// No: here is the cursor for the next one.
    Idle(Cursor),
    /// A [`DeviceReplace`] has the cursor.
    Running,
    /// It has finished; the source is to be retired.
    Finished,
}

impl Volume {
    /// Begins to replace the volume's device by `target`, which must be as long as the groups need.
    ///
    /// Does not block for writers. From here on writes go to both devices as `policy` says. Writes that are
    /// in flight may go to the source alone; the drain of their group waits for them.
    ///
    /// Source: `btrfs_dev_replace_start`.
    ///
    /// # Errors
    /// [`ReplaceError::Running`], [`ReplaceError::NotRetired`], [`ReplaceError::TargetTooSmall`],
    /// [`ReplaceError::SameDevice`], [`ReplaceError::TargetInUse`], [`ReplaceError::Target`]; [`ReplaceError::Commit`] once a
    /// commit has failed.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Policy;
    ///
    /// volume.write(&[7; 4096])?;
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// let summaries = replace.run()?; // writers go on meanwhile
    /// assert_eq!(summaries[0].copied.extents, 1);
    /// replace.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_replace(
        &self,
        target: Arc<dyn Device>,
        policy: Policy,
    ) -> Result<DeviceReplace<'_>, ReplaceError> {
        self.transactions.check()?;
        let target = Target::new(target, self.source(), self.needed(), self.shards)?;
        let cursor = Some(self.begin_replacement()?);
        // Before the cursor moves: a writer that is behind it must find the target.
        self.storage().target.set(Some(&target));
        let cancel = CancelToken::default();
        let mut replace = DeviceReplace {
            volume: self,
            target,
            cursor,
            passed: 0,
            cancel,
            is_finished: false,
            skips: false,
        };
        if let (Policy::CloneAlways, Some(cursor)) = (policy, &mut replace.cursor) {
            cursor.advance(LogicalAddress::MAX);
        }
        Ok(replace)
    }

    /// The bytes that a device must have.
    fn needed(&self) -> u64 {
        self.groups().last().map_or(0, |group| group.block_group.range().end())
    }

    fn begin_replacement(&self) -> Result<Cursor, ReplaceError> {
        let mut replacement = self.replacement.lock();
        match std::mem::replace(&mut *replacement, Replacement::Running) {
            Replacement::Idle(cursor) => Ok(cursor),
            Replacement::Running => Err(ReplaceError::Running),
            Replacement::Finished => {
                *replacement = Replacement::Finished;
                Err(ReplaceError::NotRetired)
            }
        }
    }

    /// Gives back the old device after a finished replace, and goes on with the new one alone.
    ///
    /// Blocks for a flush of the new device. Exclusive access proves that no write is in flight.
    ///
    /// # Errors
    /// [`ReplaceError::NotFinished`] where no replace has finished. [`ReplaceError::InDoubt`] where a write has failed on
    /// one of the devices since, [`ReplaceError::Copy`] or [`ReplaceError::Target`] where the new one cannot be flushed or
    /// has shrunk: it is given up then, and the volume stays on the source.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let mut volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::{Device, Policy};
    ///
    /// let target = device();
    /// let mut replace = volume.start_replace(target.clone(), Policy::CopyThenClone)?;
    /// replace.run()?;
    /// replace.finish()?;
    /// drop(replace);
    /// let old = volume.retire_source()?; // to be wiped, or sold
    /// let extent = volume.write(&[7; 4096])?;
    ///
    /// let mut bytes = [0; 4096];
    /// old.read_at(extent.start(), &mut bytes)?;
    /// assert_eq!(bytes, [0; 4096]); // nothing is written there any longer
    /// target.read_at(extent.start(), &mut bytes)?;
    /// assert_eq!(bytes, [7; 4096]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retire_source(&mut self) -> Result<Arc<dyn Device>, ReplaceError> {
        let needed = self.needed();
        let replacement = self.replacement.get_mut();
        let finished = matches!(replacement, Replacement::Finished);
        let storage = self.transactions.steps_mut();
        let target = finished.then(|| storage.target.get()).flatten().ok_or(ReplaceError::NotFinished)?;
        // A new cursor instead of a reset: exclusive access proves that no writer has the old one.
        storage.target.set(None);
        let (cursor, reader) = Cursor::new();
        *replacement = Replacement::Idle(cursor);
        self.cursor = reader;
        // Commits flush the source alone, which is to go now.
        target.check_length(needed)?;
        target.flush().map_err(ReplaceError::Target)?;
        target.check()?;
        Ok(std::mem::replace(&mut storage.source, Arc::clone(target.device())))
    }
}

/// A replace at work. Dropping it unfinished gives the target up; another may be started then.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// use blockgate::{DeviceReplace, Policy, ReplaceError};
///
/// /// Group after group, with a word to the operator in between.
/// fn run(replace: &mut DeviceReplace<'_>) -> Result<(), ReplaceError> {
///     while let Some(summary) = replace.next_group()? {
///         let (passed, groups) = replace.progress();
///         println!("{passed} of {groups}: {} bytes copied", summary.copied.bytes);
///     }
///     replace.finish()
/// }
///
/// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
/// run(&mut replace)?;
/// assert_eq!(replace.progress(), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this gives up the replace"]
pub struct DeviceReplace<'volume> {
    volume: &'volume Volume,
    target: Arc<Target>,
    /// `None` when the target was given up.
    cursor: Option<Cursor>,
    passed: usize,
    cancel: CancelToken,
    is_finished: bool,
    skips: bool,
}

impl<'volume> DeviceReplace<'volume> {
    /// A handle by which any thread can ask this replace to stop.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::{CopyError, Policy, ReplaceError};
    ///
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// replace.cancel_token().cancel(); // from whatever thread
    /// assert!(matches!(replace.next_group(), Err(ReplaceError::Copy(CopyError::Cancelled))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// How many groups are done, of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.passed, self.volume.groups().len())
    }

    /// From here on, skips what the source cannot read: the target has zeroes there, and
    /// [`Summary::unreadable`](crate::Summary::unreadable) lists it. Without this, the replace fails at the first such place.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Policy;
    ///
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// replace.skip_unreadable(); // the old disk is dying: save what can be saved
    /// for summary in replace.run()? {
    ///     summary.unreadable.iter().for_each(|lost| eprintln!("restore {lost} from a backup"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skip_unreadable(&mut self) {
        self.skips = true;
    }

    /// Replaces the next group, through all steps of the drain: `None` when all are done. Then it copies again the
    /// groups with bytes that are [in doubt](ReplaceError::InDoubt), one a call. Blocks for the group's writers, for a
    /// commit and for the devices; other groups are written to at the same time.
    ///
    /// # Errors
    /// [`ReplaceError::Copy`], [`ReplaceError::Commit`]: the group is read-write again, and is tried again by
    /// the next call. A target whose flush has failed stays failed: drop this, and replace by another device.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Policy;
    ///
    /// let extent = volume.write(&[7; 8192])?;
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// let summary = replace.next_group()?.expect("one group is left");
    /// assert_eq!(summary.copied.bytes, extent.len());
    /// assert!(replace.next_group()?.is_none()); // all are done
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_group(&mut self) -> Result<Option<Summary>, ReplaceError> {
        let is_new = self.passed < self.volume.groups().len();
        let Some(group) = self.group_to_copy() else { return Ok(None) };
        self.target.check_flushes()?;
        self.cancel.check()?;
        let (copied, unreadable) = self.copy(group)?;
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        // It stays where it is when a group is copied again.
        let summary = copied.advance(cursor).set_read_write();
        self.passed += usize::from(is_new);
        Ok(Some(Summary { unreadable, ..summary }))
    }

    /// The first group that was not copied, or else one with bytes in doubt.
    fn group_to_copy(&self) -> Option<&'volume VolumeGroup> {
        let groups = self.volume.groups();
        groups.get(self.passed).or_else(|| {
            let address = self.target.first_doubt()?;
            groups.iter().find(|group| group.block_group.range().end() > address)
        })
    }

    /// Steps 1 to 5 of the drain; and what could not be read, where that is skipped.
    fn copy(
        &self,
        group: &'volume VolumeGroup,
    ) -> Result<(Copied<'volume>, Vec<LogicalRange>), ReplaceError> {
        let quiet = Frozen::freeze(&group.block_group).wait_writers();
        self.cancel.check()?;
        let settled = quiet.wait_ordered(&group.ordered);
        self.cancel.check()?;
        // V9: nobody writes here now. Back in doubt if the copy fails.
        let doubts = self.target.take_doubts(group.block_group.range());
        let committed = settled.commit(self.volume)?;
        let skipping = SkipUnreadable::new(&**self.volume.source(), group.block_group.alignment());
        let source: &dyn Device = if self.skips { &skipping } else { &**self.volume.source() };
        let copied = committed.copy(source, &*self.target, &self.cancel)?;
        doubts.settle();
        Ok((copied, skipping.into_skipped()))
    }

    /// Replaces all groups that are left, and returns what each waited for and copied.
    ///
    /// # Errors
    /// As [`DeviceReplace::next_group`]; the groups done so far stay done.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Policy;
    ///
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// let summaries = replace.run()?;
    /// assert!(summaries.iter().all(|summary| summary.ordered.failed == 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&mut self) -> Result<Vec<Summary>, ReplaceError> {
        std::iter::from_fn(|| self.next_group().transpose()).collect()
    }

    /// Ends the replace. From here on, until [`Volume::retire_source`], every write goes to both devices. The source is
    /// still the one that has what is committed: until then a crash leaves the volume there.
    ///
    /// # Errors
    /// [`ReplaceError::Incomplete`] while groups are left: nothing is lost, go on. [`ReplaceError::InDoubt`] where a write
    /// has failed on one of the devices: the next [`DeviceReplace::run`] copies it again. [`ReplaceError::TargetTooSmall`],
    /// [`ReplaceError::Target`], [`ReplaceError::Copy`] where the target has shrunk, or cannot be flushed: drop this, and
    /// replace by another device.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::{Policy, ReplaceError};
    ///
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// assert!(matches!(replace.finish(), Err(ReplaceError::Incomplete { .. }))); // too early
    /// replace.run()?;
    /// replace.finish()?;
    /// let next = volume.start_replace(device(), Policy::CopyThenClone);
    /// assert!(matches!(next, Err(ReplaceError::NotRetired))); // first `Volume::retire_source`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish(&mut self) -> Result<(), ReplaceError> {
        let (passed, groups) = self.progress();
        if passed < groups {
            return Err(ReplaceError::Incomplete { passed, groups });
        }
        self.target.check_length(self.volume.needed())?;
        self.target.check_flushes()?;
        self.target.flush().map_err(ReplaceError::Target)?;
        self.target.check()?;
        self.is_finished = true;
        *self.volume.replacement.lock() = Replacement::Finished;
        Ok(())
    }

    /// Gives the target up, finished or not, and hands it back. The volume stays on its source, and another replace can
    /// be started. Blocks until no writer is calling the target any more, so that no late write reaches it; writers and
    /// commits do not wait for that.
    ///
    /// Dropping the replace unfinished gives the target up too, and does not wait.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Policy;
    ///
    /// let mut replace = volume.start_replace(device(), Policy::CloneAlways)?;
    /// volume.write(&[7; 4096])?; // to both devices
    /// let target = replace.give_up(); // on second thoughts
    /// target.write_at(0, &[0; 4096])?; // it is nobody else's now
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn give_up(mut self) -> Arc<dyn Device> {
        self.is_finished = false;
        let target = Arc::clone(&self.target);
        drop(self);
        target.hand_back()
    }
}

impl fmt::Debug for DeviceReplace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceReplace").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl Drop for DeviceReplace<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return; // `retire_source` has the rest
        }
        let Some(mut cursor) = self.cursor.take() else { return };
        // The target is given up also where a subscriber unwinds out of the reset's event.
        let reset = catch_unwind(AssertUnwindSafe(|| cursor.reset()));
        self.volume.storage().target.set(None);
        *self.volume.replacement.lock() = Replacement::Idle(cursor);
        reset.unwrap_or_else(|panic| resume_unwind(panic));
    }
}
