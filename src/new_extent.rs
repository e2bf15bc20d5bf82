//! A COW write on its way: it owns the space of its extent and its ordered extent, from the end of the reservation
//! until its metadata is queued.
//!
//! The hard part: at each moment exactly one owner gives the space back where something fails or unwinds. The
//! reservation is the first. This token is the second. The metadata that was queued is the last: a commit that
//! lists the extent must not find its space free.
//!
//! # Rejected
//!
//! - *An ordered extent that knows its group*. An in-place write has one too, and owns no space.
//! - Tried: *two parts, each with a drop of its own*. Both held the extent, and a whole write went from 104 to 111 ns.
//!
//! Argued in [`docs/protocol.md`](crate::proof::protocol) (A1, V1, V3), checked by the models of `replace/`.
//!
//! The kernel's are `btrfs_alloc_ordered_extent` and `btrfs_finish_one_ordered`.

use std::fmt;

use crate::block_group::{Reservation, SharedBlockGroup};
use crate::ordered_extent::{OrderedExtent, OrderedExtents};
use crate::units::LogicalRange;

/// A write to a new extent, from its admission until its metadata is queued. Dropping it fails the write and gives the
/// space back, so that no early return leaks either.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use std::sync::Mutex;
///
/// use blockgate::{BlockGroup, Device, MemoryDevice, NewExtent, OrderedExtents};
/// # use blockgate::{BlockGroupId, LogicalRange};
///
/// /// The write path of an engine with an index of its own.
/// fn write(
///     group: &BlockGroup,
///     in_flight: &OrderedExtents,
///     device: &MemoryDevice,
///     index: &Mutex<Vec<LogicalRange>>,
///     data: &[u8],
/// ) -> Result<LogicalRange, Box<dyn std::error::Error>> {
///     let new = NewExtent::begin(group.reserve(data.len() as u64)?, in_flight);
///     device.write_at(new.extent().start(), data)?; // an error here gives the space back
///     new.queue(|extent| Ok(index.lock().unwrap().push(extent)))
/// }
///
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// # let (in_flight, index) = (OrderedExtents::default(), Mutex::default());
/// let too_small = MemoryDevice::new(0);
/// assert!(write(&group, &in_flight, &too_small, &index, &[7; 4096]).is_err());
/// assert_eq!((group.figures().reserved, in_flight.in_flight()), (0, 0)); // nothing is left behind
///
/// let extent = write(&group, &in_flight, &MemoryDevice::new(1 << 20), &index, &[7; 4096])?;
/// assert_eq!(*index.lock().unwrap(), [extent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this gives up the write"]
pub struct NewExtent<'group> {
    group: &'group SharedBlockGroup,
    ordered: OrderedExtent<&'group OrderedExtents>,
}

