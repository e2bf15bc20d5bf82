//! The steps of the drain, as tokens. The table is in [the module above](super).
//!
//! # Rejected
//!
//! - *One method that does all steps*: an embedder could do nothing in between (show progress, look at a
//!   cancel token), and a model could not leave one out.
//! - *One method a step on one type*: their order would be a rule of the documentation.
//! - *Committing only where something was waited for*, as the patch of 2016 did: a write that finished just before step 3 left a delayed ref and nothing to wait for
//!   (`replace/commit-only-after-waiting`).
//! - *Holding a transaction handle across the drain*: the commit of step 4 waits for all handles.

use crate::block_group::{ReadOnly, SharedBlockGroup};
use crate::device::Device;
use crate::event::{Event, emit};
use crate::extent_tree::CommitRoot;
use crate::ordered_extent::{OrderedExtents, Waited};
use crate::transaction::{CommitError, CommitSteps, Transactions};
use crate::units::LogicalRange;

use super::copy::{CancelToken, CopyError, CopyFigures, copy_extents};
use super::cursor::Cursor;

/// What the drain needs of the embedder's metadata: a commit, and the extents of the commit root.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::{Arc, Mutex};
///
/// use blockgate::{BlockGroup, BlockGroupId, Frozen, LogicalRange, Metadata, OrderedExtents};
///
/// /// An index of one's own. A root is a copy that no later commit changes.
/// #[derive(Default)]
/// struct Index {
///     pending: Mutex<Vec<LogicalRange>>,
///     committed: Mutex<Arc<Vec<LogicalRange>>>,
/// }
///
/// impl Metadata for Index {
///     type Root = Arc<Vec<LogicalRange>>;
///     type Error = Infallible;
///
///     fn commit(&self) -> Result<Self::Root, Infallible> {
///         let mut committed = self.committed.lock().unwrap();
///         let mut extents = committed.to_vec();
///         extents.append(&mut self.pending.lock().unwrap());
///         extents.sort_unstable(); // by address
///         *committed = Arc::new(extents);
///         Ok(Arc::clone(&committed))
///     }
///
///     fn extents_in(root: &Self::Root, range: LogicalRange) -> impl Iterator<Item = LogicalRange> {
///         root.iter().copied().filter(move |extent| extent.overlaps(&range))
///     }
/// }
///
/// let (index, in_flight) = (Index::default(), OrderedExtents::default());
/// let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// let extent = group.reserve(4096)?.hand_over();
/// index.pending.lock().unwrap().push(extent);
///
/// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&index)?;
/// assert_eq!(committed.extents().collect::<Vec<_>>(), [extent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Metadata {
    /// A snapshot of the metadata as of a commit.
    type Root;
    /// Why a commit failed.
    type Error;

    /// Commits, and returns the commit root. What was queued before the call must be in it, whether or
    /// not there seems to be anything to do. So a commit that is at work when the call begins must not serve
    /// it: it may have taken its changes before the last of these were queued. Calls that come together may
    /// share a commit that begins after them.
    ///
    /// # Errors
    /// Whatever makes a commit fail; the drain is then undone.
    fn commit(&self) -> Result<Self::Root, Self::Error>;

    /// The extents of `root` that have an address in `range`, in the order of their addresses.
    fn extents_in(root: &Self::Root, range: LogicalRange) -> impl Iterator<Item = LogicalRange>;
}

impl<S: CommitSteps> Metadata for Transactions<S> {
    type Root = CommitRoot;
    type Error = CommitError;

    fn commit(&self) -> Result<CommitRoot, CommitError> {
        Transactions::commit(self)
    }

    fn extents_in(root: &CommitRoot, range: LogicalRange) -> impl Iterator<Item = LogicalRange> {
        root.extents_in(range)
    }
}

/// What the replace of one group waited for and copied.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::{CancelToken, Cursor, Frozen, MemoryDevice, OrderedExtents, Transactions};
///
/// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
/// # let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
/// # let (mut cursor, _) = Cursor::new();
/// let summary = Frozen::freeze(&group)
///     .wait_writers()
///     .wait_ordered(&in_flight)
///     .commit(&transactions)?
///     .copy(&source, &target, &CancelToken::default())?
///     .advance(&mut cursor)
///     .set_read_write();
/// if summary.ordered.failed > 0 {
///     println!("{} of the writes in flight failed: copied bytes may be theirs", summary.ordered.failed);
/// }
/// assert!(!summary.waited_reservations); // nobody was writing
/// assert_eq!(summary.copied.bytes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// There was a reservation when the group was set read-only.
    pub waited_reservations: bool,
    /// There was a NOCOW writer when the group was set read-only.
    pub waited_nocow_writers: bool,
    /// Ordered extents that were waited for, and how many of them failed.
    pub ordered: Waited,
    /// What was copied.
    pub copied: CopyFigures,
    /// What the source could not read, where that is [skipped](crate::DeviceReplace::skip_unreadable): the target has
    /// zeroes there.
    pub unreadable: Vec<LogicalRange>,
}

