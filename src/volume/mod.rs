//! Block groups, transactions and devices, wired together: what most embedders start from.
//!
//! The hard part is in the layers below. This one keeps their rule, that a write always holds a token:
//! [`CowWrite`] and [`NocowWrite`] hold it, so that any way out, an error or a panic, ends it properly.
//!
//! # Invariants
//!
//! - V1: who holds a reservation or a NOCOW writer adds the ordered extent before letting go of it.
//! - V2: the cursor is read for each I/O, while its ordered extent exists.
//! - V3: a COW write's delayed ref is queued before its ordered extent is finished.
//! - V4: bytes are booked by the commit that changed their extent item, and pinned ones freed after it.
//!
//! Checked by `loom-tests/src/models/replace.rs`,
//! argued in [`docs/protocol.md`](crate::proof::protocol).

mod builder;
mod device_replace;
mod error;
mod storage;
mod write;

pub use builder::VolumeBuilder;
pub use device_replace::{DeviceReplace, Policy};
pub use error::{BuildError, ReplaceError, VolumeDefect, WriteError};
pub use storage::Storage;
pub use write::{CowWrite, NocowWrite, Overwrite};

use std::fmt;
use std::io;

use device_replace::Replacement;

use crate::block_group::BlockGroup;
use crate::delayed_ref::DelayedRef;
use crate::device::Device;
use crate::extent_tree::{CommitRoot, ExtentItem};
use crate::ordered_extent::OrderedExtents;
use crate::replace::{CursorReader, Metadata};
use crate::sync::{Arc, Mutex};
use crate::transaction::{CommitError, TransactionHandle, Transactions};
use crate::units::{LogicalAddress, LogicalRange, TransactionId};

/// A volume: writers write, one task commits now and then, one may replace the device meanwhile.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// All methods may be called from many threads at once. Extents are the embedder's to keep track of;
/// who overwrites or deletes one makes sure that nobody else does so at the same time.
///
/// ```
/// use std::sync::Arc;
///
/// use blockgate::{Device, LogicalRange, MemoryDevice, Policy, Volume};
///
/// let source = Arc::new(MemoryDevice::new(1 << 20));
/// let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(source)?;
/// let extent = volume.write(&[7; 4096])?;
///
/// let target = Arc::new(MemoryDevice::new(1 << 20));
/// let mut replace = volume.start_replace(target.clone(), Policy::CopyThenClone)?;
/// replace.run()?;
/// replace.finish()?;
///
/// let mut copy = [0; 4096];
/// target.read_at(extent.start(), &mut copy)?;
/// assert_eq!(copy, [7; 4096]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Volume {
    transactions: Transactions<Storage>,
    cursor: CursorReader,
    replacement: Mutex<Replacement>,
}

/// A block group and the writes in flight in it.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
#[derive(Debug)]
pub struct VolumeGroup {
    block_group: BlockGroup,
    ordered: OrderedExtents,
}

impl VolumeGroup {
    /// The block group.
    #[must_use]
    pub fn block_group(&self) -> &BlockGroup {
        &self.block_group
    }

    /// The writes in flight in it.
    #[must_use]
    pub fn ordered_extents(&self) -> &OrderedExtents {
        &self.ordered
    }
}

impl Volume {
    /// A volume that allocates multiples of `alignment` bytes.
    #[must_use]
    pub fn builder(alignment: u64) -> VolumeBuilder {
        VolumeBuilder::new(alignment)
    }

    /// The groups, in the order of their addresses.
    #[must_use]
    #[inline]
    pub fn groups(&self) -> &[VolumeGroup] {
        &self.storage().groups
    }

    /// The transactions, to join them. A commit of theirs is one of the volume's.
    #[must_use]
    pub fn transactions(&self) -> &Transactions<Storage> {
        &self.transactions
    }

    #[inline]
    fn storage(&self) -> &Storage {
        self.transactions.steps()
    }

