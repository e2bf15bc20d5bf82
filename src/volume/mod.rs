//! Block groups, transactions and devices, wired together: what most embedders start from.
//!
//! The hard part is in the layers below. This one keeps their rule, that a write always holds a token:
//! [`CowWrite`] and [`NocowWrite`] hold it, so that any way out, an error or a panic, ends it properly.
//!
//! # Invariants
//!
//! - V1: a write that holds a reservation or a NOCOW admission adds the ordered extent before it lets go.
//! - V2: the cursor is read for each I/O, while its ordered extent exists.
//! - V3: a COW write's delayed ref is queued before its ordered extent is finished.
//! - V4: bytes are booked by the commit that changed their extent item, and pinned ones freed after it.
//! - V5: an in-place write looks whether its extent is exclusive after its ordered extent was added.
//! - V6: a clone queues its reference, and then waits for the extent's ordered extents.
//! - V7: no reference is changed unchecked, but for the first of a new extent, which its write adds.
//! - V8: an in-place write that looked before a snapshot was held is waited for by the call that took the snapshot.
//!
//! V9 and V10, of the target, are in `target.rs`; V11, of a replace's life, is in
//! `device_replace.rs`; V12 is in `write_all.rs`.
//!
//! Checked by `loom-tests/src/models/replace.rs` and `loom-tests/src/models/clone.rs`,
//! argued in [`docs/protocol.md`](crate::proof::protocol).

mod builder;
mod device_replace;
mod error;
mod freeze;
mod snapshot;
mod storage;
mod target;
mod write;
mod write_all;

pub use builder::VolumeBuilder;
pub use device_replace::{DeviceReplace, Policy};
pub use error::{BuildError, ReplaceError, VolumeDefect, WhyInDoubt, WriteError};
pub use freeze::{CommittedVolume, FrozenVolume, QuietVolume, SettledVolume};
pub use snapshot::Snapshot;
pub use write::{CowWrite, NocowWrite, Overwrite};

use std::fmt;
use std::io;

use device_replace::Replacement;
use storage::Storage;

use crate::block_group::{BlockGroup, Figures, SharedBlockGroup};
use crate::delayed_ref::{DelayedRef, RefAction};
use crate::device::Device;
use crate::extent_tree::{Changes, CommitRoot};
use crate::ordered_extent::OrderedExtents;
use crate::reference_index::NewExtents;
use crate::replace::{CursorReader, Metadata};
use crate::sharded::Shards;
use crate::sync::{Arc, Mutex};
use crate::transaction::{CommitError, Transactions};
use crate::units::{LogicalAddress, LogicalRange, TransactionId};

/// A volume: threads write, one commits now and then, and one may replace the device at the same time.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// All methods may be called from many threads at once. The embedder keeps track of its extents, and makes
/// sure that no two threads overwrite or delete the same one at the same time.
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
    shards: Shards,
    /// The name under which each thread remembers what group served it.
    owner: usize,
}

/// A block group and the writes in flight in it.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// volume.write(&[7; 4096])?;
/// volume.commit()?;
/// for group in volume.groups() {
///     let figures = group.block_group().figures();
///     println!(
///         "{}: {} of {} bytes used, {} writes in flight",
///         group.block_group().id(),
///         figures.used,
///         figures.total(),
///         group.ordered_extents().in_flight()
///     );
///     assert_eq!(figures.used, 4096);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct VolumeGroup {
    block_group: BlockGroup,
    ordered: OrderedExtents,
}

impl VolumeGroup {
    /// The block group, without the right to book or release its space: that is the volume's.
    #[must_use]
    pub fn block_group(&self) -> &SharedBlockGroup {
        &self.block_group
    }

    /// The writes in flight in it.
    #[must_use]
    pub fn ordered_extents(&self) -> &OrderedExtents {
        &self.ordered
    }

