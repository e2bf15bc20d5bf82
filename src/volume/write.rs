//! The write paths: COW, NOCOW, and the overwrite that tries one and falls back to the other.
//!
//! # Rejected
//!
//! - *Keeping the reservation until the write is finished*, and doing without ordered extents: step 2 would
//!   then wait for I/O, with the group closed to all writers for as long.
//! - *Queueing the delayed ref when the I/O is submitted*: a commit could list bytes that are not there yet.
//! - Tried: *asking the groups from the first one on*. A volume's first groups are mostly full. Each thread begins at the
//!   group that served it last.
//! - Tried: *going to another group at once* when one is read-only, without a yield. With 2 writers on 2 processors, the
//!   99th percentile of a freeze (until no write is in flight) was 25 to 70 times longer; with 4 there was no clear
//!   difference.
//! - Tried: *handles whose drops are methods on `self`*. They went through memory field by field, which cost 3 to 5 ns
//!   each time. A drop hands its fields by value to a cold function; what is finished is taken apart.

use std::fmt;
use std::io;

use crate::block_group::{Refusal, ReserveError};
use crate::delayed_ref::DelayedRef;
use crate::event::{Event, emit};
use crate::new_extent::NewExtent;
use crate::ordered_extent::{OrderedExtent, OrderedExtents};
use crate::sync::{Flag, recall, remember, yield_now};
use crate::units::{LogicalAddress, LogicalRange};

use super::error::WhyInDoubt;
use super::{Volume, WriteError};