    /// The device that is read from.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn Device> {
        &self.storage().source
    }

    /// Fills `buffer` with the bytes at `start`. Blocks for the device.
    ///
    /// # Errors
    /// That of the device.
    pub fn read(&self, start: LogicalAddress, buffer: &mut [u8]) -> io::Result<()> {
        self.source().read_at(start, buffer)
    }

    /// Drops one reference to `extent`. With the last, its item leaves the tree at the next commit, and
    /// its space is free after it. Blocks while a commit is at work.
    ///
    /// # Errors
    /// [`WriteError::Outside`] where no group contains it; [`WriteError::NotAnExtent`] where it is a part of
    /// one, or of several; [`WriteError::Commit`] once a commit failed. (An extent that does not exist at
    /// all makes the next commit fail: it might have been queued a moment ago.)
    pub fn delete(&self, extent: LogicalRange) -> Result<TransactionId, WriteError> {
        self.check_extent(extent)?;
        self.change_references(|handle| handle.push(DelayedRef::drop(extent)))
    }

    /// Adds one reference to `extent`: a clone of what it belongs to.
    ///
    /// # Errors
    /// As [`Volume::delete`].
    pub fn add_reference(&self, extent: LogicalRange) -> Result<TransactionId, WriteError> {
        self.check_extent(extent)?;
        self.change_references(|handle| handle.push(DelayedRef::add(extent)))
    }

    fn change_references(
        &self,
        push: impl FnOnce(&mut TransactionHandle<'_>),
    ) -> Result<TransactionId, WriteError> {
        let mut handle = self.transactions.join()?;
        push(&mut handle);
        Ok(handle.end())
    }

    /// Commits: flushes the devices, runs [`VolumeBuilder::persist`]'s step, books the space, switches the
    /// commit root, and frees what was pinned. So what the new commit root lists is durable, as is every
    /// in-place write that was finished before the call; and what this commit and every earlier one freed may
    /// be allocated. Other threads write meanwhile. As [`Transactions::commit`] in all else: calls that come
    /// together share one commit.
    ///
    /// # Errors
    /// [`CommitError`]: that of the device or of the step, or of references or space that do not fit.
    pub fn commit(&self) -> Result<CommitRoot, CommitError> {
        self.transactions.commit()
    }

    /// Checks all that must hold when nobody is using the volume: no leaked token, figures that add up
    /// and fit the extent tree.
    ///
    /// # Errors
    /// The first [`VolumeDefect`].
    pub fn check(&mut self) -> Result<(), VolumeDefect> {
        let handles = self.transactions.leaked();
        if handles != 0 {
            return Err(VolumeDefect::Handles(handles));
        }
        let (root, _) = self.transactions.pending();
        for group in &mut self.transactions.steps_mut().groups {
            let figures = group.block_group.check()?;
            let in_flight = group.ordered.leaked();
            if in_flight != 0 {
                return Err(VolumeDefect::OrderedExtents(group.block_group.id(), in_flight));
            }
            let listed = root.extents_in(group.block_group.range()).map(|extent| extent.len()).sum();
            if figures.used != listed {
                return Err(VolumeDefect::Used { group: group.block_group.id(), used: figures.used, listed });
            }
        }
        Ok(())
    }

    /// The commit root and the references that the next commit would change, where exclusive access
    /// proves that nobody else is using the volume.
    pub fn pending(&mut self) -> (CommitRoot, crate::delayed_ref::DrainedRefs) {
        self.transactions.pending()
    }

    /// What the commit root knows of `extent`, if that is one extent of it, or none.
    fn check_extent(&self, extent: LogicalRange) -> Result<Option<ExtentItem>, WriteError> {
        self.storage().group_of(extent)?;
        let root = self.transactions.commit_root();
        match root.extents_in(extent).next() {
            Some(found) if found != extent => Err(WriteError::NotAnExtent { extent, found }),
            _ => Ok(root.get(extent.start())),
        }
    }
}

impl fmt::Debug for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volume").field("groups", &self.groups().len()).finish_non_exhaustive()
    }
}

impl Metadata for Volume {
    type Root = CommitRoot;
    type Error = CommitError;

    fn commit(&self) -> Result<CommitRoot, CommitError> {
        Volume::commit(self)
    }

    fn extents_in(root: &CommitRoot, range: LogicalRange) -> impl Iterator<Item = LogicalRange> {
        root.extents_in(range)
    }
}