    /// `owned`: what references own that are queued, of this group alone; none after a commit that failed, which has
    /// taken some of them, and pinned what it would have freed.
    fn check(&mut self, root: &CommitRoot, owned: Option<&[LogicalRange]>) -> Result<(), VolumeDefect> {
        let figures = self.block_group.check()?;
        let (group, range) = (self.block_group.id(), self.block_group.range());
        let in_flight = self.ordered.leaked();
        if in_flight != 0 {
            return Err(VolumeDefect::OrderedExtents(group, in_flight));
        }
        let listed = root.extents_in(range).map(|extent| extent.len()).sum();
        if figures.used != listed {
            return Err(VolumeDefect::Used { group, used: figures.used, listed });
        }
        if let Some(owned) = owned {
            self.check_owned(owned, figures)?;
        }
        self.check_not_free(root.extents_in(range))
    }

    /// Whether what is reserved is what `owned` has, none of that is free, and nothing is pinned.
    fn check_owned(
        &mut self,
        owned: &[LogicalRange],
        Figures { reserved, pinned, .. }: Figures,
    ) -> Result<(), VolumeDefect> {
        let group = self.block_group.id();
        if pinned != 0 {
            return Err(VolumeDefect::Pinned { group, pinned });
        }
        let bytes = owned.iter().map(LogicalRange::len).sum();
        if reserved != bytes {
            return Err(VolumeDefect::Reserved { group, reserved, owned: bytes });
        }
        self.check_not_free(owned.iter().copied())
    }

    fn check_not_free(
        &mut self,
        extents: impl IntoIterator<Item = LogicalRange>,
    ) -> Result<(), VolumeDefect> {
        let group = self.block_group.id();
        let free = extents.into_iter().find(|extent| self.block_group.is_free(*extent));
        free.map_or(Ok(()), |extent| Err(VolumeDefect::Free { group, extent }))
    }
}

impl Volume {
    /// A volume that allocates multiples of `alignment` bytes.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use blockgate::{LogicalRange, MemoryDevice, Volume};
    ///
    /// let builder = Volume::builder(16 << 10).group(LogicalRange::new(0, 1 << 20)?);
    /// let volume = builder.build(Arc::new(MemoryDevice::new(1 << 20)))?;
    /// assert_eq!(volume.write(&[7])?.len(), 16 << 10); // one byte takes a whole unit
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn builder(alignment: u64) -> VolumeBuilder {
        VolumeBuilder::new(alignment)
    }