impl Volume {
    /// Writes `data` to a new extent, and returns where. Its length is rounded up to whole allocation
    /// units; the bytes behind the data are zero. Blocks for the device, and not for a commit.
    ///
    /// A group that is read-only is passed over; that is no error unless none is left.
    ///
    /// The bytes are on the devices when it returns, and durable after the next [`Volume::commit`].
    ///
    /// # Errors
    /// [`WriteError`]; nothing is allocated then. What no single group can hold: [`Volume::write_all`].
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[7; 5000])?;
    /// assert_eq!(extent.len(), 8192); // two whole units
    /// let mut bytes = [1; 8192];
    /// volume.read(extent.start(), &mut bytes)?;
    /// assert_eq!((bytes[4999], bytes[5000]), (7, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, data: &[u8]) -> Result<LogicalRange, WriteError> {
        let write = self.begin_cow(self.rounded_up(data.len() as u64)?)?;
        write.fill_from(data)?;
        write.finish()
    }

    /// Overwrites the start of `extent` by `data`: in place if its group is read-write and its reference the only
    /// one, queued ones included; else in a new extent, to which the rest of the bytes and one reference move.
    /// Blocks as [`Volume::write`]. Without data nothing is done.
    ///
    /// # Errors
    /// [`WriteError`], [`WriteError::NotAnExtent`] for a part of one, [`WriteError::NoReference`] for what is no
    /// extent (yet, or any more), [`WriteError::BeyondExtent`]; the extent's references are as before then, and in
    /// these three cases nothing is written.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Overwrite;
    ///
    /// let mut extent = volume.write(&[1; 4096])?;
    /// volume.commit()?;
    /// assert_eq!(volume.overwrite(extent, &[2])?, Overwrite::InPlace);
    ///
    /// volume.add_reference(extent)?; // a snapshot shares it from here on
    /// volume.commit()?;
    /// if let Overwrite::Moved(elsewhere) = volume.overwrite(extent, &[3])? {
    ///     extent = elsewhere; // the snapshot keeps its bytes
    /// }
    /// let mut bytes = [0; 2];
    /// volume.read(extent.start(), &mut bytes)?;
    /// assert_eq!(bytes, [3, 1]); // the rest moved too
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn overwrite(&self, extent: LogicalRange, data: &[u8]) -> Result<Overwrite, WriteError> {
        check_fits(extent, 0, data)?;
        self.storage().group_of(extent)?;
        if data.is_empty() {
            self.transactions.check()?;
            self.transactions.is_exclusive(extent)?;
            return Ok(Overwrite::InPlace);
        }
        match self.begin_nocow(extent) {
            Ok(write) => {
                write.write_at(0, data)?;
                write.finish();
                Ok(Overwrite::InPlace)
            }
            // A clone must not see the overwrite, so a shared extent is replaced and not written.
            Err(WriteError::Shared { .. }) => self.overwrite_elsewhere(extent, data),
            Err(WriteError::ReadOnly(_)) => {
                // Before anything is allocated for what may be no extent.
                self.transactions.is_exclusive(extent)?;
                self.overwrite_elsewhere(extent, data)
            }
            Err(error) => Err(error),
        }
    }

    fn overwrite_elsewhere(&self, extent: LogicalRange, data: &[u8]) -> Result<Overwrite, WriteError> {
        let write = self.begin_cow(extent.len())?;
        write.write_at(0, data)?;
        self.move_rest(extent, data.len() as u64, &write)?;
        write.finish_instead_of(extent).map(Overwrite::Moved)
    }

    /// Allocates `length` bytes for I/O that the caller does at any later time: in the group that served the
    /// thread last, or in the next one that has them. (A volume's first groups are full most of the time.)
    /// Does not block for a read-only group, nor for a commit; a thread that a read-only group refused yields its
    /// processor once. To wait for a group instead, call [`Volume::wait_begin_cow`].
    ///
    /// # Errors
    /// [`WriteError::Length`]. [`WriteError::NoSpace`]: none of the groups that are read-write had room when it was
    /// looked at, and there was a moment at which all others were read-only. (That is looked up once; until space becomes
    /// free or a group is opened, further requests are refused at once.)
    /// [`WriteError::Commit`] in its place once a commit has failed. (Where there is room, [`CowWrite::finish`] says so.)
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let write = volume.begin_cow(8192)?;
    /// std::thread::scope(|scope| {
    ///     for (half, offset) in [(1, 0), (2, 4096)] {
    ///         let write = &write;
    ///         scope.spawn(move || write.write_at(offset, &[half; 4096]));
    ///     }
    /// });
    /// let extent = write.finish()?;
    /// assert_eq!(volume.commit()?.extents_in(extent).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn begin_cow(&self, length: u64) -> Result<CowWrite<'_>, WriteError> {
        let first = recall(self.owner);
        match self.begin_cow_in(first, length) {
            Ok(write) => Ok(write),
            Err(refusal) => self.begin_cow_elsewhere(first, refusal, length),
        }
    }

    #[inline(always)]
    fn begin_cow_in(&self, index: usize, length: u64) -> Result<CowWrite<'_>, ReserveError> {
        let group = &self.groups()[index];
        let reservation = group.block_group.reserve(length)?;
        Ok(CowWrite { volume: self, new: NewExtent::begin(reservation, &group.ordered) })
    }

    /// As [`Volume::begin_cow`], and where no group that is read-write has room, blocks while one is read-only: until
    /// the first that opens has room, space becomes free in another, or none is read-only.
    ///
    /// The calling thread is to hold no token of this volume meanwhile ([`CowWrite`], [`NocowWrite`], a level of
    /// read-only, a transaction handle): the drain that made the group read-only may wait for it, without end. A
    /// thread that holds some calls [`Volume::begin_cow`], which says that this call would block by
    /// [`WriteError::NoSpace`] with a `read_only` of at least 1; then it finishes what it holds, and waits.
    ///
    /// # Errors
    /// [`WriteError::Length`]; [`WriteError::NoSpace`], with a `read_only` of 0; [`WriteError::Commit`] once a commit has
    /// failed, which ends the wait too.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::WriteError;
    ///
    /// let mut batch = Vec::new();
    /// let scrub = volume.groups()[0].block_group().set_read_only();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| drop(scrub));
    ///     for _ in 0..8 {
    ///         let write = match volume.begin_cow(4096) {
    ///             Err(WriteError::NoSpace { read_only: 1.., .. }) => {
    ///                 batch.drain(..).try_for_each(|write: blockgate::CowWrite<'_>| write.finish().map(drop))?;
    ///                 volume.wait_begin_cow(4096)?
    ///             }
    ///             outcome => outcome?,
    ///         };
    ///         write.write_at(0, &[7; 4096])?;
    ///         batch.push(write);
    ///     }
    ///     batch.drain(..).try_for_each(|write| write.finish().map(drop))
    /// })?;
    /// assert_eq!(volume.commit()?.len(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_begin_cow(&self, length: u64) -> Result<CowWrite<'_>, WriteError> {
        let room = &self.storage().room;
        loop {
            let before = room.look();
            match self.begin_cow(length) {
                Err(WriteError::NoSpace { read_only: 1.., .. }) => room.wait_since(&before),
                outcome => return outcome,
            }
        }
    }

    /// In any group, after `first` refused. Passes over the groups again where one was opened during a pass: it may
    /// be another than those that were read-write when they were looked at.
    #[cold]
    fn begin_cow_elsewhere(
        &self,
        first: usize,
        refusal: ReserveError,
        length: u64,
    ) -> Result<CowWrite<'_>, WriteError> {
        // Before "no space": nobody can make any now. And before a wait, which the abort ends by one look more.
        self.transactions.check()?;
        if let ReserveError::ReadOnly(_) = refusal {
            // Once a call: the thread that froze the group may have the processor first.
            yield_now();
        }
        if self.groups().len() == 1 || matches!(refusal, ReserveError::Length { .. }) {
            // One look at one group is of one moment: nothing can have hopped. And a wrong length is wrong everywhere.
            return Err(WriteError::refused(refusal, length));
        }
        let room = &self.storage().room;
        loop {
            let before = room.look();
            if let Some(refusal) = before.refusal_of(length) {
                return Err(WriteError::no_space(refusal, length));
            }
            match self.begin_cow_in_any(first, length) {
                Ok(write) => return Ok(write),
                Err(refusal) if room.refuse(&before, refusal) => {
                    return Err(WriteError::no_space(refusal, length));
                }
                Err(_) => {}
            }
        }
    }

    /// One pass: in the group that had room lately, in the groups after `first`, in those before it, and in `first`.
    fn begin_cow_in_any(&self, first: usize, length: u64) -> Result<CowWrite<'_>, Refusal> {
        let room = &self.storage().room;
        let mut refusal = Refusal { largest: 0, read_only: 0 };
        for index in search_order(room.lately(), first, self.groups().len()) {
            match self.begin_cow_in(index, length) {
                Ok(write) => {
                    remember(self.owner, index);
                    room.found_in(index);
                    return Ok(write);
                }
                Err(ReserveError::ReadOnly(_)) => refusal.read_only += 1,
                Err(ReserveError::NoSpace { largest, .. }) => refusal.largest = refusal.largest.max(largest),
                Err(ReserveError::Length { .. }) => unreachable!("the first group would have said so"),
            }
        }
        Err(refusal)
    }

    /// Begins an in-place write to `extent`, for I/O that the caller does at any later time. Until it has ended,
    /// [`Volume::add_reference`] to the extent waits.
    ///
    /// # Errors
    /// [`WriteError::ReadOnly`], [`WriteError::Shared`] where others refer to the extent: write elsewhere instead.
    /// [`WriteError::Outside`], [`WriteError::NotAnExtent`], [`WriteError::NoReference`]. [`WriteError::Commit`] once a
    /// commit has failed.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::WriteError;
    ///
    /// let extent = volume.write(&[1; 4096])?;
    /// let write = volume.begin_nocow(extent)?;
    /// write.write_at(100, &[2; 8])?;
    /// write.finish();
    ///
    /// let read_only = volume.groups()[0].block_group().set_read_only();
    /// assert!(matches!(volume.begin_nocow(extent), Err(WriteError::ReadOnly(_)))); // write COW
    /// # drop(read_only);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin_nocow(&self, extent: LogicalRange) -> Result<NocowWrite<'_>, WriteError> {
        self.transactions.check()?;
        let group = self.storage().group_of(extent)?;
        let admission = group.block_group.begin_nocow()?;
        // V1: the next token first.
        let ordered = group.ordered.add(extent);
        drop(admission);
        // V5: a clone that is queued later waits for this write; one that was queued before is seen.
        let is_exclusive = self.transactions.is_exclusive(extent);
        if is_exclusive != Ok(true) {
            ordered.finish(); // nothing was written: not a failure
            is_exclusive?;
            return Err(WriteError::Shared { extent });
        }
        let bytes = Unfinished { volume: self, extent, touched: Flag::new() };
        Ok(NocowWrite { bytes, ordered })
    }

    /// A live extent may have old bytes on one device and new ones on the other. (Ahead of the cursor that does no harm:
    /// the extent will be copied.)
    fn devices_may_differ(&self, extent: LogicalRange) {
        if extent.start() < self.cursor.address()
            && let Some(target) = self.storage().target.get()
        {
            drop(target.doubt(extent, WhyInDoubt::GivenUp));
        }
    }

    /// Copies what `old` has behind `offset` to the same place in the new extent.
    fn move_rest(&self, old: LogicalRange, offset: u64, write: &CowWrite<'_>) -> Result<(), WriteError> {
        if offset == old.len() {
            return Ok(());
        }
        let mut rest = zeroes(old.len() - offset);
        self.read(old.start() + offset, &mut rest).map_err(WriteError::Device)?;
        write.write_at(offset, &rest)
    }

    pub(super) fn rounded_up(&self, length: u64) -> Result<u64, WriteError> {
        let alignment = self.groups()[0].block_group.alignment();
        let rounded = length.checked_next_multiple_of(alignment);
        rounded.ok_or(WriteError::Length { length, alignment })
    }

    fn write_within(&self, extent: LogicalRange, offset: u64, data: &[u8]) -> Result<(), WriteError> {
        check_fits(extent, offset, data)?;
        self.write_through(extent.start() + offset, data).map_err(WriteError::Device)
    }

    /// Writes `data` at `start` to the source and, behind the cursor, to the target.
    ///
    /// V2: to be called while the ordered extent of these bytes exists.
    #[inline]
    fn write_through(&self, start: LogicalAddress, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let extent = LogicalRange::between(start, start + data.len() as u64);
        let both = start < self.cursor.address();
        let target = if both { self.storage().target.get() } else { None };
        emit(|| Event::Write { extent, both: target.is_some() });
        let Some(target) = target else { return self.source().write_at(start, data) };
        // V9: whatever the caller makes of an error, what the source has there is not what the target has.
        let doubt = target.doubt(extent, WhyInDoubt::SourceFailed);
        self.source().write_at(start, data)?;
        doubt.settle();
        target.clone_write(extent, data);
        Ok(())
    }
}

