//! What needs no ownership of a group: reserving, writing in place, setting it read-only, and waiting.

use crate::event::{Event, emit, emit_then};
use crate::gate::{Closed, EnterError, Gate, Inside};
use crate::sharded::Shards;
use crate::sync::Arc;
use crate::units::{BlockGroupId, LogicalRange};

use super::error::{ReadOnlyError, ReserveError};
use super::figures::{Figures, SpaceKind};
use super::free_space::FreeSpace;
use super::room::Room;

/// The part of a block group that writers and drains share: its space, the writers that are about to use it,
/// and whether any may.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// It cannot book, release or unpin space: that is the owner's, by [`BlockGroup`](super::BlockGroup).
///
/// ```
/// use std::sync::Arc;
///
/// use blockgate::{LogicalRange, MemoryDevice, Volume};
///
/// let device = Arc::new(MemoryDevice::new(1 << 20));
/// let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device)?;
/// let group = volume.groups()[0].block_group(); // a `&SharedBlockGroup`
/// let scrub = group.set_read_only(); // no write is admitted while the group is checked
/// scrub.wait_reservations();
/// assert_eq!(group.figures().read_only, 1 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedBlockGroup {
    pub(super) id: BlockGroupId,
    range: LogicalRange,
    alignment: u64,
    pub(super) reservations: Gate,
    pub(super) nocow_writers: Gate,
    pub(super) space: FreeSpace,
    /// Of the volume that the group is in, if it is in one.
    pub(super) room: Option<Arc<Room>>,
}

impl SharedBlockGroup {
    /// Neighbours: what a thread uses of each shares cache lines. They are numbered from `first`. Each range is a whole
    /// number of `alignment` units.
    pub(super) fn several(
        first: BlockGroupId,
        ranges: &[LogicalRange],
        alignment: u64,
        shards: Shards,
    ) -> impl Iterator<Item = Self> {
        let gates = || Gate::several(shards, ranges.len());
        let parts = gates().zip(gates()).zip(FreeSpace::several(ranges, alignment, shards));
        let ids = (first.0..).map(BlockGroupId);
        ids.zip(ranges).zip(parts).map(move |((id, range), ((reservations, nocow_writers), space))| Self {
            id,
            range: *range,
            alignment,
            reservations,
            nocow_writers,
            space,
            room: None,
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

    /// Allocates `length` bytes, and counts the caller as a reservation until it has an ordered extent.
    ///
    /// Never blocks for a read-only group: it refuses, and the writer goes elsewhere.
    ///
    /// After it the bytes are the caller's, and a thread that sets the group read-only can wait for it. The
    /// extent is one contiguous range; where in the group is not specified.
    ///
    /// Acquire: what was done while the group was read-only happens-before the return.
    ///
    /// # Errors
    /// [`ReserveError::ReadOnly`], [`ReserveError::NoSpace`] where no free range is long enough,
    /// [`ReserveError::Length`] where `length` is not a positive multiple of the alignment. Nothing is
    /// taken then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::{OrderedExtents, ReserveError};
    ///
    /// let in_flight = OrderedExtents::default();
    /// match group.reserve(8192) {
    ///     Ok(reservation) => {
    ///         let write = in_flight.add(reservation.extent()); // the next token first
    ///         let extent = reservation.hand_over();
    ///         assert_eq!(extent.len(), 8192);
    ///         write.finish();
    ///     }
    ///     Err(ReserveError::ReadOnly(_)) => println!("a drain is at work: try another group"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Counts the caller as a NOCOW writer, about to overwrite in place, until it has an ordered extent.
    ///
    /// Never blocks. Acquire, as [`SharedBlockGroup::reserve`].
    ///
    /// # Errors
    /// [`ReadOnlyError`] while the group is read-only: write elsewhere (COW) instead.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::OrderedExtents;
    ///
    /// let in_flight = OrderedExtents::default();
    /// let extent = group.reserve(4096)?.hand_over(); // written before
    /// let admission = group.begin_nocow()?;
    /// let write = in_flight.add(extent);
    /// drop(admission); // not held for the I/O
    /// write.finish();
    ///
    /// let read_only = group.set_read_only();
    /// assert!(group.begin_nocow().is_err()); // write to a new extent instead
    /// # drop(read_only);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn begin_nocow(&self) -> Result<NocowAdmission<'_>, ReadOnlyError> {
        let inside = self.nocow_writers.enter().map_err(|refusal| self.refused(refusal))?;
        emit(|| Event::BeginNocow { group: self.id });
        Ok(NocowAdmission { group: self, _inside: inside })
    }

    /// Sets the group read-only by one more level, until the guard is dropped: no reservation and no
    /// NOCOW writer is admitted. The ones admitted before are still at work: wait for them with the guard.
    ///
    /// Does not block.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::OrderedExtents;
    ///
    /// let reservation = group.reserve(4096)?;
    /// let read_only = group.set_read_only(); // a scrub, say
    /// assert!(group.reserve(4096).is_err());
    /// drop(reservation); // admitted before, and given back
    /// read_only.wait_reservations();
    /// assert_eq!(group.figures().reserved, 0);
    /// drop(read_only);
    /// assert!(group.reserve(4096).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn set_read_only(&self) -> ReadOnly<'_> {
        let (reservations, nocow_writers) = (self.reservations.close(), self.nocow_writers.close());
        emit(|| Event::SetReadOnly { group: self.id, levels: nocow_writers.level() });
        ReadOnly { group: self, level: Some(Level { reservations, nocow_writers }) }
    }

    /// How many levels of read-only there are at this moment; zero is read-write.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let (replace, scrub) = (group.set_read_only(), group.set_read_only());
    /// assert_eq!(group.read_only_levels(), 2);
    /// drop((replace, scrub));
    /// assert_eq!(group.read_only_levels(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn read_only_levels(&self) -> usize {
        self.nocow_writers.closed_levels()
    }

