//! Writes in flight, and the wait for those of a range.
//!
//! The hard part: a wait is for the writes that exist when it begins (a snapshot), and no later write may
//! prolong it, or a drain would never end. Yet adding and finishing must not allocate, and must not contend
//! with each other. So each shard numbers its additions. A wait records, shard by shard, how many entries of
//! its range there are and the number of the next one; each entry that leaves with a smaller number counts
//! the wait down.
//!
//! # State: one slab a shard, under its lock
//!
//! | slot | `length` | `sequence` | means |
//! |---|---|---|---|
//! | live | the extent's | the number of the addition | an [`OrderedExtent`] exists for it |
//! | free | 0 | the next free slot | reusable |
//!
//! When the last live slot leaves, all slots are dropped (their memory stays). So a slab has as many slots as
//! were live at once since it was last empty; where writes come and go one by one, it has one.
//!
//! # Invariants
//!
//! - X1: an entry is in its shard from before [`OrderedExtents::add`] returns until its handle is
//!   finished, failed or dropped.
//! - X2: `pending` of a wait is the number of live entries that it counted when it began.
//! - X3: the thread that takes `pending` to zero wakes the waiter.
//! - X4: what was done before an entry left happens-before the return of a wait that counted it (the
//!   shard's lock).
//! - X5: the two halves of an entry that was split have its number: a wait that counted it waits for both.
//!
//! # Rejected
//!
//! - Tried: *a list of the live slots*, so that a wait visits no free one. Every writer paid for the list; without it
//!   adding and finishing went from 3.9 to 2.5 of the limit, and a wait looks at few free slots anyway.
//! - *A map by address*, which a wait could search: it allocates and rebalances for every write, to make the
//!   rare wait faster.
//! - *A count of the writes in flight*, waited to zero: later writes would prolong the wait without end.
//! - *Waiting for each write by itself* (the kernel's list of ordered extents): each would need a place where
//!   its waiter can sleep, and each handle a reference count.
//!
//! Checked by `loom-tests/src/models/ordered_extent.rs`,
//! argued in [`docs/ordered_extent.md`](crate::proof::ordered_extent).
//!
//! The kernel's are
//! `btrfs_add_ordered_extent`, `btrfs_finish_ordered_io` and `btrfs_wait_ordered_roots`.

use std::fmt;
use std::ops::Deref;

use crate::event::{Event, emit, emit_then};
use crate::sharded::{ShardSet, Shards};
use crate::sync::{Arc, Column, Monitor, MonitorGuard, current_shard};
use crate::units::{LogicalAddress, LogicalRange};

/// The end of the list of free slots: no index is so large.
const NONE: u64 = u64::MAX;

/// The writes in flight of one block group.
///
/// Part of the proof: [ordered extents](crate::proof::ordered_extent).
///
/// Adding and finishing lock one shard, and allocate only when more are in flight than ever before. A wait
/// looks at as many slots as were in flight at once since there last were none here; other groups cost it
/// nothing.
///
/// ```
/// use blockgate::{LogicalRange, OrderedExtents};
///
/// let in_flight = OrderedExtents::default();
/// let extent = LogicalRange::new(0, 4096)?;
/// let write = in_flight.add(extent);
/// std::thread::scope(|scope| {
///     scope.spawn(|| write.finish()); // the I/O completes
///     let waited = in_flight.wait_range(extent); // returns when it has
///     assert!(waited.count <= 1 && waited.failed == 0);
/// });
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug)]
pub struct OrderedExtents {
    shards: Column<Monitor<Slab>>,
}

impl Default for OrderedExtents {
    fn default() -> Self {
        Self::new(Shards::default())
    }
}