/// Each of `groups` indices once: `lately`, then those after `first`, and on from the lowest.
fn search_order(lately: usize, first: usize, groups: usize) -> impl Iterator<Item = usize> {
    let others = (first + 1..groups).chain(0..=first).filter(move |index| *index != lately);
    std::iter::once(lately).chain(others)
}

#[inline]
fn check_fits(extent: LogicalRange, offset: u64, data: &[u8]) -> Result<(), WriteError> {
    let length = data.len() as u64;
    if offset.checked_add(length).is_none_or(|end| end > extent.len()) {
        return Err(WriteError::BeyondExtent { extent, offset, length });
    }
    Ok(())
}

fn zeroes(length: u64) -> Vec<u8> {
    vec![0; usize::try_from(length).expect("less than what was written, or one extent in memory")]
}

/// What [`Volume::overwrite`] did.
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
/// let old = volume.write(&[1; 4096])?;
/// let now = match volume.overwrite(old, &[2; 4096])? {
///     Overwrite::InPlace => old,
///     Overwrite::Moved(new) => new, // an index of extents is updated here
/// };
/// let mut bytes = [0; 4096];
/// volume.read(now.start(), &mut bytes)?;
/// assert_eq!(bytes, [2; 4096]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the data may be elsewhere now"]
pub enum Overwrite {
    /// The bytes are where they were.
    InPlace,
    /// The group was read-only, or the extent is shared: the bytes are in this new extent, and the old one
    /// has one reference less.
    Moved(LogicalRange),
}