    /// What the group's bytes are used for, at one moment. (Whether the free ones are shown as read-only
    /// is looked up a moment before.)
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let reservation = group.reserve(8192)?;
    /// assert_eq!(group.figures().reserved, 8192);
    /// let read_only = group.set_read_only();
    /// assert_eq!(group.figures().free, 0); // nobody can allocate them for now
    /// assert_eq!(group.figures().read_only, (1 << 20) - 8192);
    /// assert_eq!(group.figures().total(), 1 << 20);
    /// # drop((reservation, read_only));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn figures(&self) -> Figures {
        let is_read_only = self.read_only_levels() > 0;
        let figures = self.space.figures();
        if is_read_only { Figures { free: 0, read_only: figures.free, ..figures } } else { figures }
    }

    /// Frees what was reserved and is listed by no metadata.
    pub(crate) fn give_back(&self, extent: LogicalRange) {
        let released = self.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Free);
        debug_assert!(released.is_ok(), "{released:?}");
        if let Some(room) = &self.room {
            room.freed_in(self.index());
        }
    }

    /// Among the groups of a volume, which are numbered from 0.
    fn index(&self) -> usize {
        usize::try_from(self.id.0).expect("the groups are in memory")
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
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// let reservation = group.reserve(4096)?;
/// let extent = reservation.extent();
/// drop(reservation); // the writer thinks better of it
/// assert_eq!(group.figures().free, 1 << 20);
/// assert!(group.range().contains(&extent));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this gives the space back"]
pub struct Reservation<'group> {
    // In this order: B1, counted until the space is back.
    space: Allocated<'group>,
    inside: Inside<'group>,
}

impl<'group> Reservation<'group> {
    /// The group that it is in.
    #[inline]
    pub(crate) fn group(&self) -> &'group SharedBlockGroup {
        self.space.group
    }

    /// What was allocated.
    #[must_use]
    #[inline]
    pub fn extent(&self) -> LogicalRange {
        self.space.extent
    }

    /// Ends the reservation and keeps the space, which is the caller's to book or to
    /// [release](super::BlockGroup::release). To be called when the ordered extent was added, not before: between
    /// the two, a drain would see neither.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// use blockgate::OrderedExtents;
    ///
    /// let in_flight = OrderedExtents::default();
    /// let reservation = group.reserve(4096)?;
    /// let write = in_flight.add(reservation.extent()); // before
    /// let extent = reservation.hand_over();
    /// assert_eq!(write.extent(), extent);
    /// assert_eq!(group.figures().reserved, 4096); // the space stays allocated
    /// write.finish();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    group: &'group SharedBlockGroup,
    extent: LogicalRange,
}

