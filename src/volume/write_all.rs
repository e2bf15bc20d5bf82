//! Data of any length: what no single free range can hold goes to several extents, of which a commit lists all or none.
//!
//! # Invariants
//!
//! - V12: the references of all extents of one call are queued in one critical section.
//!
//! Checked by `loom-tests/src/models/write_all.rs`,
//! argued in [`docs/protocol.md`](crate::proof::protocol).
//!
//! # Rejected
//!
//! - *Halving what does not fit*. A refusal says how long the longest free range is, so the next request is for that:
//!   as few extents as there can be, where nobody else allocates meanwhile.
//! - *One reference change after the other*. A commit in between would list a part of the data.

use crate::delayed_ref::DelayedRef;
use crate::new_extent::NewExtent;
use crate::units::LogicalRange;

use super::{CowWrite, Volume, WriteError};

impl Volume {
    /// Writes `data` to new extents, as few as there is room for, in the order of its bytes, and returns where. Its length
    /// is rounded up to whole allocation units; the bytes behind the data are zero. A commit lists all of the extents, or
    /// none. Blocks for the device, and not for a commit. Without data nothing is done.
    ///
    /// A group that is read-only is passed over. The bytes are on the devices when it returns, and durable after the next
    /// [`Volume::commit`].
    ///
    /// # Errors
    /// [`WriteError`]; nothing is allocated then. [`WriteError::NoSpace`] where all free ranges together are too short: its
    /// `length` is what was still to be placed.
    ///
    /// # Example
    /// ```
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// let builder = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?);
    /// let builder = builder.group(LogicalRange::new(1 << 20, 1 << 20)?);
    /// let volume = builder.build(Arc::new(MemoryDevice::new(2 << 20)))?;
    ///
    /// let image = vec![7; 3 << 19]; // longer than a group
    /// let extents = volume.write_all(&image)?;
    /// assert_eq!(extents.iter().map(LogicalRange::len).sum::<u64>(), 3 << 19);
    ///
    /// let mut read = Vec::new();
    /// for extent in &extents {
    ///     let mut bytes = vec![0; extent.len() as usize];
    ///     volume.read(extent.start(), &mut bytes)?;
    ///     read.extend(bytes);
    /// }
    /// assert!(read == image);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_all(&self, data: &[u8]) -> Result<Vec<LogicalRange>, WriteError> {
        let writes = self.begin_all(self.rounded_up(data.len() as u64)?)?;
        let mut rest = data;
        for write in &writes {
            rest = write.fill_from(rest)?;
        }
        self.finish_all(writes)
    }

    /// Space of `length` bytes in all.
    fn begin_all(&self, length: u64) -> Result<Vec<CowWrite<'_>>, WriteError> {
        let (mut writes, mut left) = (Vec::new(), length);
        while left > 0 {
            let write = self.begin_longest(left)?;
            left -= write.extent().len();
            writes.push(write);
        }
        Ok(writes)
    }

    /// As much of `length` bytes as there is in one place. Each further request is for less, so this ends, whoever takes
    /// the space meanwhile.
    fn begin_longest(&self, length: u64) -> Result<CowWrite<'_>, WriteError> {
        let (unit, mut asked) = (self.groups()[0].block_group.alignment(), length);
        loop {
            match self.begin_cow(asked) {
                Err(WriteError::NoSpace { largest, .. }) if largest >= unit && asked > unit => {
                    asked = largest.min(asked - unit);
                }
                Err(WriteError::NoSpace { largest, read_only, .. }) => {
                    return Err(WriteError::NoSpace { length, largest, read_only });
                }
                outcome => return outcome,
            }
        }
    }

    fn finish_all(&self, writes: Vec<CowWrite<'_>>) -> Result<Vec<LogicalRange>, WriteError> {
        let all = writes.into_iter().map(CowWrite::into_new).collect();
        NewExtent::queue_all(all, |extents| {
            let refs: Vec<_> = extents.iter().copied().map(DelayedRef::add).collect();
            self.transactions.push_all(&refs)?;
            Ok(())
        })
    }
}
