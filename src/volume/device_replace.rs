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

    /// The first failure counts, and for ever: what was written may be lost, and no later flush would say
    /// so.
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

/// Where writers find the target: one slot a shard, so that those who write to both devices do not meet.
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
    /// # Errors
    /// [`ReplaceError::Running`], [`ReplaceError::NotRetired`], [`ReplaceError::TargetTooSmall`],
    /// [`ReplaceError::Target`].
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
    /// # Errors
    /// [`ReplaceError::NotFinished`] where no replace has finished. [`ReplaceError::Copy`] where a write to
    /// the target has failed since: the target is given up then, and the volume stays on the source.
    pub fn retire_source(&mut self) -> Result<Arc<dyn Device>, ReplaceError> {
        let replacement = self.replacement.get_mut();
        let finished = matches!(replacement, Replacement::Finished);
        let storage = self.transactions.steps_mut();
        let target = finished.then(|| storage.target.get()).flatten().ok_or(ReplaceError::NotFinished)?;
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
    /// group's writers, for a commit and for the devices; other groups are written to meanwhile.
    ///
    /// # Errors
    /// [`ReplaceError::Copy`], [`ReplaceError::Commit`]: the group is read-write again, and is tried again by
    /// the next call. A target that has failed stays failed: drop this, and replace by another device.
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
    pub fn run(&mut self) -> Result<Vec<Summary>, ReplaceError> {
        std::iter::from_fn(|| self.next_group().transpose()).collect()
    }

    /// Ends the replace. From here on, until [`Volume::retire_source`], every write goes to both devices.
    ///
    /// # Errors
    /// [`ReplaceError::Incomplete`] while groups are left: nothing is lost, go on. [`ReplaceError::Copy`]
    /// where the target has failed, [`ReplaceError::Target`] where it cannot be flushed: drop this, and
    /// replace by another device.
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
        let Some(cursor) = self.cursor.take() else { return };
        // The target is given up also where a subscriber unwinds out of the reset's event.
        let mut cursor = scopeguard::guard(cursor, |cursor| {
            self.volume.storage().target.set(None);
            *self.volume.replacement.lock() = Replacement::Idle(cursor);
        });
        cursor.reset();
    }
}