    /// The groups, in the order of their addresses.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let group = &volume.groups()[0];
    /// let read_only = group.block_group().set_read_only(); // a scrub of one's own
    /// assert!(volume.write(&[1; 4096]).is_err()); // no other group is left
    /// drop(read_only);
    /// assert!(volume.write(&[1; 4096]).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn groups(&self) -> &[VolumeGroup] {
        &self.storage().groups
    }

    /// The commit root: the extents as of the last complete commit. Never blocks for a commit.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// assert!(volume.commit_root().is_empty()); // not committed
    /// volume.commit()?;
    /// assert_eq!(volume.commit_root().extents_in(extent).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit_root(&self) -> CommitRoot {
        self.transactions.commit_root()
    }

    #[inline]
    fn storage(&self) -> &Storage {
        self.transactions.steps()
    }

    /// The device that is read from.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// let mut bytes = [0; 4096];
    /// volume.source().read_at(extent.start(), &mut bytes)?;
    /// assert_eq!(bytes, [7; 4096]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn source(&self) -> &Arc<dyn Device> {
        &self.storage().source
    }

    /// Fills `buffer` with the bytes at `start`. Blocks for the device.
    ///
    /// # Errors
    /// That of the device.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(b"hello")?; // padded with zeroes to 4096 bytes
    /// let mut bytes = [0; 6];
    /// volume.read(extent.start(), &mut bytes)?;
    /// assert_eq!(&bytes, b"hello\0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&self, start: LogicalAddress, buffer: &mut [u8]) -> io::Result<()> {
        self.source().read_at(start, buffer)
    }

    /// Drops one reference to `extent`. With the last, its item leaves the tree at the next commit, and
    /// its space is free after it. Blocks while a commit
    /// closes the transaction that runs.
    ///
    /// Returns the transaction whose commit drops the reference.
    ///
    /// # Errors
    /// [`WriteError::Outside`] where no group contains it; [`WriteError::NotAnExtent`] where it is a part of
    /// one, or of several; [`WriteError::NoReference`] where there is none left to drop, or none yet;
    /// [`WriteError::Commit`] once a commit failed. Nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// volume.commit()?;
    /// let gone = volume.delete(extent)?;
    /// assert!(volume.delete(extent).is_err()); // a second time: refused, and no harm is done
    /// let root = volume.commit()?;
    /// assert!(root.transaction() >= gone && root.is_empty());
    /// assert_eq!(volume.groups()[0].block_group().figures().free, 1 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, extent: LogicalRange) -> Result<TransactionId, WriteError> {
        self.change_references(&[DelayedRef::drop(extent)])
    }

    /// Adds one reference to `extent`: a clone, which stays as the extent is at the return. Blocks for in-place
    /// writes to the extent that have begun, and while a commit is at work. An in-place write that begins
    /// meanwhile moves; writes to other extents are not held up.
    ///
    /// Deadlocks if the calling thread has an in-place write to `extent` open: [finish](NocowWrite::finish) it
    /// first.
    ///
    /// # Errors
    /// As [`Volume::delete`].
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// volume.add_reference(extent)?; // a snapshot
    /// volume.delete(extent)?; // of the original
    /// assert_eq!(volume.commit()?.get(extent.start()).map(|item| item.references), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_reference(&self, extent: LogicalRange) -> Result<TransactionId, WriteError> {
        self.change_references(&[DelayedRef::add(extent)])
    }

    /// Drops and adds references in one transaction: no commit has some of `changes` without the others. Each is
    /// checked as if those before it were done. Where the last reference to an extent is dropped, parts of it may
    /// be added after that: the extent is split.
    ///
    /// Blocks as [`Volume::add_reference`], for each extent that is added, and has its guarantee.
    ///
    /// # Errors
    /// As [`Volume::delete`], and [`WriteError::Unaligned`] for a part that is not a whole number of allocation
    /// units. None of `changes` is done then.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::DelayedRef;
    ///
    /// let (one, other) = (volume.write(&[1; 4096])?, volume.write(&[2; 8192])?);
    /// volume.commit()?;
    /// let kept = LogicalRange::new(other.start(), 4096)?; // of the other, the first half stays
    /// let changes = [DelayedRef::drop(one), DelayedRef::drop(other), DelayedRef::add(kept)];
    /// volume.change_references(&changes)?;
    /// let root = volume.commit()?;
    /// assert_eq!((root.len(), root.extents_in(kept).next()), (1, Some(kept)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn change_references(&self, changes: &[DelayedRef]) -> Result<TransactionId, WriteError> {
        changes.iter().try_for_each(|change| self.check_place(change))?;
        let mut handle = self.transactions.join()?;
        handle.change_with(changes, NewExtents::Parts)?;
        let transaction = handle.end();
        let added = changes.iter().filter(|change| change.action == RefAction::Add);
        for DelayedRef { extent, .. } in added {
            // V6: after the reference was queued, and without a handle, which a commit would wait for. A write that
            // failed is over, as any other.
            let _ = self.storage().group_of(*extent)?.ordered.wait_range(*extent);
        }
        Ok(transaction)
    }

    fn check_place(&self, DelayedRef { extent, action }: &DelayedRef) -> Result<(), WriteError> {
        let alignment = self.storage().group_of(*extent)?.block_group.alignment();
        if *action == RefAction::Add && !extent.is_aligned(alignment) {
            return Err(WriteError::Unaligned { extent: *extent, alignment });
        }
        Ok(())
    }

    /// Commits: flushes the source, runs [`VolumeBuilder::persist`]'s step, books the space, switches the
    /// commit root, and frees what was pinned. So what the new commit root lists is durable, as is every
    /// in-place write that was finished before the call; and what this commit and every earlier one freed may
    /// be allocated. Other threads write meanwhile. As [`Transactions::commit`] in all else: calls that come
    /// together share one commit.
    ///
    /// # Errors
    /// [`CommitError`]: that of the device or of the step, or of references or space that do not fit. From then on every
    /// call that would change something returns it (a [`Volume::begin_cow`] that finds room: its
    /// [`finish`](CowWrite::finish)), and threads that wait are woken with it; reading goes on. A volume is
    /// opened again by [`VolumeBuilder::last_root`], after this one is dropped.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// let root = volume.commit()?;
    /// assert_eq!(root.extents_in(extent).collect::<Vec<_>>(), [extent]); // a crash does not lose it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit(&self) -> Result<CommitRoot, CommitError> {
        self.transactions.commit()
    }

    /// Checks all that must hold while no thread is using the volume: no leaked token, figures that add up
    /// and fit the extent tree and the queued references, no free range over an extent.
    ///
    /// # Errors
    /// The first [`VolumeDefect`].
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let mut volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// volume.write(&[7; 4096])?;
    /// volume.check()?; // no token is leaked, and each byte is counted once
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&mut self) -> Result<(), VolumeDefect> {
        let handles = self.transactions.leaked();
        if handles != 0 {
            return Err(VolumeDefect::Handles(handles));
        }
        let snapshots = self.transactions.leaked_snapshots();
        if snapshots != 0 {
            return Err(VolumeDefect::Snapshots(snapshots));
        }
        let has_aborted = self.transactions.has_aborted();
        let (root, refs) = self.transactions.pending();
        let owned = if has_aborted {
            None
        } else {
            let queued = root.changes(&refs.fold()).map_err(VolumeDefect::References)?;
            Some(bytes_owned(&queued))
        };
        // Groups and extents are both in the order of their addresses.
        let mut left = owned.as_deref();
        for group in &mut self.transactions.steps_mut().groups {
            let own = left.map(|extents| within(extents, group.block_group.range()));
            left = own.map(|(_, behind)| behind);
            group.check(&root, own.map(|(extents, _)| extents))?;
        }
        Ok(())
    }

    /// The commit root and the references that the next commit would change, where exclusive access
    /// proves that no other thread is using the volume.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let mut volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 4096])?;
    /// let (root, refs) = volume.pending();
    /// assert!(root.is_empty()); // not committed
    /// let after = root.with(&refs.fold())?;
    /// assert_eq!(after.extents_in(extent).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pending(&mut self) -> (CommitRoot, crate::delayed_ref::DrainedRefs) {
        self.transactions.pending()
    }
}