impl OrderedExtents {
    /// A tracker with nothing in flight.
    ///
    /// ```
    /// use blockgate::{OrderedExtents, Shards};
    ///
    /// let in_flight = OrderedExtents::new(Shards::new(4));
    /// assert_eq!(in_flight.in_flight(), 0);
    /// ```
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "there is one")]
    pub fn new(shards: Shards) -> Self {
        Self::several(shards, 1).next().expect("one")
    }

    /// So many trackers whose slabs lie beside each other: a thread's own slabs, of all of them, share cache lines.
    pub(crate) fn several(shards: Shards, count: usize) -> impl Iterator<Item = Self> {
        let slabs = Column::several(shards.count(), count, |_, _| Monitor::new(Slab::default()));
        slabs.map(|shards| Self { shards })
    }

    /// Adds a write of `extent`, before its I/O is submitted and before the reservation or the NOCOW
    /// writer that admitted it is dropped.
    ///
    /// Locks the calling thread's shard. After it, every [`OrderedExtents::wait_range`] that overlaps
    /// `extent` waits for the handle. Several writes to the same bytes may be in flight: each is an entry of
    /// its own.
    ///
    /// ```
    /// use blockgate::{BlockGroup, BlockGroupId, LogicalRange, OrderedExtents};
    ///
    /// let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
    /// let in_flight = OrderedExtents::default(); // one for each group
    /// let reservation = group.reserve(4096)?;
    /// let write = in_flight.add(reservation.extent()); // while the reservation lives
    /// reservation.hand_over();
    /// assert_eq!(in_flight.in_flight(), 1);
    /// write.finish();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn add(&self, extent: LogicalRange) -> OrderedExtent<&Self> {
        OrderedExtent::add(self, extent)
    }

    /// The same, with a handle that keeps the tracker alive: for I/O that completes elsewhere. It costs
    /// two more read-modify-writes, on a count that all writers share.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use blockgate::{LogicalRange, OrderedExtents};
    ///
    /// let in_flight = Arc::new(OrderedExtents::default());
    /// let write = in_flight.add_owned(LogicalRange::new(0, 4096)?);
    /// let completion = std::thread::spawn(move || write.finish()); // no scope that it must end in
    /// completion.join().unwrap();
    /// assert_eq!(in_flight.in_flight(), 0);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn add_owned(self: &Arc<Self>, extent: LogicalRange) -> OrderedExtent<Arc<Self>> {
        OrderedExtent::add(Arc::clone(self), extent)
    }

    /// Blocks until every write that overlaps `range` and is in flight now has finished or failed.
    ///
    /// A write that is added after the call began is not waited for, unless it is added to a shard that
    /// the call has not come to yet; that takes no longer than locking each shard once. Deadlocks if the
    /// calling thread holds one of the handles.
    ///
    /// A write that failed is no error here: [`Waited::failed`] counts it.
    ///
    /// Acquire: what was done before a handle ended happens-before the return, if the call waited for it.
    ///
    /// Source: `btrfs_wait_ordered_roots`.
    ///
    /// ```
    /// # use blockgate::{LogicalRange, OrderedExtents};
    /// let in_flight = OrderedExtents::default();
    /// let (here, elsewhere) = (LogicalRange::new(0, 4096)?, LogicalRange::new(1 << 20, 4096)?);
    /// let (write, other) = (in_flight.add(here), in_flight.add(elsewhere));
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| write.finish());
    ///     let _ = in_flight.wait_range(here); // does not wait for `other`
    ///     assert_eq!(in_flight.in_flight(), 1);
    /// });
    /// other.finish();
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn wait_range(&self, range: LogicalRange) -> Waited {
        let mut waited = Waited::default();
        let mut to_wait = ShardSet::default();
        let mut tickets = [0_u64; Shards::MAX];
        for (index, shard) in self.shards.iter().enumerate() {
            let mut slab = shard.lock();
            // Counted and numbered under one lock: an entry that leaves later is either counted, and counts down,
            // or has a number that says it came later.
            let pending = slab.count_overlapping(range);
            if pending != 0 {
                to_wait.insert_if(index, true);
                tickets[index] = slab.begin_wait(range, pending);
            }
        }
        // One after the other is enough: each shard's count only falls, also while another is waited for.
        for index in to_wait.iter() {
            let over = self.shards.get(index).wait_until(|slab| slab.end_wait(tickets[index]));
            (waited.count, waited.failed) = (waited.count + over.count, waited.failed + over.failed);
        }
        emit(|| Event::WaitOrdered { range, count: waited.count, failed: waited.failed });
        waited
    }

    /// How many writes are in flight in all, shard after shard. Later shards are counted later: a figure to show.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shards.iter().map(|slab| slab.lock().live_count()).sum()
    }

    /// How many handles were leaked, where exclusive access proves that no borrowed one lives.
    ///
    /// ```
    /// # use blockgate::{LogicalRange, OrderedExtents};
    /// let mut in_flight = OrderedExtents::default();
    /// std::mem::forget(in_flight.add(LogicalRange::new(0, 4096)?)); // waits would never end
    /// assert_eq!(in_flight.leaked(), 1);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn leaked(&mut self) -> usize {
        (0..self.shards.len()).map(|shard| self.shards.exclusive(shard).live_count()).sum()
    }

    /// Shortens the entry to `first`, and returns the place of a new one for the rest.
    fn split(&self, place: Place, first: LogicalRange, rest: LogicalRange) -> Place {
        let slot = self.shards.get(place.shard).lock().split(place.slot, first, rest);
        Place { slot, ..place }
    }

    #[inline(always)]
    fn remove(&self, place: Place, failed: bool) {
        let mut slab = self.shards.get(place.shard).lock();
        let slot = slab.remove(place.slot);
        // Nobody waits most of the time: that look is all that a write pays for waits.
        if slab.waits.is_some() {
            count_down(&mut slab, &slot, failed);
        }
    }
}

