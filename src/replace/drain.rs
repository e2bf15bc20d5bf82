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
use crate::transaction::{CommitError, Transactions};
use crate::units::LogicalRange;

use super::copy::{CancelToken, CopyError, CopyFigures, copy_extents};
use super::cursor::Cursor;

/// What the drain needs of the embedder's metadata: a commit, and the extents of the commit root.
pub trait Metadata {
    /// A snapshot of the metadata as of a commit.
    type Root;
    /// Why a commit failed.
    type Error;

    /// Commits, and returns the commit root. What was queued before the call must be in it, whether or
    /// not there seems to be anything to do.
    ///
    /// # Errors
    /// Whatever makes a commit fail; the drain is then undone.
    fn commit(&self) -> Result<Self::Root, Self::Error>;

    /// The extents of `root` that have an address in `range`, in the order of their addresses.
    fn extents_in(root: &Self::Root, range: LogicalRange) -> impl Iterator<Item = LogicalRange>;
}

impl Metadata for Transactions {
    type Root = CommitRoot;
    type Error = CommitError;

    fn commit(&self) -> Result<CommitRoot, CommitError> {
        Transactions::commit(self).map(|committed| committed.root)
    }

    fn extents_in(root: &CommitRoot, range: LogicalRange) -> impl Iterator<Item = LogicalRange> {
        root.extents_in(range)
    }
}

/// What the replace of one group waited for and copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// There was a reservation when the group was set read-only.
    pub waited_reservations: bool,
    /// There was a NOCOW writer when the group was set read-only.
    pub waited_nocow_writers: bool,
    /// Ordered extents that were waited for, and how many of them failed.
    pub ordered: Waited,
    /// What was copied.
    pub copied: CopyFigures,
}

/// After step 1: the group is read-only.
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write"]
pub struct Frozen<'group> {
    read_only: ReadOnly<'group>,
}

impl<'group> Frozen<'group> {
    /// Step 1: sets `group` read-only. Does not block.
    #[track_caller]
    pub fn freeze(group: &'group SharedBlockGroup) -> Self {
        Self { read_only: group.set_read_only() }
    }

    /// The level of read-only that this is.
    pub fn read_only(&self) -> &ReadOnly<'group> {
        &self.read_only
    }

    /// Step 2: blocks until the reservations and the NOCOW writers that were admitted before have ended.
    ///
    /// After it every write that was admitted is an ordered extent, or over.
    pub fn wait_writers(self) -> Quiet<'group> {
        let summary = Summary {
            waited_reservations: self.read_only.wait_reservations(),
            waited_nocow_writers: self.read_only.wait_nocow_writers(),
            ..Summary::default()
        };
        Quiet { read_only: self.read_only, summary }
    }
}

/// After step 2: no reservation and no NOCOW writer of the group exists.
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
    pub fn wait_ordered(mut self, ordered: &OrderedExtents) -> Settled<'group> {
        self.summary.ordered = ordered.wait_range(self.read_only.group().range());
        Settled { read_only: self.read_only, summary: self.summary }
    }
}

/// After step 3: no write of the group is in flight.
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
    /// # Errors
    /// That of the commit. The group is read-write then.
    pub fn commit<M: Metadata>(self, metadata: &M) -> Result<Committed<'group, M>, M::Error> {
        let root = metadata.commit()?;
        Ok(Committed { read_only: self.read_only, summary: self.summary, root })
    }
}

/// After step 4: every extent of the group is in the commit root, and none will change.
#[must_use = "dropping this makes the group read-write"]
pub struct Committed<'group, M: Metadata> {
    read_only: ReadOnly<'group>,
    summary: Summary,
    root: M::Root,
}

impl<'group, M: Metadata> Committed<'group, M> {
    /// The extents that step 5 will copy.
    pub fn extents(&self) -> impl Iterator<Item = LogicalRange> {
        M::extents_in(&self.root, self.read_only.group().range())
    }

    /// Step 5: copies every extent of the group to the target, and flushes it. Blocks for the devices.
    ///
    /// # Errors
    /// [`CopyError`]. The group is read-write then, and may be replaced again from step 1.
    pub fn copy(
        mut self,
        source: &dyn Device,
        target: &dyn Device,
        cancel: &CancelToken,
    ) -> Result<Copied<'group>, CopyError> {
        let range = self.read_only.group().range();
        self.summary.copied = copy_extents(source, target, range, self.extents(), cancel)?;
        let (group, extents) = (self.read_only.group().id(), self.summary.copied.extents);
        emit(|| Event::FinishCopy { group, extents });
        Ok(Copied { read_only: self.read_only, summary: self.summary })
    }
}

/// After step 5: the group is on the target.
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
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write, as step 7 does, and loses the summary"]
pub struct Passed<'group> {
    read_only: ReadOnly<'group>,
    summary: Summary,
}

impl Passed<'_> {
    /// Step 7: ends this level of read-only.
    #[track_caller]
    pub fn set_read_write(self) -> Summary {
        drop(self.read_only);
        self.summary
    }
}