/// Of the references that are queued, what they will use or free, in the order of addresses.
fn bytes_owned(queued: &Changes) -> Vec<LogicalRange> {
    let mut owned = [queued.bytes_inserted(), queued.bytes_cancelled()].concat();
    owned.sort_unstable();
    owned
}

/// The extents within `range`, and those behind it. None reaches over an end of it.
fn within(extents: &[LogicalRange], range: LogicalRange) -> (&[LogicalRange], &[LogicalRange]) {
    let extents = &extents[extents.partition_point(|extent| extent.start() < range.start())..];
    extents.split_at(extents.partition_point(|extent| extent.start() < range.end()))
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;
    use crate::extent_tree::RefError;
    use crate::units::BlockGroupId;

    const UNIT: u64 = 4096;

    fn volume() -> Volume {
        let range = LogicalRange::new(0, 4 * UNIT).expect("a range");
        let device = Arc::new(MemoryDevice::new(4 * 4096));
        Volume::builder(UNIT).shards(Shards::new(1)).group(range).build(device).expect("fits")
    }

    #[test]
    fn leaked_handles_are_found() {
        let mut volume = volume();
        std::mem::forget(volume.transactions.join());
        assert_eq!(volume.check(), Err(VolumeDefect::Handles(1)));
    }

    #[test]
    fn used_bytes_that_no_item_accounts_for_are_found() {
        let mut volume = volume();
        let extent = volume.write(&[1]).expect("space");
        volume.commit().expect("commits");
        let group = &volume.groups()[0].block_group;
        group.book_removed(extent).expect("used");
        let group = group.id();
        assert_eq!(volume.check(), Err(VolumeDefect::Used { group, used: 0, listed: UNIT }));
    }

    /// A volume with one extent that is queued, which owns its bytes; and twice as many that nobody owns.
    fn with_reserved_bytes() -> Volume {
        let mut volume = volume();
        volume.write(&[1]).expect("space");
        assert_eq!(volume.check(), Ok(()));
        volume.groups()[0].block_group.reserve(2 * UNIT).expect("space").hand_over();
        volume
    }

    #[test]
    fn reserved_bytes_without_an_owner_are_found() {
        let mut volume = with_reserved_bytes();
        let group = BlockGroupId(0);
        let defect = VolumeDefect::Reserved { group, reserved: 3 * UNIT, owned: UNIT };
        assert_eq!(volume.check(), Err(defect));
    }

    /// Of three full groups, each owned byte is counted for its own: by writes, and by one that came and went.
    #[test]
    fn reserved_bytes_are_looked_for_in_their_group() {
        for leaks_in in 0..3 {
            let groups = (0..3).map(|index| LogicalRange::new(index * 2 * UNIT, 2 * UNIT).expect("a range"));
            let builder = groups.fold(Volume::builder(UNIT).shards(Shards::new(1)), VolumeBuilder::group);
            let mut volume = builder.build(Arc::new(MemoryDevice::new(6 * 4096))).expect("fits");
            let extents: Vec<_> = (0..6).map(|_| volume.write(&[1]).expect("space")).collect();
            volume.delete(extents[3]).expect("queued");
            assert_eq!(volume.check(), Ok(()));
            let group = &volume.groups()[leaks_in].block_group;
            group.release(extents[2 * leaks_in]).expect("reserved");
            let defect = VolumeDefect::Reserved { group: group.id(), reserved: UNIT, owned: 2 * UNIT };
            assert_eq!(volume.check(), Err(defect));
        }
    }

    #[test]
    fn twin_the_sums_see_no_reserved_bytes_without_an_owner() {
        let mut volume = with_reserved_bytes();
        assert!(volume.transactions.steps_mut().groups[0].block_group.check().is_ok());
    }

    /// One extent given back instead of another: every sum is right.
    #[test]
    fn free_ranges_over_live_extents_are_found() {
        for commits in [false, true] {
            let (mut volume, extent) = with_a_free_extent(commits);
            assert_eq!(volume.check(), Err(VolumeDefect::Free { group: BlockGroupId(0), extent }));
        }
    }

    #[test]
    fn twin_the_sums_see_no_free_range_over_an_extent() {
        for commits in [false, true] {
            let (mut volume, _) = with_a_free_extent(commits);
            assert!(volume.transactions.steps_mut().groups[0].block_group.check().is_ok());
        }
    }

    fn with_a_free_extent(commits: bool) -> (Volume, LogicalRange) {
        let volume = volume();
        let extent = volume.write(&[1]).expect("space");
        volume.groups()[0].block_group.reserve(UNIT).expect("space").hand_over();
        if commits {
            volume.commit().expect("commits");
        }
        volume.groups()[0].block_group.release(extent).expect("as many bytes are reserved");
        (volume, extent)
    }

    /// A half of an extent is to be dropped, unchecked, as no user can.
    fn with_a_reference_that_does_not_fit() -> (Volume, RefError) {
        let volume = volume();
        let other = volume.write(&[1; 8192]).expect("space");
        volume.commit().expect("commits");
        let extent = LogicalRange::new(other.start(), UNIT).expect("a half");
        volume.transactions.join().expect("runs").push(DelayedRef::drop(extent));
        (volume, RefError::Overlaps { extent, other })
    }

    #[test]
    fn queued_references_that_do_not_fit_are_found() {
        let (mut volume, error) = with_a_reference_that_does_not_fit();
        assert_eq!(volume.check(), Err(VolumeDefect::References(error)));
    }

    #[test]
    fn twin_the_sums_see_no_reference_that_does_not_fit() {
        let (mut volume, _) = with_a_reference_that_does_not_fit();
        assert!(volume.transactions.steps_mut().groups[0].block_group.check().is_ok());
        assert!(volume.commit().is_err(), "and here is what they did not see");
    }

    /// Why no user may: each of these is one call of the owner's.
    #[test]
    fn space_that_is_booked_by_another_is_found_or_fails_the_commit() {
        let released = volume();
        let extent = released.write(&[1]).expect("space");
        released.groups()[0].block_group.release(extent).expect("reserved");
        assert!(released.commit().is_err(), "its bytes are not reserved any more");

        let mut booked = volume();
        let write = booked.begin_cow(UNIT).expect("space");
        booked.groups()[0].block_group.book_inserted(write.extent()).expect("reserved");
        std::mem::forget(write);
        assert!(booked.check().is_err());
    }
}