/// What [`OrderedExtents::wait_range`] waited for.
///
/// Part of the proof: [ordered extents](crate::proof::ordered_extent).
///
/// ```
/// # use blockgate::{LogicalRange, OrderedExtents};
/// use blockgate::Waited;
///
/// let in_flight = OrderedExtents::default();
/// let group = LogicalRange::new(0, 1 << 20)?;
/// assert_eq!(in_flight.wait_range(group), Waited { count: 0, failed: 0 }); // nothing was in flight
///
/// let write = in_flight.add(LogicalRange::new(0, 4096)?);
/// std::thread::scope(|scope| {
///     scope.spawn(|| write.fail());
///     let waited = in_flight.wait_range(group);
///     assert_eq!(waited.failed, waited.count); // one of one, or it had left before
/// });
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct Waited {
    /// How many writes were in flight when the wait began. One that was [split](OrderedExtent::split_off)
    /// meanwhile counts as often as it has parts in the range.
    pub count: usize,
    /// How many of them failed, or were dropped unfinished: their bytes are not what was intended.
    pub failed: usize,
}

/// A write in flight. It may be sent, and finished on another thread.
///
/// Part of the proof: [ordered extents](crate::proof::ordered_extent).
/// Dropping it unfinished is a failure, as [`OrderedExtent::fail`]: waiters go on, and are told of it.
///
/// ```
/// # use blockgate::{LogicalRange, OrderedExtents};
/// use blockgate::{Device, MemoryDevice, OrderedExtent};
///
/// /// Ends the write by what its I/O said.
/// fn complete(write: OrderedExtent<&OrderedExtents>, outcome: std::io::Result<()>) {
///     match outcome {
///         Ok(()) => write.finish(),
///         Err(_) => write.fail(),
///     }
/// }
///
/// let (in_flight, device) = (OrderedExtents::default(), MemoryDevice::new(4096));
/// let write = in_flight.add(LogicalRange::new(0, 4096)?);
/// let outcome = device.write_at(write.extent().start(), &[7; 4096]);
/// complete(write, outcome);
/// assert_eq!(in_flight.in_flight(), 0);
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this unfinished marks the write as failed"]
pub struct OrderedExtent<Owner: Deref<Target = OrderedExtents>> {
    /// `None` when it is over. (A type with a drop of its own that holds a handle must be able to take it out:
    /// see `take`.)
    owner: Option<Owner>,
    extent: LogicalRange,
    place: Place,
}

