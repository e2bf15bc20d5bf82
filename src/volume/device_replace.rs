//! The replace of a volume's device, group after group.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::device::Device;
use crate::replace::{CancelToken, CopyError, Cursor, Frozen, Side, Summary};
use crate::sharded::{Sharded, Shards};
use crate::sync::{Arc, Mutex};
use crate::units::LogicalAddress;

use super::{ReplaceError, Volume};

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

/// The device that replaces, and whether a write to it has failed.
pub(super) struct Target {
    device: Arc<dyn Device>,
    failure: Mutex<Option<(LogicalAddress, io::Error)>>,
}

impl Target {
    fn new(device: Arc<dyn Device>) -> Arc<Self> {
        Arc::new(Self { device, failure: Mutex::new(None) })
    }

    /// The first failure stays: what was written may be lost, and no later flush would say so.
    pub(super) fn failed(&self, address: LogicalAddress, error: &io::Error) {
        self.failure.lock().get_or_insert_with(|| (address, copy_of(error)));
    }

    /// Does `call`, and remembers its failure, or its panic.
    fn remember_failure(
        &self,
        address: LogicalAddress,
        call: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => result.inspect_err(|error| self.failed(address, error)),
            Err(panic) => {
                self.failed(address, &io::Error::other("the device panicked"));
                resume_unwind(panic)
            }
        }
    }

    fn check(&self) -> Result<(), CopyError> {
        let failure = self.failure.lock();
        let Some((address, error)) = &*failure else { return Ok(()) };
        Err(CopyError::Device { side: Side::Target, address: *address, error: copy_of(error) })
    }
}

fn copy_of(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// What the copy sees of it: each failure is remembered.
impl Device for Target {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.device.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.remember_failure(offset, || self.device.write_at(offset, data))
    }

    fn flush(&self) -> io::Result<()> {
        self.remember_failure(0, || self.device.flush())
    }

    fn length(&self) -> io::Result<u64> {
        self.device.length()
    }
}

/// Where writers find the target: one slot a shard, so that threads that write to both devices do not contend.
pub(super) struct TargetSlots(Sharded<Mutex<Option<Arc<Target>>>>);

impl TargetSlots {
    pub(super) fn new(shards: Shards) -> Self {
        Self(Sharded::new(shards, |_| Mutex::new(None)))
    }

    pub(super) fn get(&self) -> Option<Arc<Target>> {
        self.0.own().lock().clone()
    }

    fn set(&self, target: Option<&Arc<Target>>) {
        for slot in self.0.iter() {
            *slot.lock() = target.cloned();
        }
    }
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
    /// [`ReplaceError::Target`].
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
        let needed = self.groups().last().map_or(0, |group| group.block_group.range().end());
        let length = target.length().map_err(ReplaceError::Target)?;
        if length < needed {
            return Err(ReplaceError::TargetTooSmall { length, needed });
        }
        let cursor = Some(self.begin_replacement()?);
        let target = Target::new(target);
        // Before the cursor moves: a writer that is behind it must find the target.
        self.storage().target.set(Some(&target));
        let mut replace =
            DeviceReplace { volume: self, target, cursor, passed: 0, cancel: CancelToken::default() };
        if let (Policy::CloneAlways, Some(cursor)) = (policy, &mut replace.cursor) {
            cursor.advance(LogicalAddress::MAX);
        }
        Ok(replace)
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
    /// Does not block: exclusive access proves that no write is in flight.
    ///
    /// # Errors
    /// [`ReplaceError::NotFinished`] where no replace has finished. [`ReplaceError::Copy`] where a write to
    /// the target has failed since: the target is given up then, and the volume stays on the source.
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
        let replacement = self.replacement.get_mut();
        let finished = matches!(replacement, Replacement::Finished);
        let storage = self.transactions.steps_mut();
        let target = finished.then(|| storage.target.get()).flatten().ok_or(ReplaceError::NotFinished)?;
        // A new cursor instead of a reset: exclusive access proves that no writer has the old one.
        storage.target.set(None);
        let (cursor, reader) = Cursor::new();
        *replacement = Replacement::Idle(cursor);
        self.cursor = reader;
        target.check()?;
        Ok(std::mem::replace(&mut storage.source, Arc::clone(&target.device)))
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
    /// `None` when finished.
    cursor: Option<Cursor>,
    passed: usize,
    cancel: CancelToken,
}

impl DeviceReplace<'_> {
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

    /// Replaces the next group, through all steps of the drain: `None` when all are done. Blocks for the
    /// group's writers, for a commit and for the devices; other groups are written to at the same time.
    ///
    /// # Errors
    /// [`ReplaceError::Copy`], [`ReplaceError::Commit`]: the group is read-write again, and is tried again by
    /// the next call. A target that has failed stays failed: drop this, and replace by another device.
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
        let Some(group) = self.volume.groups().get(self.passed) else { return Ok(None) };
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        self.target.check()?;
        if self.cancel.is_cancelled() {
            return Err(CopyError::Cancelled.into());
        }
        let summary = Frozen::freeze(&group.block_group)
            .wait_writers()
            .wait_ordered(&group.ordered)
            .commit(self.volume)?
            .copy(&**self.volume.source(), &*self.target, &self.cancel)?
            .advance(cursor)
            .set_read_write();
        self.passed += 1;
        Ok(Some(summary))
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

    /// Ends the replace. From here on, until [`Volume::retire_source`], every write goes to both devices.
    ///
    /// # Errors
    /// [`ReplaceError::Incomplete`] while groups are left: nothing is lost, go on. [`ReplaceError::Copy`]
    /// where the target has failed, [`ReplaceError::Target`] where it cannot be flushed: drop this, and
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
        self.target.flush().map_err(ReplaceError::Target)?;
        self.target.check()?;
        // Not put back: nothing may move it before `retire_source`.
        if self.cursor.take().is_some() {
            *self.volume.replacement.lock() = Replacement::Finished;
        }
        Ok(())
    }
}

impl fmt::Debug for DeviceReplace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceReplace").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl Drop for DeviceReplace<'_> {
    fn drop(&mut self) {
        let Some(mut cursor) = self.cursor.take() else { return };
        // The target is given up also where a subscriber unwinds out of the reset's event.
        let reset = catch_unwind(AssertUnwindSafe(|| cursor.reset()));
        self.volume.storage().target.set(None);
        *self.volume.replacement.lock() = Replacement::Idle(cursor);
        reset.unwrap_or_else(|panic| resume_unwind(panic));
    }
}
