//! The replace of a volume's device, group after group.

use std::io;

use crate::device::Device;
use crate::replace::{CancelToken, CopyError, Cursor, Frozen, Side, Summary};
use crate::sync::Arc;
use crate::units::LogicalAddress;

use super::{ReplaceError, Volume};

/// Which writes go to both devices while a replace runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Those behind the cursor: a write ahead of it is copied later. Each byte is written to the target
    /// once. The rule of 2016, and of zoned devices today.
    #[default]
    CopyThenClone,
    /// All. The rule of regular Btrfs since 2020.
    CloneAlways,
}

/// What the volume knows of a replace, shared by writers and the one who replaces.
pub(super) struct Replacement {
    /// `None` while a [`DeviceReplace`] has it, or has finished with it.
    cursor: Option<Cursor>,
    target: Option<Arc<dyn Device>>,
    failure: Option<(LogicalAddress, io::Error)>,
    finished: bool,
}

impl Replacement {
    pub(super) fn idle(cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), target: None, failure: None, finished: false }
    }

    pub(super) fn target(&self) -> Option<Arc<dyn Device>> {
        self.target.clone()
    }

    /// The first failure counts, and for ever: the target is not what it should be.
    pub(super) fn target_failed(&mut self, address: LogicalAddress, error: io::Error) {
        self.failure.get_or_insert((address, error));
    }

    fn check(&self) -> Result<(), CopyError> {
        let Some((address, error)) = &self.failure else { return Ok(()) };
        let error = io::Error::new(error.kind(), error.to_string());
        Err(CopyError::Device { side: Side::Target, address: *address, error })
    }
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
        let needed = self.groups.last().map_or(0, |group| group.block_group.range().end());
        let length = target.length().map_err(ReplaceError::Target)?;
        if length < needed {
            return Err(ReplaceError::TargetTooSmall { length, needed });
        }
        let mut replacement = self.replacement.lock();
        if replacement.finished {
            return Err(ReplaceError::NotRetired);
        }
        let mut cursor = replacement.cursor.take().ok_or(ReplaceError::Running)?;
        replacement.failure = None;
        replacement.target = Some(Arc::clone(&target));
        drop(replacement);
        if policy == Policy::CloneAlways {
            cursor.advance(LogicalAddress::MAX);
        }
        Ok(DeviceReplace {
            volume: self,
            target,
            cursor: Some(cursor),
            passed: 0,
            cancel: CancelToken::default(),
        })
    }

    /// Gives back the old device after a finished replace, and goes on with the new one alone. Returns
    /// `None` where no replace has finished.
    pub fn retire_source(&mut self) -> Option<Arc<dyn Device>> {
        let replacement = self.replacement.get_mut();
        let target = replacement.target.take_if(|_| replacement.finished)?;
        let (cursor, reader) = Cursor::new();
        *replacement = Replacement::idle(cursor);
        self.cursor = reader;
        Some(std::mem::replace(&mut self.source, target))
    }
}

/// A replace at work. Dropping it unfinished gives the target up; another may be started then.
#[must_use = "dropping this gives up the replace"]
pub struct DeviceReplace<'volume> {
    volume: &'volume Volume,
    target: Arc<dyn Device>,
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
        (self.passed, self.volume.groups.len())
    }

    /// Replaces the next group, through all steps of the drain: `None` when all are done. Blocks for the
    /// group's writers, for a commit and for the devices; other groups are written to meanwhile.
    ///
    /// # Errors
    /// [`ReplaceError::Copy`], [`ReplaceError::Commit`]: the group is read-write again, and may be tried
    /// again by the next call.
    pub fn next_group(&mut self) -> Result<Option<Summary>, ReplaceError> {
        let Some(group) = self.volume.groups.get(self.passed) else { return Ok(None) };
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        self.volume.replacement.lock().check()?;
        if self.cancel.is_cancelled() {
            return Err(CopyError::Cancelled.into());
        }
        let summary = Frozen::set_read_only(&group.block_group)
            .wait_writers()
            .wait_ordered(&group.ordered)
            .commit(self.volume)?
            .copy(&*self.volume.source, &*self.target, &self.cancel)?
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
    /// [`ReplaceError::Incomplete`] while groups are left; [`ReplaceError::Copy`] where a write to the
    /// target failed. The target is given up then.
    pub fn finish(mut self) -> Result<(), ReplaceError> {
        let (passed, groups) = self.progress();
        if passed < groups {
            return Err(ReplaceError::Incomplete { passed, groups });
        }
        self.target.flush().map_err(ReplaceError::Target)?;
        let mut replacement = self.volume.replacement.lock();
        replacement.check()?;
        replacement.finished = true;
        drop(replacement);
        // Not put back: nothing may move it before `retire_source`.
        self.cursor = None;
        Ok(())
    }
}

impl Drop for DeviceReplace<'_> {
    fn drop(&mut self) {
        if let Some(mut cursor) = self.cursor.take() {
            cursor.reset();
            let mut replacement = self.volume.replacement.lock();
            replacement.target = None;
            replacement.cursor = Some(cursor);
        }
    }
}