/// Why a write was not split: one of the two would have no bytes.
///
/// Part of the proof: [ordered extents](crate::proof::ordered_extent).
///
/// ```
/// # use blockgate::{LogicalRange, OrderedExtents};
/// let in_flight = OrderedExtents::default();
/// let mut write = in_flight.add(LogicalRange::new(0, 4096)?);
/// let error = write.split_off(4096).unwrap_err();
/// assert_eq!(error.to_string(), "[0, 4K) cannot be split after 4096 bytes: each part needs one at least");
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitError {
    /// The bytes on their way.
    pub extent: LogicalRange,
    /// How many were to stay with the first.
    pub length: u64,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { extent, length } = self;
        write!(f, "{extent} cannot be split after {length} bytes: each part needs one at least")
    }
}

impl std::error::Error for SplitError {}

/// Where the entry of a write is.
#[derive(Debug, Clone, Copy)]
struct Place {
    shard: usize,
    slot: usize,
}

impl<Owner: Deref<Target = OrderedExtents>> OrderedExtent<Owner> {
    #[track_caller]
    #[inline(always)]
    fn add(owner: Owner, extent: LogicalRange) -> Self {
        let shard = current_shard(owner.shards.len());
        let slot = owner.shards.get(shard).lock().insert(extent);
        // Owned before it is reported: if that unwinds, the write has failed.
        let ordered = Self { owner: Some(owner), extent, place: Place { shard, slot } };
        emit(|| Event::AddOrdered { extent });
        ordered
    }

    /// The bytes on their way.
    #[inline]
    pub fn extent(&self) -> LogicalRange {
        self.extent
    }

    /// The write is done, and its delayed ref (if it has one) queued: waiters need not wait for it.
    ///
    /// Release: what was done before happens-before the return of a wait that counted this write.
    ///
    /// ```
    /// # use blockgate::{LogicalRange, OrderedExtents};
    /// use blockgate::{DelayedRef, Transactions};
    ///
    /// let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
    /// let write = in_flight.add(LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(write.extent())); // first, so that a drain commits it
    /// write.finish();
    /// assert_eq!(in_flight.in_flight(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn finish(mut self) {
        if let Some(owner) = self.owner.take() {
            end(&owner, self.extent, self.place, false);
        }
    }

    /// The write failed: waiters go on, and find it in [`Waited::failed`].
    ///
    /// ```
    /// # use blockgate::{LogicalRange, OrderedExtents};
    /// let in_flight = OrderedExtents::default();
    /// let write = in_flight.add(LogicalRange::new(0, 4096)?);
    /// write.fail(); // as dropping it: nobody waits for it any longer
    /// assert_eq!(in_flight.in_flight(), 0);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn fail(self) {
        drop(self);
    }

    /// Takes all bytes but the first `length` of this write into a write of its own, for an I/O that completes in
    /// parts: each part is finished when its bytes are on the device. Every wait that counts this write counts both.
    /// Locks the write's shard.
    ///
    /// Adding the rest as a new write instead loses it: a wait that began before ends with the first part.
    ///
    /// # Errors
    /// [`SplitError`] where one of the two would have no bytes; nothing is changed then.
    ///
    /// Source: `btrfs_split_ordered_extent`.
    ///
    /// ```
    /// # use blockgate::{LogicalRange, OrderedExtents};
    /// use blockgate::{Device, MemoryDevice, OrderedExtent, SplitError};
    ///
    /// /// The device wrote less than it was asked to: the rest is another write.
    /// fn complete<'a>(
    ///     mut write: OrderedExtent<&'a OrderedExtents>,
    ///     written: u64,
    /// ) -> Result<OrderedExtent<&'a OrderedExtents>, SplitError> {
    ///     let rest = write.split_off(written)?;
    ///     write.finish();
    ///     Ok(rest)
    /// }
    ///
    /// let in_flight = OrderedExtents::default();
    /// let write = in_flight.add(LogicalRange::new(0, 8192)?);
    /// let rest = complete(write, 4096)?;
    /// assert_eq!(rest.extent(), LogicalRange::new(4096, 4096)?);
    /// assert_eq!(in_flight.in_flight(), 1);
    /// rest.finish();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split_off(&mut self, length: u64) -> Result<Self, SplitError>
    where
        Owner: Clone,
    {
        let whole = self.extent;
        let (first, rest) = whole.split_at(length).ok_or(SplitError { extent: whole, length })?;
        let owner = self.owner.clone().ok_or(SplitError { extent: whole, length })?;
        let place = owner.split(self.place, first, rest);
        self.extent = first;
        // Owned before it is reported: if that unwinds, the second write has failed.
        let second = Self { owner: Some(owner), extent: rest, place };
        emit(|| Event::SplitOrdered { extent: whole, at: rest.start() });
        Ok(second)
    }

    /// The handle, for an owner that it cannot be moved out of; nothing the second time.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Self> {
        let Self { extent, place, .. } = *self;
        self.owner.take().map(|owner| Self { owner: Some(owner), extent, place })
    }
}

