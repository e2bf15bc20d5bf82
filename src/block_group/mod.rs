//! A contiguous range of logical addresses that is allocated from and copied as one.
//!
//! The hard part: a writer must not allocate from a group after it was set read-only, and the task that
//! sets it must be able to wait for everyone who did so before. Two [`Gate`]s do both: one counts
//! reservations, one NOCOW writers, and a group is read-only while both are closed.
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

mod figures;
mod free_space;

use std::fmt;

pub use figures::{Figures, SpaceError, SpaceKind};
use free_space::FreeSpace;

use crate::event::{Event, emit, emit_then};
use crate::gate::{Closed, EnterError, Gate, Inside};
use crate::sharded::Shards;
use crate::units::{BlockGroupId, Bytes, LogicalRange};

/// A block group: its space, who is about to use it, and whether anyone may.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// use blockgate::{BlockGroup, BlockGroupId, LogicalRange, OrderedExtents, ReserveError};
///
/// let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// let in_flight = OrderedExtents::default();
///
/// let reservation = group.reserve(8192)?;
/// let write = in_flight.add(reservation.extent()); // the next token first,
/// let extent = reservation.hand_over();            // then this one goes
///
/// let read_only = group.set_read_only();
/// assert!(matches!(group.reserve(4096), Err(ReserveError::ReadOnly(_))));
/// read_only.wait_reservations(); // nobody has one: the write is an ordered extent by now
/// # write.finish();
/// # assert_eq!(extent.len(), 8192);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlockGroup {
    id: BlockGroupId,
    range: LogicalRange,
    alignment: u64,
    reservations: Gate,
    nocow_writers: Gate,
    space: FreeSpace,
}

impl BlockGroup {
    /// An empty, read-write group over `range`, which allocates multiples of `alignment` bytes.
    ///
    /// # Errors
    /// [`AlignmentError`] where `alignment` is zero, or `range` not a whole number of its units.
    pub fn new(id: BlockGroupId, range: LogicalRange, alignment: u64) -> Result<Self, AlignmentError> {
        Self::with_shards(id, range, alignment, Shards::default())
    }

    /// The same, with a chosen number of shards.
    ///
    /// # Errors
    /// As [`BlockGroup::new`].
    pub fn with_shards(
        id: BlockGroupId,
        range: LogicalRange,
        alignment: u64,
        shards: Shards,
    ) -> Result<Self, AlignmentError> {
        if alignment == 0 || !range.is_aligned(alignment) {
            return Err(AlignmentError { range, alignment });
        }
        Ok(Self {
            id,
            range,
            alignment,
            reservations: Gate::new(shards),
            nocow_writers: Gate::new(shards),
            space: FreeSpace::new(range, alignment, shards),
        })
    }

    /// The group's name in events and errors.
    #[must_use]
    pub fn id(&self) -> BlockGroupId {
        self.id
    }

    /// The addresses of the group.
    #[must_use]
    pub fn range(&self) -> LogicalRange {
        self.range
    }

    /// The unit of allocation, in bytes.
    #[must_use]
    pub fn alignment(&self) -> u64 {
        self.alignment
    }