impl<'group> NewExtent<'group> {
    /// Adds the ordered extent of what was reserved, and ends the reservation: in this order, so that a drain that
    /// begins meanwhile waits for one of them.
    ///
    /// Locks one shard of `in_flight`, which is to be the tracker of the reservation's group. Blocks for nothing else.
    ///
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange, NewExtent, OrderedExtents};
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let in_flight = OrderedExtents::default(); // one for each group
    /// let new = NewExtent::begin(group.reserve(4096)?, &in_flight);
    /// let read_only = group.set_read_only();
    /// assert!(!read_only.wait_reservations()); // the gate is empty: a drain waits for the ordered extent instead
    /// assert_eq!(in_flight.in_flight(), 1);
    /// # drop((new, read_only));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[inline(always)]
    pub fn begin(reservation: Reservation<'group>, in_flight: &'group OrderedExtents) -> Self {
        // V1: the next token first. From here on it gives the space back, if anything unwinds.
        let ordered = in_flight.add(reservation.extent());
        let new = Self { group: reservation.group(), ordered };
        reservation.hand_over();
        new
    }

    /// Where the bytes go.
    #[must_use]
    #[inline]
    pub fn extent(&self) -> LogicalRange {
        self.ordered.extent()
    }

    /// The bytes are on the device. Calls `queue`, which makes the extent a part of what the next commit lists, and
    /// then finishes the ordered extent: a drain that was waiting commits after it. The space is the metadata's from
    /// then on.
    ///
    /// Where `queue` panics, the write has failed, and its space stays allocated: the metadata may list it.
    ///
    /// # Errors
    /// Those of `queue`; the write has failed then, and its space is free.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange, OrderedExtents};
    /// use blockgate::{DelayedRef, NewExtent, Transactions};
    ///
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// let new = NewExtent::begin(group.reserve(4096)?, &in_flight);
    /// let extent = new.queue(|extent| transactions.push(DelayedRef::add(extent)).map(drop))?;
    /// assert_eq!(transactions.commit()?.extents_in(group.range()).collect::<Vec<_>>(), [extent]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn queue<E>(mut self, queue: impl FnOnce(LogicalRange) -> Result<(), E>) -> Result<LogicalRange, E> {
        let extent = self.extent();
        // Taken first: once it is queued the space is the metadata's, whatever unwinds.
        let Some(ordered) = self.ordered.take() else { return Ok(extent) };
        if let Err(error) = queue(extent) {
            give_up(self.group, ordered);
            return Err(error);
        }
        // V3: after the metadata was queued.
        ordered.finish();
        Ok(extent)
    }

    /// As [`NewExtent::queue`], of several that the next commit is to list together: `queue` is called once, with all
    /// extents in the order of `all`. Without any it is not called.
    ///
    /// # Errors
    /// Those of `queue`; all writes have failed then, and their space is free.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange, OrderedExtents};
    /// use blockgate::{DelayedRef, NewExtent, Transactions};
    ///
    /// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// let begin = || Ok::<_, blockgate::ReserveError>(NewExtent::begin(group.reserve(4096)?, &in_flight));
    /// let extents = NewExtent::queue_all(vec![begin()?, begin()?], |extents| {
    ///     let refs: Vec<_> = extents.iter().copied().map(DelayedRef::add).collect();
    ///     transactions.push_all(&refs).map(drop) // no commit takes one without the other
    /// })?;
    /// assert_eq!(transactions.commit()?.extents_in(group.range()).collect::<Vec<_>>(), extents);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn queue_all<E>(
        all: Vec<Self>,
        queue: impl FnOnce(&[LogicalRange]) -> Result<(), E>,
    ) -> Result<Vec<LogicalRange>, E> {
        let extents: Vec<_> = all.iter().map(Self::extent).collect();
        if extents.is_empty() {
            return Ok(extents);
        }
        // Taken first, as in `queue`.
        let writes: Vec<_> = all.into_iter().filter_map(Self::into_parts).collect();
        if let Err(error) = queue(&extents) {
            // All of the space is given back, also where an event of one of them unwinds.
            let spaces: Vec<_> = writes
                .iter()
                .map(|(group, ordered)| Unreferenced { group, extent: ordered.extent() })
                .collect();
            for (_, ordered) in writes {
                ordered.fail();
            }
            drop(spaces);
            return Err(error);
        }
        // V3: after the metadata was queued.
        for (_, ordered) in writes {
            ordered.finish();
        }
        Ok(extents)
    }

    fn into_parts(mut self) -> Option<(&'group SharedBlockGroup, OrderedExtent<&'group OrderedExtents>)> {
        Some((self.group, self.ordered.take()?))
    }
}

impl Drop for NewExtent<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ordered) = self.ordered.take() {
            give_up(self.group, ordered);
        }
    }
}

/// By value: a write whose address is never taken stays in registers.
#[cold]
fn give_up(group: &SharedBlockGroup, ordered: OrderedExtent<&OrderedExtents>) {
    // Dropped last, also where an event unwinds: a thread that is given the space next finds no write there.
    let _space = Unreferenced { group, extent: ordered.extent() };
    ordered.fail();
}

/// Space of an extent that no metadata lists, given back when dropped.
struct Unreferenced<'group> {
    group: &'group SharedBlockGroup,
    extent: LogicalRange,
}

impl Drop for Unreferenced<'_> {
    fn drop(&mut self) {
        self.group.give_back(self.extent);
    }
}

impl fmt::Debug for NewExtent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewExtent").field("extent", &self.extent()).finish_non_exhaustive()
    }
}