/// After step 1: the group is read-only.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::{Frozen, ReserveError};
///
/// let frozen = Frozen::freeze(&group);
/// assert!(matches!(group.reserve(4096), Err(ReserveError::ReadOnly(_))));
/// assert!(group.begin_nocow().is_err());
/// drop(frozen); // given up: the group is as it was
/// assert!(group.reserve(4096).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write"]
pub struct Frozen<'group> {
    read_only: ReadOnly<'group>,
}

impl<'group> Frozen<'group> {
    /// Step 1: sets `group` read-only. Does not block.
    ///
    /// After it no reservation and no NOCOW writer is admitted; those admitted before are still there. The
    /// group stays read-only until this token, or the one that the last step returned for it, is dropped; and
    /// beyond that while another task holds a level.
    ///
    /// Acquire: what a writer did happens-before the return, if the freeze found it gone.
    ///
    /// Source: `btrfs_inc_block_group_ro`.
    ///
    /// # Panics
    /// With 4096 levels of read-only at once: tokens were leaked.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::Frozen;
    ///
    /// let (replace, scrub) = (Frozen::freeze(&group), Frozen::freeze(&group));
    /// drop(scrub);
    /// assert!(group.reserve(4096).is_err()); // levels are counted: the replace still has its own
    /// drop(replace);
    /// assert!(group.reserve(4096).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn freeze(group: &'group SharedBlockGroup) -> Self {
        Self { read_only: group.set_read_only() }
    }

    /// The level of read-only that this is.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::Frozen;
    ///
    /// let frozen = Frozen::freeze(&group);
    /// assert_eq!(frozen.read_only().level(), 1);
    /// assert_eq!(frozen.read_only().group().range(), group.range());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_only(&self) -> &ReadOnly<'group> {
        &self.read_only
    }

    /// Step 2: blocks until the reservations and the NOCOW writers that were admitted before have ended.
    ///
    /// After it every write that was admitted is an ordered extent, or over.
    ///
    /// Deadlocks if the calling thread holds one of them.
    ///
    /// Acquire: what a writer did before its admission ended happens-before the return.
    ///
    /// Source: `btrfs_wait_block_group_reservations`, `btrfs_wait_nocow_writers`.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{Frozen, OrderedExtents};
    ///
    /// let in_flight = OrderedExtents::default();
    /// let reservation = group.reserve(4096)?; // admitted before the freeze
    /// let frozen = Frozen::freeze(&group);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let write = in_flight.add(reservation.extent());
    ///         reservation.hand_over(); // step 2 waits for this,
    ///         write.finish(); // and not for this, which is for step 3
    ///     });
    ///     let settled = frozen.wait_writers().wait_ordered(&in_flight);
    ///     assert_eq!(in_flight.in_flight(), 0);
    ///     drop(settled);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_writers(self) -> Quiet<'group> {
        // Both gates were closed by `freeze`: which one is waited for first does not matter.
        let summary = Summary {
            waited_reservations: self.read_only.wait_reservations(),
            waited_nocow_writers: self.read_only.wait_nocow_writers(),
            ..Summary::default()
        };
        Quiet { read_only: self.read_only, summary }
    }
}

/// After step 2: no reservation and no NOCOW writer of the group exists.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::{Frozen, OrderedExtents};
///
/// let in_flight = OrderedExtents::default();
/// let reservation = group.reserve(4096)?;
/// let write = in_flight.add(reservation.extent());
/// reservation.hand_over();
/// let quiet = Frozen::freeze(&group).wait_writers(); // nobody has a reservation: does not block,
/// assert_eq!(in_flight.in_flight(), 1);              // and this write is for step 3
/// write.finish();
/// let settled = quiet.wait_ordered(&in_flight);
/// # drop(settled);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write"]
pub struct Quiet<'group> {
    read_only: ReadOnly<'group>,
    summary: Summary,
}

impl<'group> Quiet<'group> {
    /// Step 3: blocks until the group's writes in flight have finished or failed. `ordered` must be the
    /// tracker that the group's writers use.
    ///
    /// After it the delayed refs of all writes that were admitted are queued.
    ///
    /// Deadlocks if the calling thread holds one of their handles. A write that failed is no error here:
    /// [`Summary::ordered`] counts it.
    ///
    /// Acquire: what a writer did before its ordered extent ended happens-before the return.
    ///
    /// Source: `btrfs_wait_ordered_roots`.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{Frozen, OrderedExtents};
    ///
    /// let in_flight = OrderedExtents::default();
    /// let reservation = group.reserve(4096)?;
    /// let write = in_flight.add(reservation.extent());
    /// reservation.hand_over();
    /// let quiet = Frozen::freeze(&group).wait_writers();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| write.finish()); // the I/O completes
    ///     let settled = quiet.wait_ordered(&in_flight); // returns when it has
    ///     assert_eq!(in_flight.in_flight(), 0);
    ///     drop(settled);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_ordered(mut self, ordered: &OrderedExtents) -> Settled<'group> {
        self.summary.ordered = ordered.wait_range(self.read_only.group().range());
        Settled { read_only: self.read_only, summary: self.summary }
    }
}