    /// Allocates `length` bytes, and counts the caller as a reservation until he has an ordered extent.
    ///
    /// Never blocks for a read-only group: it refuses, and the writer goes elsewhere.
    ///
    /// # Errors
    /// [`ReserveError::ReadOnly`], [`ReserveError::NoSpace`] where no free range is long enough,
    /// [`ReserveError::Length`] where `length` is not a positive multiple of the alignment. Nothing is
    /// taken then.
    #[inline(always)]
    pub fn reserve(&self, length: u64) -> Result<Reservation<'_>, ReserveError> {
        if length == 0 || !length.is_multiple_of(self.alignment) {
            return Err(ReserveError::Length { length, alignment: self.alignment });
        }
        // B1: counted first, in the same step as the check for read-only.
        let inside = self.reservations.enter().map_err(|refusal| self.refused(refusal))?;
        emit(|| Event::BeginReservation { group: self.id });
        let extent = self.space.allocate(length).map_err(|largest| self.no_space(length, largest))?;
        // Owned before it is reported: if that unwinds, the space is given back.
        let reservation = Reservation { space: Allocated { group: self, extent }, inside };
        emit(|| Event::Allocate { group: self.id, extent });
        Ok(reservation)
    }

    /// Counts the caller as a NOCOW writer, about to overwrite in place, until he has an ordered extent.
    ///
    /// # Errors
    /// [`ReadOnlyError`] while the group is read-only: write elsewhere (COW) instead.
    #[inline]
    pub fn begin_nocow(&self) -> Result<NocowAdmission<'_>, ReadOnlyError> {
        let inside = self.nocow_writers.enter().map_err(|refusal| self.refused(refusal))?;
        emit(|| Event::BeginNocow { group: self.id });
        Ok(NocowAdmission { group: self, _inside: inside })
    }

    /// Sets the group read-only by one more level, until the guard is dropped: no reservation and no
    /// NOCOW writer is admitted. Those admitted before are still there: wait for them with the guard.
    ///
    /// Does not block.
    #[track_caller]
    pub fn set_read_only(&self) -> ReadOnly<'_> {
        let (reservations, nocow_writers) = (self.reservations.close(), self.nocow_writers.close());
        emit(|| Event::SetReadOnly { group: self.id, levels: nocow_writers.level() });
        ReadOnly { group: self, reservations, nocow_writers }
    }

    /// How many levels of read-only there are at this moment; zero is read-write.
    #[must_use]
    pub fn read_only_levels(&self) -> usize {
        self.nocow_writers.closed_levels()
    }

    /// Gives back an extent that was reserved and never got an extent item: its write failed.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not reserved; nothing is changed then.
    pub fn release(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Free)
    }

    /// Books an extent whose item was inserted: reserved bytes become used ones.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not reserved; nothing is changed then.
    pub fn book_inserted(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Used)
    }

    /// Books an extent whose item was removed: used bytes become pinned ones.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not used; nothing is changed then.
    pub fn book_removed(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.space.rebook(extent, SpaceKind::Used, SpaceKind::Pinned)
    }

    /// Books an extent that came and went between two commits: reserved bytes become pinned ones.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not reserved; nothing is changed then.
    pub fn book_cancelled(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Pinned)
    }

    /// Makes a pinned extent free. To be called when the commit that removed it is complete.
    ///
    /// # Errors
    /// [`SpaceError`] if it is not pinned; nothing is changed then.
    pub fn unpin(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        self.space.rebook(extent, SpaceKind::Pinned, SpaceKind::Free)
    }

    /// What the group's bytes are used for, at one moment. (Whether the free ones are shown as read-only
    /// is looked up a moment before.)
    #[must_use]
    pub fn figures(&self) -> Figures {
        let is_read_only = self.read_only_levels() > 0;
        let figures = self.space.figures();
        if is_read_only { Figures { free: 0, read_only: figures.free, ..figures } } else { figures }
    }

    /// Checks the invariants that must hold when nobody is using the group, and returns its figures.
    ///
    /// # Errors
    /// The first [`GroupDefect`].
    pub fn check(&mut self) -> Result<Figures, GroupDefect> {
        let levels = self.leaked_levels();
        let defects = [
            (self.reservations.leaked(), GroupDefect::Reservations as fn(BlockGroupId, u64) -> GroupDefect),
            (self.nocow_writers.leaked(), GroupDefect::NocowAdmissions),
            (levels as u64, GroupDefect::ReadOnly),
        ];
        for (count, defect) in defects {
            if count != 0 {
                return Err(defect(self.id, count));
            }
        }
        self.space.check().map_err(GroupDefect::Space)
    }

    fn leaked_levels(&mut self) -> usize {
        self.reservations.leaked_levels().max(self.nocow_writers.leaked_levels())
    }

    #[cold]
    fn no_space(&self, length: u64, largest: u64) -> ReserveError {
        emit(|| Event::NoSpace { group: self.id });
        ReserveError::NoSpace { group: self.id, length, largest }
    }

    #[cold]
    fn refused(&self, refusal: EnterError) -> ReadOnlyError {
        assert_ne!(refusal, EnterError::Full, "the count of {} is full: guards were leaked", self.id);
        emit(|| Event::Refused { group: self.id });
        ReadOnlyError { group: self.id }
    }
}

/// Space allocated in a block group, until its ordered extent exists.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// Dropping it gives the space back. [`Reservation::hand_over`] keeps the space.
#[derive(Debug)]
#[must_use = "dropping this gives the space back"]
pub struct Reservation<'group> {
    // In this order: B1, counted until the space is back.
    space: Allocated<'group>,
    inside: Inside<'group>,
}

impl Reservation<'_> {
    /// What was allocated.
    #[must_use]
    #[inline]
    pub fn extent(&self) -> LogicalRange {
        self.space.extent
    }

    /// Ends the reservation and keeps the space, which is the caller's to book or to
    /// [release](BlockGroup::release). To be called when the ordered extent was added, not before: between
    /// the two, a drain would see neither.
    #[track_caller]
    #[inline(always)]
    pub fn hand_over(self) -> LogicalRange {
        let Self { space, inside } = self;
        let (group, extent) = (space.group.id, space.extent);
        std::mem::forget(space);
        emit(|| Event::EndReservation { group, extent, kept: true });
        drop(inside);
        extent
    }
}

/// Allocated space, given back when dropped.
#[derive(Debug)]
struct Allocated<'group> {
    group: &'group BlockGroup,
    extent: LogicalRange,
}

impl Drop for Allocated<'_> {
    #[inline]
    fn drop(&mut self) {
        give_back(self.group, self.extent);
    }
}

/// By value: a reservation whose address nobody takes stays in registers.
#[cold]
fn give_back(group: &BlockGroup, extent: LogicalRange) {
    let release = || {
        let released = group.release(extent);
        debug_assert!(released.is_ok(), "{released:?}");
    };
    emit_then(|| Event::EndReservation { group: group.id, extent, kept: false }, release);
}