/// A write to a new extent. Dropping it unfinished gives the space back and marks the write as failed.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// let write = volume.begin_cow(4096)?;
/// write.write_at(0, &[7; 4096])?;
/// drop(write); // given up: its space is free again, and no root will list it
/// assert_eq!(volume.groups()[0].block_group().figures().free, 1 << 20);
/// assert!(volume.commit()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this unfinished gives up the write"]
pub struct CowWrite<'volume> {
    volume: &'volume Volume,
    new: NewExtent<'volume>,
}

impl<'volume> CowWrite<'volume> {
    /// Where the bytes go.
    #[must_use]
    #[inline]
    pub fn extent(&self) -> LogicalRange {
        self.new.extent()
    }

    /// Writes `data` at `offset` bytes into the extent. Blocks for the device. Bytes of the extent that are
    /// never written are whatever the devices hold there, which may be different things.
    ///
    /// # Errors
    /// [`WriteError::BeyondExtent`], [`WriteError::Device`].
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::WriteError;
    ///
    /// let write = volume.begin_cow(4096)?;
    /// write.write_at(0, &[7; 4096])?;
    /// let beyond = write.write_at(4000, &[7; 100]); // 4 bytes too many: nothing is written
    /// assert!(matches!(beyond, Err(WriteError::BeyondExtent { offset: 4000, length: 100, .. })));
    /// write.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), WriteError> {
        self.volume.write_within(self.extent(), offset, data)
    }

    /// Fills the extent from the start of `data`, and with zeroes behind it. Returns what is left of `data`.
    pub(super) fn fill_from<'data>(&self, data: &'data [u8]) -> Result<&'data [u8], WriteError> {
        let length = usize::try_from(self.extent().len()).unwrap_or(usize::MAX);
        let (now, rest) = data.split_at(data.len().min(length));
        self.write_at(0, now)?;
        let padding = self.extent().len() - now.len() as u64;
        if padding > 0 {
            self.write_at(now.len() as u64, &zeroes(padding))?;
        }
        Ok(rest)
    }

    /// For several that are finished together.
    pub(super) fn into_new(self) -> NewExtent<'volume> {
        self.new
    }

    /// The bytes are on the device: queues the extent's reference and finishes its ordered extent. Does not wait for a
    /// commit.
    ///
    /// # Errors
    /// [`WriteError::Commit`] once a commit failed; the space is given back.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let write = volume.begin_cow(4096)?;
    /// write.write_at(0, &[7; 4096])?;
    /// assert!(volume.commit()?.is_empty()); // not finished: not in the commit root
    /// let extent = write.finish()?;
    /// assert_eq!(volume.commit()?.extents_in(extent).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn finish(self) -> Result<LogicalRange, WriteError> {
        let transactions = &self.volume.transactions;
        // Unchecked, and without a handle: the extent is new, and nobody else's.
        self.new.queue(|extent| {
            transactions.push(DelayedRef::add(extent))?;
            Ok(())
        })
    }

    /// As [`CowWrite::finish`], and drops one reference of `old` in the same transaction. Blocks while a commit closes
    /// the transaction that runs.
    ///
    /// # Errors
    /// As [`CowWrite::finish`], and as [`Volume::delete`] for `old`; the space is given back.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let old = volume.write(&[1; 4096])?;
    /// volume.commit()?;
    /// let write = volume.begin_cow(4096)?;
    /// write.write_at(0, &[2; 4096])?;
    /// let new = write.finish_instead_of(old)?; // after no crash are there both, or none
    /// let root = volume.commit()?;
    /// assert_eq!(root.extents_in(volume.groups()[0].block_group().range()).collect::<Vec<_>>(), [new]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish_instead_of(self, old: LogicalRange) -> Result<LogicalRange, WriteError> {
        self.volume.storage().group_of(old)?;
        let refs = [DelayedRef::drop(old), DelayedRef::add(self.extent())];
        let mut handle = self.volume.transactions.join()?;
        self.new.queue(|_| {
            let queued = handle.change(&refs);
            drop(handle);
            Ok(queued?)
        })
    }
}