/// After step 3: no write of the group is in flight.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::{DelayedRef, Frozen, OrderedExtents, Transactions};
///
/// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
/// let reservation = group.reserve(4096)?;
/// let write = in_flight.add(reservation.extent());
/// let extent = reservation.hand_over();
/// transactions.join()?.push(DelayedRef::add(extent));
/// write.finish();
/// let settled = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight);
/// // The write is over, and yet no root lists it: that is why step 4 commits.
/// assert!(transactions.commit_root().is_empty());
/// assert_eq!(settled.commit(&transactions)?.extents().collect::<Vec<_>>(), [extent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write"]
pub struct Settled<'group> {
    read_only: ReadOnly<'group>,
    summary: Summary,
}

impl<'group> Settled<'group> {
    /// Step 4: commits, always, and blocks until that commit is complete. Also where nothing was waited
    /// for: a write that finished just before step 3 has left its delayed ref, and nothing else.
    ///
    /// Deadlocks if the calling thread holds a transaction handle: the commit waits for it.
    ///
    /// Source: `btrfs_commit_transaction`, and commit f0e9b7d64019 of Linux for its place here.
    ///
    /// # Errors
    /// That of the commit. The group is read-write then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{DelayedRef, Frozen, OrderedExtents, Transactions};
    ///
    /// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// // A reference that was never added is dropped: the commit fails.
    /// transactions.join()?.push(DelayedRef::drop(group.range()));
    /// let settled = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight);
    /// if let Err(error) = settled.commit(&transactions) {
    ///     eprintln!("{error}");
    ///     assert!(error.ref_error().is_some());
    /// }
    /// assert_eq!(group.read_only_levels(), 0); // writers are admitted again
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit<M: Metadata>(self, metadata: &M) -> Result<Committed<'group, M>, M::Error> {
        // On an error `self` is dropped: the group is read-write again.
        let root = metadata.commit()?;
        Ok(Committed { read_only: self.read_only, summary: self.summary, root })
    }
}

/// After step 4: every extent of the group is in the commit root, and none will change.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::replace::Committed;
/// use blockgate::{Frozen, Metadata, OrderedExtents, Transactions};
///
/// /// How many bytes a copy would move: a dry run, which drops the token instead of copying.
/// fn bytes_to_copy<M: Metadata>(committed: Committed<'_, M>) -> u64 {
///     committed.extents().map(|extent| extent.len()).sum()
/// }
///
/// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
/// let settled = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight);
/// assert_eq!(bytes_to_copy(settled.commit(&transactions)?), 0);
/// assert_eq!(group.read_only_levels(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this makes the group read-write"]
pub struct Committed<'group, M: Metadata> {
    read_only: ReadOnly<'group>,
    summary: Summary,
    root: M::Root,
}

impl<'group, M: Metadata> Committed<'group, M> {
    /// The extents that step 5 will copy.
    ///
    /// Those that have an address in the group, in the order of their addresses; one that reaches beyond the
    /// group is listed whole, and copied as far as it lies inside.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{DelayedRef, Frozen, OrderedExtents, Transactions};
    ///
    /// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// let (first, second) = (group.reserve(4096)?.hand_over(), group.reserve(8192)?.hand_over());
    /// transactions.join()?.push_all(&[DelayedRef::add(second), DelayedRef::add(first)]);
    /// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
    /// assert_eq!(committed.extents().collect::<Vec<_>>(), [first, second]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extents(&self) -> impl Iterator<Item = LogicalRange> {
        M::extents_in(&self.root, self.read_only.group().range())
    }

    /// Step 5: copies every extent of the group to the target, and flushes it. Blocks for the devices.
    ///
    /// # Errors
    /// [`CopyError`]. The group is read-write then, and may be replaced again from step 1.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::replace::Side;
    /// # use blockgate::{DelayedRef, OrderedExtents, Transactions};
    /// use blockgate::{CancelToken, CopyError, Frozen, MemoryDevice};
    ///
    /// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// transactions.join()?.push(DelayedRef::add(group.reserve(8192)?.hand_over()));
    /// let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(4096)); // too small
    /// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
    /// match committed.copy(&source, &target, &CancelToken::default()) {
    ///     Err(CopyError::Device { side: Side::Target, address, .. }) => {
    ///         println!("replace by another device: this one fails at {address}");
    ///     }
    ///     _ => unreachable!("8192 bytes do not fit into 4096"),
    /// }
    /// assert_eq!(group.read_only_levels(), 0); // undone
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn copy(
        mut self,
        source: &dyn Device,
        target: &dyn Device,
        cancel: &CancelToken,
    ) -> Result<Copied<'group>, CopyError> {
        let range = self.read_only.group().range();
        self.summary.copied = copy_extents(source, target, range, self.extents(), cancel)?;
        // After the flush: what is reported as copied survives a crash of the target.
        let (group, extents) = (self.read_only.group().id(), self.summary.copied.extents);
        emit(|| Event::FinishCopy { group, extents });
        Ok(Copied { read_only: self.read_only, summary: self.summary })
    }
}