impl<Owner: Deref<Target = OrderedExtents>> Drop for OrderedExtent<Owner> {
    #[inline]
    fn drop(&mut self) {
        // By value: a handle whose address is never taken stays in registers.
        if let Some(owner) = self.owner.take() {
            fail(owner, self.extent, self.place);
        }
    }
}

#[cold]
fn fail(owner: impl Deref<Target = OrderedExtents>, extent: LogicalRange, place: Place) {
    end(&owner, extent, place, true);
}

#[inline(always)]
fn end(owner: &OrderedExtents, extent: LogicalRange, place: Place, failed: bool) {
    emit_then(|| Event::RemoveOrdered { extent, failed }, || owner.remove(place, failed));
}

/// A slot of a slab: see the table above. A free one has a length of zero, which no extent has, and holds
/// the index of the next free one where a live one has its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    start: LogicalAddress,
    length: u64,
    /// The number of the addition, or the next free slot.
    sequence: u64,
}

impl Slot {
    #[inline]
    fn live(extent: LogicalRange, sequence: u64) -> Self {
        Self { start: extent.start(), length: extent.len(), sequence }
    }

    /// `next` is a free slot, or [`NONE`].
    #[inline]
    fn free(next: u64) -> Self {
        Self { start: 0, length: 0, sequence: next }
    }

    #[inline]
    fn is_free(&self) -> bool {
        self.length == 0
    }

    #[inline]
    fn next_free(&self) -> u64 {
        debug_assert!(self.is_free());
        self.sequence
    }

    /// Not where it is free: one without bytes overlaps nothing.
    fn overlaps(&self, range: &LogicalRange) -> bool {
        self.start < range.end() && range.start() < self.start + self.length
    }
}

/// A wait in progress: see X2.
#[derive(Debug)]
struct Wait {
    ticket: u64,
    range: LogicalRange,
    before: u64,
    pending: usize,
    waited: Waited,
}

impl Wait {
    /// Whether it counted the write of `slot`, or would have, if that had been a write of its own already.
    fn has_counted(&self, slot: &Slot) -> bool {
        slot.sequence < self.before && slot.overlaps(&self.range)
    }
}

#[derive(Debug)]
struct Slab {
    slots: Vec<Slot>,
    first_free: u64,
    free_count: usize,
    next_sequence: u64,
    /// While there is one. (Boxed: there are many slabs, and few waits.)
    waits: Option<Box<Waits>>,
}

#[derive(Debug, Default)]
struct Waits {
    next_ticket: u64,
    in_progress: Vec<Wait>,
}

