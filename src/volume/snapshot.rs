//! A snapshot of a volume: a root whose bytes stay as they are.

use std::fmt;
use std::ops::Deref;

use crate::extent_tree::CommitRoot;
use crate::transaction::{self, CommitError};

use super::Volume;
use super::storage::Storage;

/// The extents of a volume as they were when this was taken, to be read for as long as it lives: their space is not
/// given to other extents, and they are not overwritten in place.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// use blockgate::Overwrite;
///
/// let extent = volume.write(&[1; 4096])?;
/// let backup = volume.snapshot()?;
/// assert!(matches!(volume.overwrite(extent, &[2; 4096])?, Overwrite::Moved(_))); // and not in place
/// volume.commit()?; // frees nothing of the backup
///
/// let mut bytes = [0; 4096];
/// for extent in backup.extents_in(volume.groups()[0].block_group().range()) {
///     volume.read(extent.start(), &mut bytes)?;
///     assert_eq!(bytes, [1; 4096]);
/// }
/// assert_eq!(volume.groups()[0].block_group().figures().pinned, 4096);
/// drop(backup);
/// assert_eq!(volume.groups()[0].block_group().figures().pinned, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this frees what it keeps"]
pub struct Snapshot<'volume>(transaction::Snapshot<'volume, Storage>);

impl Deref for Snapshot<'_> {
    type Target = CommitRoot;

    fn deref(&self) -> &CommitRoot {
        &self.0
    }
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.transaction()).finish()
    }
}

impl Volume {
    /// Commits, and keeps every extent of that commit's root as it is at the return, until the snapshot is dropped. What
    /// is deleted meanwhile stays pinned until then, and an overwrite of an extent of the snapshot moves.
    ///
    /// Blocks as [`Volume::commit`], and for the writes that are in flight. Deadlocks if the calling thread has a
    /// write open: finish it first.
    ///
    /// # Errors
    /// As [`Volume::commit`]; nothing is kept then.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// let snapshot = volume.snapshot()?;
    /// volume.delete(extent)?;
    /// volume.commit()?;
    /// assert_eq!(volume.commit_root().len(), 0);
    /// assert_eq!(snapshot.len(), 1); // and its bytes can be read
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self) -> Result<Snapshot<'_>, CommitError> {
        let snapshot = self.transactions.snapshot()?;
        // V8: an in-place write that has looked before the root was held has its ordered extent, and is waited for.
        for group in self.groups() {
            let _ = group.ordered.wait_range(group.block_group.range());
        }
        Ok(Snapshot(snapshot))
    }
}