/// After step 5: the group is on the target.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::{CancelToken, Cursor, Frozen, MemoryDevice, OrderedExtents, Transactions};
///
/// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
/// # let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
/// let (mut cursor, reader) = Cursor::new();
/// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
/// let copied = committed.copy(&source, &target, &CancelToken::default())?;
/// // The group is still read-only, and the cursor before it: no writer sees the one without the other.
/// assert_eq!((group.read_only_levels(), reader.address()), (1, 0));
/// copied.advance(&mut cursor).set_read_write();
/// assert_eq!((group.read_only_levels(), reader.address()), (0, 1 << 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write, and what is written to it is missing on the target"]
pub struct Copied<'group> {
    read_only: ReadOnly<'group>,
    summary: Summary,
}

impl<'group> Copied<'group> {
    /// Step 6: moves the cursor past the group. From here on, writes to it go to both devices. A cursor
    /// that is past it already (where all writes are cloned) stays.
    ///
    /// Groups are to be replaced in the order of their addresses: what lies between the cursor and the
    /// group counts as copied.
    ///
    /// Does not block. The group stays read-only, so no write looks at the cursor here until step 7.
    ///
    /// Release: the copy happens-before what a writer does that sees the cursor past the group.
    ///
    /// Source: `dev_replace.cursor_left`, set by `scrub_enumerate_chunks`.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{CancelToken, Cursor, Frozen, MemoryDevice, OrderedExtents, Transactions};
    ///
    /// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// # let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
    /// let (mut cursor, reader) = Cursor::new();
    /// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
    /// let passed = committed.copy(&source, &target, &CancelToken::default())?.advance(&mut cursor);
    /// assert_eq!(reader.address(), group.range().end());
    /// passed.set_read_write();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(self, cursor: &mut Cursor) -> Passed<'group> {
        let end = self.read_only.group().range().end();
        // Under `CloneAlways` it is at the end from the start.
        if cursor.address() < end {
            cursor.advance(end);
        }
        Passed { read_only: self.read_only, summary: self.summary }
    }
}

/// After step 6: the cursor is past the group.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::replace::{Passed, Summary};
/// # use blockgate::{CancelToken, Cursor, Frozen, MemoryDevice, OrderedExtents, Transactions};
///
/// /// The group is on the target: time to say so, while no writer is in the way.
/// fn finish(passed: Passed<'_>, log: &mut Vec<Summary>) {
///     log.push(passed.set_read_write());
/// }
///
/// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
/// # let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
/// # let (mut cursor, _) = Cursor::new();
/// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
/// let copied = committed.copy(&source, &target, &CancelToken::default())?;
/// let mut log = Vec::new();
/// finish(copied.advance(&mut cursor), &mut log);
/// assert_eq!((log.len(), group.read_only_levels()), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write, as step 7 does, and loses the summary"]
pub struct Passed<'group> {
    read_only: ReadOnly<'group>,
    summary: Summary,
}

impl Passed<'_> {
    /// Step 7: ends this level of read-only.
    ///
    /// The group is read-write unless another task holds a level. Writers that are admitted from here on see
    /// the cursor past the group, and write to both devices. Does not block.
    ///
    /// Release: the steps before happen-before what a writer does that is admitted afterwards.
    ///
    /// Source: `btrfs_dec_block_group_ro`.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{CancelToken, Cursor, Frozen, MemoryDevice, OrderedExtents, Transactions};
    ///
    /// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// # let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
    /// let (mut cursor, reader) = Cursor::new();
    /// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
    /// let passed = committed.copy(&source, &target, &CancelToken::default())?.advance(&mut cursor);
    /// let summary = passed.set_read_write();
    /// let reservation = group.reserve(4096)?; // admitted again,
    /// assert!(reservation.extent().start() < reader.address()); // and written to both devices
    /// # assert_eq!(summary.copied.extents, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn set_read_write(self) -> Summary {
        drop(self.read_only);
        self.summary
    }
}
