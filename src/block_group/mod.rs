//! A contiguous range of logical addresses that is allocated from and copied as one.
//!
//! The hard part: a writer must not allocate from a group after it was set read-only, and the task that sets
//! it must be able to wait for every writer that did so before. Two [`Gate`](crate::Gate)s do both: one counts
//! reservations, one NOCOW writers, and a group is read-only while both are closed.
//!
//! # What owners and others may do
//!
//! | type | held by | may |
//! |---|---|---|
//! | [`SharedBlockGroup`] | writers, drains, users of a volume | reserve, write in place, set read-only, look at the figures |
//! | [`BlockGroup`] | the owner of the metadata | the same, and book, release and unpin space |
//!
//! Only the owner knows which extents have an item, so only the owner may say what a byte is used for. The
//! capability is the reference itself: code that has a `&BlockGroup` may book, and no method leads from a
//! [`SharedBlockGroup`], or from a guard of one, back to it. A [`Volume`](crate::Volume) keeps its groups to
//! itself and hands out the shared part.
//!
//! # Invariants
//!
//! - B1: a reservation is counted before its space is allocated, and until its ordered extent exists.
//! - B2: no reservation and no NOCOW writer is admitted while a [`ReadOnly`] lives.
//! - B3: free, reserved, used, pinned and read-only bytes add up to the group's length at every moment.
//! - B4: pinned bytes become free only by [`BlockGroup::unpin`], after the commit that removed them.
//!
//! Checked by `loom-tests/src/models/block_group.rs`,
//! argued in [`docs/block_group.md`](crate::proof::block_group).
//!
//! The kernel's are
//! `btrfs_inc_block_group_ro`, `btrfs_wait_block_group_reservations`, `btrfs_inc_nocow_writers` and
//! `btrfs_wait_nocow_writers`.

mod error;
mod figures;
mod free_space;
mod room;
mod shared;

use std::ops::Deref;

pub use error::{AlignmentError, GroupDefect, ReadOnlyError, ReserveError};
pub use figures::{Figures, SpaceError, SpaceKind};
pub(crate) use room::{Refusal, Room};
pub use shared::{NocowAdmission, ReadOnly, Reservation, SharedBlockGroup};

use crate::sharded::Shards;
use crate::sync::Arc;
use crate::units::{BlockGroupId, LogicalRange};

/// A block group, as its owner has it: with the right to say what its bytes are used for.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// It dereferences to [`SharedBlockGroup`], which has all that writers and drains need.
///
/// ```
/// use blockgate::{BlockGroup, BlockGroupId, LogicalRange, OrderedExtents, ReserveError};
///
/// let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// let in_flight = OrderedExtents::default();
///
/// let reservation = group.reserve(8192)?;
/// let write = in_flight.add(reservation.extent()); // take the next token first,
/// let extent = reservation.hand_over();            // then end this one
///
/// let read_only = group.set_read_only();
/// assert!(matches!(group.reserve(4096), Err(ReserveError::ReadOnly(_))));
/// read_only.wait_reservations(); // returns at once: the write is an ordered extent by now
/// # write.finish();
/// # assert_eq!(extent.len(), 8192);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlockGroup {
    shared: SharedBlockGroup,
}

/// What needs no ownership.
impl Deref for BlockGroup {
    type Target = SharedBlockGroup;

    #[inline]
    fn deref(&self) -> &SharedBlockGroup {
        &self.shared
    }
}

impl BlockGroup {
    /// An empty, read-write group over `range`, which allocates multiples of `alignment` bytes.
    ///
    /// # Errors
    /// [`AlignmentError`] where `alignment` is zero, or `range` not a whole number of its units.
    ///
    /// # Example
    /// ```
    /// use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    ///
    /// let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(1 << 30, 1 << 20)?, 4096)?;
    /// assert_eq!(group.figures().free, 1 << 20);
    /// assert!(BlockGroup::new(BlockGroupId(1), LogicalRange::new(0, 5000)?, 4096).is_err()); // half a unit
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(id: BlockGroupId, range: LogicalRange, alignment: u64) -> Result<Self, AlignmentError> {
        Self::with_shards(id, range, alignment, Shards::default())
    }

    /// The same, with a chosen number of shards.
    ///
    /// # Errors
    /// As [`BlockGroup::new`].
    ///
    /// # Example
    /// ```
    /// use blockgate::{BlockGroup, BlockGroupId, LogicalRange, Shards};
    ///
    /// let range = LogicalRange::new(0, 1 << 20)?;
    /// let group = BlockGroup::with_shards(BlockGroupId(0), range, 4096, Shards::new(1))?; // for one writer
    /// assert!(group.reserve(1 << 20).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "there is one")]
    pub fn with_shards(
        id: BlockGroupId,
        range: LogicalRange,
        alignment: u64,
        shards: Shards,
    ) -> Result<Self, AlignmentError> {
        let mut groups = Self::several(id, &[range], alignment, shards)?;
        Ok(groups.pop().expect("one"))
    }

    /// A group over each of `ranges`, numbered from `first`. As neighbours they take less memory than each alone.
    pub(crate) fn several(
        first: BlockGroupId,
        ranges: &[LogicalRange],
        alignment: u64,
        shards: Shards,
    ) -> Result<Vec<Self>, AlignmentError> {
        if let Some(range) = ranges.iter().find(|range| alignment == 0 || !range.is_aligned(alignment)) {
            return Err(AlignmentError { range: *range, alignment });
        }
        let groups = SharedBlockGroup::several(first, ranges, alignment, shards);
        Ok(groups.map(|shared| Self { shared }).collect())
    }