/// An in-place write that was admitted, until its ordered extent exists. It is not held for the I/O.
///
/// Part of the proof: [block groups](crate::proof::block_group).
#[derive(Debug)]
#[must_use = "dropping this ends the admission"]
pub struct NocowAdmission<'group> {
    group: &'group BlockGroup,
    _inside: Inside<'group>,
}

/// Reports the end; the admission itself ends with the field.
impl Drop for NocowAdmission<'_> {
    fn drop(&mut self) {
        emit(|| Event::EndNocow { group: self.group.id });
    }
}

/// One level of read-only. Dropping it ends that level; the last one makes the group read-write.
///
/// Part of the proof: [block groups](crate::proof::block_group).
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write"]
pub struct ReadOnly<'group> {
    group: &'group BlockGroup,
    // Opened in this order, as they were closed.
    reservations: Closed<'group>,
    nocow_writers: Closed<'group>,
}

impl<'group> ReadOnly<'group> {
    /// The group that is read-only.
    #[must_use]
    pub fn group(&self) -> &'group BlockGroup {
        self.group
    }

    /// How many levels of read-only there were when this one was set, with this one.
    #[must_use]
    pub fn level(&self) -> usize {
        self.nocow_writers.level()
    }

    /// Blocks until every reservation that was admitted before has ended. Returns whether there was one
    /// when the group was set read-only. Deadlocks if the calling thread holds one.
    pub fn wait_reservations(&self) -> bool {
        let waited = self.reservations.wait_empty();
        emit(|| Event::WaitReservations { group: self.group.id, waited });
        waited
    }

    /// Blocks until every NOCOW writer that was admitted before has ended. Returns whether there was one
    /// when the group was set read-only. Deadlocks if the calling thread is one.
    pub fn wait_nocow_writers(&self) -> bool {
        let waited = self.nocow_writers.wait_empty();
        emit(|| Event::WaitNocowWriters { group: self.group.id, waited });
        waited
    }
}

/// Reports the end; the level itself ends with the fields.
impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        emit(|| Event::SetReadWrite { group: self.group.id });
    }
}

/// The range of a group is not a whole number of allocation units.
///
/// Part of the proof: [block groups](crate::proof::block_group).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlignmentError {
    /// The range asked for.
    pub range: LogicalRange,
    /// The unit asked for, in bytes.
    pub alignment: u64,
}

impl fmt::Display for AlignmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { range, alignment } = self;
        write!(
            f,
            "block group {range} is not a whole number of {alignment}-byte units: align its start and length"
        )
    }
}

impl std::error::Error for AlignmentError {}

/// The group is read-only: a drain or a scrub is at work there. Not an error of the writer.
///
/// Part of the proof: [block groups](crate::proof::block_group).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnlyError {
    /// The group.
    pub group: BlockGroupId,
}

impl fmt::Display for ReadOnlyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is read-only: write to another group, or later", self.group)
    }
}

impl std::error::Error for ReadOnlyError {}

/// Why [`BlockGroup::reserve`] gave nothing.
///
/// Part of the proof: [block groups](crate::proof::block_group).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReserveError {
    /// The group is read-only.
    ReadOnly(ReadOnlyError),
    /// No free range is long enough.
    NoSpace {
        /// The group.
        group: BlockGroupId,
        /// The length asked for, in bytes.
        length: u64,
        /// The longest free range, in bytes.
        largest: u64,
    },
    /// The length is zero, or not a multiple of the alignment.
    Length {
        /// The length asked for, in bytes.
        length: u64,
        /// The unit of allocation, in bytes.
        alignment: u64,
    },
}

impl From<ReadOnlyError> for ReserveError {
    fn from(error: ReadOnlyError) -> Self {
        Self::ReadOnly(error)
    }
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly(error) => error.fmt(f),
            Self::NoSpace { group, length, largest } => write!(
                f,
                "no space in {group}: {} bytes asked for, the longest free range has {}",
                Bytes(*length),
                Bytes(*largest)
            ),
            Self::Length { length, alignment } => {
                write!(f, "{length} bytes cannot be reserved: ask for a positive multiple of {alignment}")
            }
        }
    }
}

impl std::error::Error for ReserveError {}

/// What [`BlockGroup::check`] found.
///
/// Part of the proof: [block groups](crate::proof::block_group).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupDefect {
    /// So many reservations were leaked.
    Reservations(BlockGroupId, u64),
    /// So many NOCOW writers were leaked.
    NocowAdmissions(BlockGroupId, u64),
    /// So many levels of read-only were leaked.
    ReadOnly(BlockGroupId, u64),
    /// The figures do not add up.
    Space(SpaceError),
}

impl fmt::Display for GroupDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reservations(group, n) => write!(f, "{group}: {n} reservations were leaked"),
            Self::NocowAdmissions(group, n) => write!(f, "{group}: {n} NOCOW writers were leaked"),
            Self::ReadOnly(group, n) => write!(f, "{group}: still read-only, by {n} levels that were leaked"),
            Self::Space(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GroupDefect {}
