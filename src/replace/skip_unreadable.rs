//! A source that is read as far as it can be read.

use std::io;

use crate::device::Device;
use crate::sync::Mutex;
use crate::units::{LogicalAddress, LogicalRange};

/// A device whose unreadable units read as zeroes, and are listed: for a copy that saves what can be saved.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// A read that fails is done again, unit by unit. Other calls go to the device as they are.
///
/// ```
/// use blockgate::Device;
/// use blockgate::replace::SkipUnreadable;
/// # use blockgate::{LogicalRange, MemoryDevice};
/// # use std::io;
/// # struct Scratched(MemoryDevice);
/// # impl Device for Scratched {
/// #     fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
/// #         let scratch = LogicalRange::new(4096, 512).unwrap();
/// #         let range = LogicalRange::new(offset, buffer.len() as u64).unwrap();
/// #         if range.overlaps(&scratch) { Err(io::Error::other("scratched")) } else { self.0.read_at(offset, buffer) }
/// #     }
/// #     fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> { self.0.write_at(offset, data) }
/// #     fn flush(&self) -> io::Result<()> { self.0.flush() }
/// #     fn length(&self) -> io::Result<u64> { self.0.length() }
/// # }
/// let disk = Scratched(MemoryDevice::new(1 << 20)); // one bad sector, at 4096
/// disk.write_at(0, &[7; 16384])?;
///
/// let skipping = SkipUnreadable::new(&disk, 4096);
/// let mut bytes = [1; 16384];
/// skipping.read_at(0, &mut bytes)?;
/// assert_eq!((bytes[4095], bytes[4096], bytes[8191], bytes[8192]), (7, 0, 0, 7));
/// assert_eq!(skipping.into_skipped(), [LogicalRange::new(4096, 4096)?]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SkipUnreadable<'device> {
    device: &'device dyn Device,
    unit: usize,
    skipped: Mutex<Vec<LogicalRange>>,
}

impl<'device> SkipUnreadable<'device> {
    /// Skips `unit` bytes at a time.
    ///
    /// # Panics
    /// If `unit` is zero, or more than the memory has addresses.
    #[must_use]
    pub fn new(device: &'device dyn Device, unit: u64) -> Self {
        let unit = usize::try_from(unit).ok().filter(|unit| *unit > 0);
        Self { device, unit: unit.expect("a unit of at least one byte"), skipped: Mutex::default() }
    }

    /// What was skipped, in the order in which it was read; what adjoins is one range.
    #[must_use]
    pub fn into_skipped(self) -> Vec<LogicalRange> {
        std::mem::take(&mut *self.skipped.lock())
    }

    fn skip(&self, start: LogicalAddress, bytes: &mut [u8]) {
        bytes.fill(0);
        let end = start + bytes.len() as u64;
        let mut skipped = self.skipped.lock();
        match skipped.last_mut() {
            Some(last) if last.end() == start => *last = LogicalRange::between(last.start(), end),
            _ => skipped.push(LogicalRange::between(start, end)),
        }
    }
}

impl Device for SkipUnreadable<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if buffer.is_empty() || self.device.read_at(offset, buffer).is_ok() {
            return Ok(());
        }
        for (start, bytes) in (offset..).step_by(self.unit).zip(buffer.chunks_mut(self.unit)) {
            if self.device.read_at(start, bytes).is_err() {
                self.skip(start, bytes);
            }
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.device.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        self.device.flush()
    }

    fn length(&self) -> io::Result<u64> {
        self.device.length()
    }
}

impl std::fmt::Debug for SkipUnreadable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SkipUnreadable").field("unit", &self.unit).finish_non_exhaustive()
    }
}