impl Default for Slab {
    fn default() -> Self {
        Self { slots: Vec::new(), first_free: NONE, free_count: 0, next_sequence: 0, waits: None }
    }
}

impl Slab {
    fn live_count(&self) -> usize {
        self.slots.len() - self.free_count
    }

    #[inline]
    fn insert(&mut self, extent: LogicalRange) -> usize {
        let new = Slot::live(extent, self.next_sequence);
        self.next_sequence += 1;
        self.place(new)
    }

    #[inline]
    fn place(&mut self, new: Slot) -> usize {
        if self.first_free == NONE {
            self.slots.push(new);
            return self.slots.len() - 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was an index when it was put there")]
        let index = self.first_free as usize;
        let slot = &mut self.slots[index];
        self.first_free = slot.next_free();
        self.free_count -= 1;
        *slot = new;
        index
    }

    #[inline]
    fn remove(&mut self, index: usize) -> Slot {
        let slot = self.slots[index];
        if self.live_count() == 1 {
            // Back to one slot, so that a wait after a burst does not visit its free slots.
            self.slots.clear();
            (self.first_free, self.free_count) = (NONE, 0);
        } else {
            self.slots[index] = Slot::free(self.first_free);
            self.first_free = index as u64;
            self.free_count += 1;
        }
        slot
    }

    fn count_overlapping(&self, range: LogicalRange) -> usize {
        self.slots.iter().filter(|slot| slot.overlaps(&range)).count()
    }

    fn begin_wait(&mut self, range: LogicalRange, pending: usize) -> u64 {
        let waits = self.waits.get_or_insert_default();
        let ticket = waits.next_ticket;
        waits.next_ticket += 1;
        let waited = Waited { count: pending, failed: 0 };
        waits.in_progress.push(Wait { ticket, range, before: self.next_sequence, pending, waited });
        ticket
    }

    /// Removes the wait if it is over, and returns what it waited for.
    fn end_wait(&mut self, ticket: u64) -> Option<Waited> {
        let waits = &mut self.waits.as_mut()?.in_progress;
        // Few threads wait in one group at once: a search is cheaper than a map.
        let index = waits.iter().position(|wait| wait.ticket == ticket && wait.pending == 0)?;
        // Other waits are found by their ticket, so their order does not matter.
        let over = waits.swap_remove(index);
        if waits.is_empty() {
            self.waits = None;
        }
        Some(over.waited)
    }

    fn waits_mut(&mut self) -> impl Iterator<Item = &mut Wait> {
        self.waits.iter_mut().flat_map(|waits| &mut waits.in_progress)
    }

    /// Makes two entries of one, under its number (X5). No wait ends by it: each that counted the one counts at least
    /// one of the two.
    fn split(&mut self, index: usize, first: LogicalRange, rest: LogicalRange) -> usize {
        let whole = self.slots[index];
        let halves = [first, rest].map(|half| Slot::live(half, whole.sequence));
        for wait in self.waits_mut().filter(|wait| wait.has_counted(&whole)) {
            let more = halves.iter().filter(|half| wait.has_counted(half)).count() - 1;
            wait.pending += more;
            wait.waited.count += more;
        }
        self.slots[index] = halves[0];
        self.place(halves[1])
    }
}

/// Takes the write of `slot` off every wait that counted it, and wakes the waiters if one of them is over
/// (X3).
#[cold]
fn count_down(slab: &mut MonitorGuard<'_, Slab>, slot: &Slot, failed: bool) {
    let mut is_over = false;
    for wait in slab.waits_mut().filter(|wait| wait.has_counted(slot)) {
        wait.pending -= 1;
        wait.waited.failed += usize::from(failed);
        is_over |= wait.pending == 0;
    }
    if is_over {
        slab.notify_all();
    }
}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;

    fn range(start: u64, length: u64) -> LogicalRange {
        LogicalRange::new(start, length).expect("a range")
    }