impl Drop for Allocated<'_> {
    #[inline]
    fn drop(&mut self) {
        give_back(self.group, self.extent);
    }
}

/// By value: a reservation whose address is never taken stays in registers.
#[cold]
fn give_back(group: &SharedBlockGroup, extent: LogicalRange) {
    emit_then(|| Event::EndReservation { group: group.id, extent, kept: false }, || group.give_back(extent));
}

/// An in-place write that was admitted, until its ordered extent exists. It is not held for the I/O.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// let admission = group.begin_nocow()?;
/// let read_only = group.set_read_only();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(admission)); // its ordered extent exists, or it gives up
///     assert!(read_only.wait_nocow_writers());
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this ends the admission"]
pub struct NocowAdmission<'group> {
    group: &'group SharedBlockGroup,
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
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// {
///     let read_only = group.set_read_only();
///     read_only.wait_reservations();
///     read_only.wait_nocow_writers();
///     assert_eq!((read_only.group().id(), read_only.level()), (BlockGroupId(0), 1));
///     // Nobody allocates here, and nobody is about to overwrite: a scrub reads in peace.
/// }
/// assert_eq!(group.read_only_levels(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this makes the group read-write"]
pub struct ReadOnly<'group> {
    group: &'group SharedBlockGroup,
    /// Until the drop.
    level: Option<Level<'group>>,
}

/// A level of both gates. They are opened in this order, as they were closed.
#[derive(Debug)]
struct Level<'group> {
    reservations: Closed<'group>,
    nocow_writers: Closed<'group>,
}

impl<'group> ReadOnly<'group> {
    /// The group that is read-only.
    #[must_use]
    pub fn group(&self) -> &'group SharedBlockGroup {
        self.group
    }

    /// How many levels of read-only there were when this one was set, with this one.
    #[must_use]
    pub fn level(&self) -> usize {
        self.gates().nocow_writers.level()
    }

    fn gates(&self) -> &Level<'group> {
        self.level.as_ref().expect("it is taken by the drop")
    }

    /// Blocks until every reservation that was admitted before has ended. Returns whether there was one
    /// when the group was set read-only. Deadlocks if the calling thread holds one.
    ///
    /// Acquire: what a reservation's owner did before it ended happens-before the return.
    ///
    /// Source: `btrfs_wait_block_group_reservations`.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let reservation = group.reserve(4096)?;
    /// let read_only = group.set_read_only();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(move || drop(reservation));
    ///     assert!(read_only.wait_reservations()); // there was one
    /// });
    /// assert_eq!(group.figures().reserved, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_reservations(&self) -> bool {
        let waited = self.gates().reservations.wait_empty();
        emit(|| Event::WaitReservations { group: self.group.id, waited });
        waited
    }

    /// Blocks until every NOCOW writer that was admitted before has ended. Returns whether there was one
    /// when the group was set read-only. Deadlocks if the calling thread is one.
    ///
    /// Acquire: what a NOCOW writer did before its admission ended happens-before the return.
    ///
    /// Source: `btrfs_wait_nocow_writers`.
    pub fn wait_nocow_writers(&self) -> bool {
        let waited = self.gates().nocow_writers.wait_empty();
        emit(|| Event::WaitNocowWriters { group: self.group.id, waited });
        waited
    }
}

/// The level ends under the lock that counts openings.
impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        let (group, level) = (self.group, self.level.take());
        emit_then(
            || Event::SetReadWrite { group: group.id },
            || {
                let _at_work = group.room.as_deref().map(Room::open);
                drop(level);
            },
        );
    }
}