/// An in-place write. Dropping it unfinished marks the write as failed: its bytes are then the old ones,
/// the new ones, or a mix, and a replace that is past them fails.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// let extent = volume.write(&[1; 4096])?;
/// let write = volume.begin_nocow(extent)?;
/// write.write_at(0, &[2; 4096])?;
/// write.finish(); // a drain waits for it until here
/// let mut bytes = [0; 4096];
/// volume.read(extent.start(), &mut bytes)?;
/// assert_eq!(bytes, [2; 4096]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping this unfinished marks the write as failed"]
pub struct NocowWrite<'volume> {
    // Dropped in this order, V9: a waiter that learns of the failure finds the bytes in doubt.
    bytes: Unfinished<'volume>,
    ordered: OrderedExtent<&'volume OrderedExtents>,
}

/// Bytes that are being overwritten in place. Dropping it gives them up.
struct Unfinished<'volume> {
    volume: &'volume Volume,
    extent: LogicalRange,
    /// Bytes were sent to a device, by whatever thread.
    touched: Flag,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.touched.exclusive_is_raised() {
            self.volume.devices_may_differ(self.extent);
        }
    }
}

impl NocowWrite<'_> {
    /// Writes `data` at `offset` bytes into the extent. Blocks for the device.
    ///
    /// # Errors
    /// [`WriteError::BeyondExtent`], [`WriteError::Device`].
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// let extent = volume.write(&[1; 4096])?;
    /// let write = volume.begin_nocow(extent)?;
    /// write.write_at(4, &[2; 4])?;
    /// write.finish();
    /// let mut bytes = [0; 8];
    /// volume.read(extent.start(), &mut bytes)?;
    /// assert_eq!(bytes, [1, 1, 1, 1, 2, 2, 2, 2]); // the others stay as they were
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), WriteError> {
        let Unfinished { volume, extent, touched } = &self.bytes;
        check_fits(*extent, offset, data)?;
        if data.is_empty() {
            return Ok(());
        }
        // Just before a byte goes out, and not for a wrong argument.
        touched.raise();
        volume.write_through(extent.start() + offset, data).map_err(WriteError::Device)
    }

    /// The bytes are on the device. A drain that waits for this write goes on. It is durable after the next
    /// [`Volume::commit`]. Does not block for the device.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// # let device = || Arc::new(MemoryDevice::new(1 << 20));
    /// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
    /// use blockgate::Policy;
    ///
    /// let extent = volume.write(&[1; 4096])?;
    /// let write = volume.begin_nocow(extent)?;
    /// write.write_at(0, &[2; 4096])?;
    /// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| write.finish());
    ///     replace.next_group() // waits for it, and copies the new bytes
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish(self) {
        let Self { bytes, ordered } = self;
        std::mem::forget(bytes);
        ordered.finish();
    }
}

impl fmt::Debug for CowWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CowWrite").field("extent", &self.extent()).finish_non_exhaustive()
    }
}

impl fmt::Debug for NocowWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NocowWrite").field("extent", &self.bytes.extent).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_search_begins_where_there_was_room_and_visits_each_group_once() {
        let order = |lately, first| search_order(lately, first, 4).collect::<Vec<_>>();
        assert_eq!(order(2, 0), [2, 1, 3, 0]);
        assert_eq!(order(1, 1), [1, 2, 3, 0]);
        assert_eq!(order(0, 3), [0, 1, 2, 3]);
    }
}