    #[test]
    fn a_free_slot_overlaps_nothing_and_names_the_next() {
        let live = Slot::live(range(0, 4), 7);
        assert!(!live.is_free() && live.overlaps(&range(3, 1)) && !live.overlaps(&range(4, 1)));
        for next in [0, 7, NONE] {
            let free = Slot::free(next);
            assert!(free.is_free());
            assert_eq!(free.next_free(), next);
            assert!(!free.overlaps(&range(0, u64::MAX)), "address 0 is no exception");
        }
    }

    #[test]
    fn slots_are_reused() {
        let in_flight = OrderedExtents::new(Shards::new(1));
        for _ in 0..1000 {
            let (a, b) = (in_flight.add(range(0, 1)), in_flight.add(range(1, 1)));
            a.finish();
            b.finish();
        }
        assert_eq!(in_flight.shards.get(0).lock().slots.capacity(), 4, "the least that a vector has");
        assert_eq!(in_flight.in_flight(), 0);
    }

    #[test]
    fn only_the_range_is_waited_for() {
        let in_flight = OrderedExtents::default();
        let elsewhere = in_flight.add(range(4096, 4096));
        assert_eq!(in_flight.wait_range(range(0, 4096)), Waited::default());
        assert_eq!(in_flight.wait_range(range(8192, u64::MAX - 8192)), Waited::default());
        elsewhere.finish();
    }

    #[test]
    fn a_dropped_handle_is_a_failed_write() {
        let in_flight = OrderedExtents::default();
        let extent = range(0, 4096);
        let (dropped, finished) = (in_flight.add(extent), in_flight.add(extent));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| in_flight.wait_range(extent));
            while in_flight.shards.iter().all(|slab| slab.lock().waits.is_none()) {
                std::thread::yield_now();
            }
            drop(dropped);
            finished.finish();
            assert_eq!(waiter.join().expect("the waiter ends"), Waited { count: 2, failed: 1 });
        });
    }

    #[test]
    fn a_wait_counts_the_parts_of_its_range() {
        let in_flight = OrderedExtents::new(Shards::new(1));
        let mut first = in_flight.add(range(0, 8192));
        std::thread::scope(|scope| {
            let wait = |range| in_flight.wait_range(range);
            let waiters = [range(0, 8192), range(0, 4096), range(8191, 1)]
                .map(|range| scope.spawn(move || wait(range)));
            while in_flight.shards.get(0).lock().waits.as_ref().map_or(0, |waits| waits.in_progress.len()) < 3
            {
                std::thread::yield_now();
            }
            let second = first.split_off(4096).expect("in two");
            assert_eq!((first.extent(), second.extent()), (range(0, 4096), range(4096, 4096)));
            second.fail();
            first.finish();
            let waited = waiters.map(|waiter| waiter.join().expect("the waiter ends"));
            let counts = |count, failed| Waited { count, failed };
            assert_eq!(waited, [counts(2, 1), counts(1, 0), counts(1, 1)]);
        });
    }

    #[test]
    fn a_part_without_bytes_is_refused_and_changes_nothing() {
        let in_flight = OrderedExtents::default();
        let extent = range(4096, 4096);
        let mut write = in_flight.add(extent);
        for length in [0, 4096, 4097, u64::MAX] {
            assert_eq!(write.split_off(length).err(), Some(SplitError { extent, length }));
        }
        assert_eq!((in_flight.in_flight(), write.extent()), (1, extent));
    }

    #[test]
    fn an_owned_handle_outlives_its_scope() {
        let in_flight = Arc::new(OrderedExtents::default());
        let handle = in_flight.add_owned(range(0, 1));
        std::thread::spawn(move || handle.finish()).join().expect("finishes elsewhere");
        assert_eq!(in_flight.in_flight(), 0);
    }

    #[test]
    fn a_leaked_handle_is_counted() {
        let mut in_flight = OrderedExtents::default();
        std::mem::forget(in_flight.add(range(0, 1)));
        assert_eq!(in_flight.leaked(), 1);
    }
}