    /// The same group, which says in `room` when it may have some.
    pub(crate) fn counting_in(mut self, room: &Arc<Room>) -> Self {
        self.shared.room = Some(Arc::clone(room));
        self
    }

    /// Books extents that are there already, of an earlier run, as used: all of them or, on an error, none. They may be
    /// in any order. Exclusive access proves that nobody has been given their bytes meanwhile.
    ///
    /// Costs in proportion to the number of extents, where they are in the order of their addresses, and of free ranges.
    ///
    /// Source: `load_extent_tree_free`.
    ///
    /// # Errors
    /// [`SpaceError::Outside`], [`SpaceError::Unaligned`]; [`SpaceError::NotFree`] where two overlap.
    ///
    /// # Example
    /// ```
    /// use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    ///
    /// let stored = [LogicalRange::new(4096, 8192)?, LogicalRange::new(1 << 16, 4096)?]; // by the run before
    /// let mut group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// group.book_existing(stored)?;
    /// assert_eq!(group.figures().used, 12288);
    /// let extent = group.reserve(4096)?.hand_over();
    /// assert!(!stored.iter().any(|stored| stored.overlaps(&extent)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn book_existing(
        &mut self,
        extents: impl IntoIterator<Item = LogicalRange>,
    ) -> Result<(), SpaceError> {
        let mut extents: Vec<_> = extents.into_iter().collect();
        extents.sort_unstable();
        self.shared.space.book_existing(&extents)
    }

    /// Gives back an extent that was reserved and never got an extent item: its write failed.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not reserved; nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let extent = group.reserve(4096)?.hand_over();
    /// group.release(extent)?; // the write failed: no item will come
    /// assert_eq!(group.figures().free, 1 << 20);
    /// assert!(group.release(extent).is_err()); // once is enough
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.shared.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Free)
    }

    /// Books an extent whose item was inserted: reserved bytes become used ones.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not reserved; nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let extent = group.reserve(4096)?.hand_over();
    /// group.book_inserted(extent)?; // by the commit that inserts its item
    /// assert_eq!((group.figures().reserved, group.figures().used), (0, 4096));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn book_inserted(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.shared.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Used)
    }

    /// Books an extent whose item was removed: used bytes become pinned ones.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not used; nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let extent = group.reserve(4096)?.hand_over();
    /// group.book_inserted(extent)?;
    /// group.book_removed(extent)?; // by the commit that removes its item
    /// assert_eq!(group.figures().pinned, 4096); // not free: a crash would bring the item back
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn book_removed(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.shared.space.rebook(extent, SpaceKind::Used, SpaceKind::Pinned)
    }

    /// Books an extent that came and went between two commits: reserved bytes become pinned ones.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not reserved; nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let extent = group.reserve(4096)?.hand_over();
    /// group.book_cancelled(extent)?; // written and deleted between two commits
    /// assert_eq!((group.figures().reserved, group.figures().pinned), (0, 4096));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn book_cancelled(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.shared.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Pinned)
    }

    /// Makes a pinned extent free. To be called when the commit that removed it is complete.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not pinned; nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let extent = group.reserve(4096)?.hand_over();
    /// group.book_inserted(extent)?;
    /// group.book_removed(extent)?;
    /// group.unpin(extent)?; // after the commit is complete, not within it
    /// assert_eq!(group.figures().free, 1 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unpin(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.shared.space.rebook(extent, SpaceKind::Pinned, SpaceKind::Free)
    }

    /// Checks the invariants that must hold while no thread is using the group, and returns its figures.
    ///
    /// # Errors
    /// The first [`GroupDefect`].
    ///
    /// # Example
    /// ```
    /// use blockgate::block_group::GroupDefect;
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    ///
    /// # let mut group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// drop(group.reserve(4096)?);
    /// assert_eq!(group.check()?.free, 1 << 20);
    /// std::mem::forget(group.reserve(4096)?); // a leak: the next drain would wait without end
    /// assert_eq!(group.check(), Err(GroupDefect::Reservations(BlockGroupId(0), 1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&mut self) -> Result<Figures, GroupDefect> {
        let levels = self.leaked_levels();
        let defects = [
            (
                self.shared.reservations.leaked(),
                GroupDefect::Reservations as fn(BlockGroupId, u64) -> GroupDefect,
            ),
            (self.shared.nocow_writers.leaked(), GroupDefect::NocowAdmissions),
            (levels as u64, GroupDefect::ReadOnly),
        ];
        for (count, defect) in defects {
            if count != 0 {
                return Err(defect(self.shared.id, count));
            }
        }
        self.shared.space.check().map_err(GroupDefect::Space)
    }

    /// Whether any byte of `extent`, which is in the group, may be allocated, where exclusive access proves that no
    /// other thread is using the group.
    pub(crate) fn is_free(&mut self, extent: LogicalRange) -> bool {
        self.shared.space.is_free(extent)
    }

    fn leaked_levels(&mut self) -> usize {
        self.shared.reservations.leaked_levels().max(self.shared.nocow_writers.leaked_levels())
    }
}
