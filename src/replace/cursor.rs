//! How far the copy has come: a write below it goes to both devices.
//!
//! # Rejected
//!
//! - *Reading it once, when the write begins.* The cursor may pass the group between that and the I/O if no
//!   ordered extent exists yet. It is read for each I/O, while one does.
//! - *A lock around the read and the I/O* (the kernel takes a semaphore of the replace for reading): every
//!   write of every group would meet the cursor's.

use crate::event::{Event, emit};
use crate::sync::{Published, Publisher, published};
use crate::units::LogicalAddress;

/// The copier's half of the cursor. It only moves forward, until it is [reset](Cursor::reset) for
/// another replace. The kernel's is `dev_replace.cursor_left`.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use blockgate::Cursor;
///
/// let (mut cursor, reader) = Cursor::new();
/// assert_eq!(reader.address(), 0); // every write goes to the source alone
/// cursor.advance(64 << 10);
/// assert!(4096 < reader.address()); // a write at 4096 goes to both devices
/// cursor.reset(); // the target is given up
/// assert_eq!(reader.address(), 0);
/// ```
#[derive(Debug)]
pub struct Cursor {
    address: Publisher,
}

/// The writers' half of the cursor.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use blockgate::{Cursor, CursorReader, Device, LogicalRange, MemoryDevice, OrderedExtents};
///
/// /// One I/O of a write that is in flight.
/// fn write_through(
///     (source, target): (&dyn Device, &dyn Device),
///     cursor: &CursorReader,
///     start: u64,
///     data: &[u8],
/// ) -> std::io::Result<()> {
///     let both = start < cursor.address(); // asked for each I/O, not once for each write
///     source.write_at(start, data)?;
///     if both { target.write_at(start, data) } else { Ok(()) }
/// }
///
/// let (source, target) = (MemoryDevice::new(8192), MemoryDevice::new(8192));
/// let (in_flight, (mut cursor, reader)) = (OrderedExtents::default(), Cursor::new());
/// cursor.advance(4096); // the first half was copied
/// let write = in_flight.add(LogicalRange::new(0, 4096)?); // before the cursor is looked at
/// write_through((&source, &target), &reader, 0, &[7; 4096])?;
/// write.finish();
///
/// let mut byte = [0];
/// target.read_at(0, &mut byte)?;
/// assert_eq!(byte, [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CursorReader {
    address: Published,
}

impl Cursor {
    /// A cursor at address zero: nothing is copied yet. Returns the half for the task that copies, and
    /// one for writers, which they clone.
    ///
    /// ```
    /// let (cursor, reader) = blockgate::Cursor::new();
    /// let another_writers = reader.clone();
    /// assert_eq!((cursor.address(), another_writers.address()), (0, 0));
    /// ```
    #[must_use]
    pub fn new() -> (Self, CursorReader) {
        let (address, reader) = published(0);
        (Self { address }, CursorReader { address: reader })
    }

    /// Everything below this address is on the target.
    #[must_use]
    pub fn address(&self) -> LogicalAddress {
        self.address.last()
    }

    /// Moves the cursor to `to`.
    ///
    /// Release: what was copied happens-before the writes of a thread that sees the cursor there.
    ///
    /// # Panics
    /// If that is backwards.
    ///
    /// # Example
    /// ```
    /// let (mut cursor, reader) = blockgate::Cursor::new();
    /// cursor.advance(1 << 20); // the group below this address is on the target
    /// cursor.advance(2 << 20);
    /// assert_eq!(std::thread::spawn(move || reader.address()).join().unwrap(), 2 << 20);
    /// ```
    pub fn advance(&mut self, to: LogicalAddress) {
        let from = self.address();
        assert!(from <= to, "the cursor only moves forward: it is at {from}, and cannot go to {to}");
        self.address.publish(to);
        emit(|| Event::MoveCursor { to });
    }

    /// Back to zero: the target is given up. A write that has read the old cursor may still go to both
    /// devices.
    ///
    /// Does not block. Release, as [`Cursor::advance`].
    ///
    /// ```
    /// let (mut cursor, reader) = blockgate::Cursor::new();
    /// cursor.advance(1 << 20);
    /// cursor.reset(); // this target is given up, and the next one begins empty
    /// assert_eq!(reader.address(), 0);
    /// ```
    pub fn reset(&mut self) {
        self.address.publish(0);
        emit(|| Event::MoveCursor { to: 0 });
    }
}

impl CursorReader {
    /// Where the cursor is, or was a moment ago. To be asked for each write *after* its ordered extent
    /// was added: the cursor then cannot pass the write's group before the write is finished.
    ///
    /// Never blocks. It goes back only by a [reset](Cursor::reset).
    ///
    /// Acquire: what was copied below the address that is returned happens-before the return.
    ///
    /// ```
    /// # use blockgate::{Cursor, LogicalRange, OrderedExtents};
    /// let (in_flight, (cursor, reader)) = (OrderedExtents::default(), Cursor::new());
    /// let write = in_flight.add(LogicalRange::new(0, 4096)?);
    /// let both = write.extent().start() < reader.address(); // after the ordered extent was added
    /// assert!(!both);
    /// write.finish();
    /// # drop(cursor);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> LogicalAddress {
        self.address.get()
    }
}
