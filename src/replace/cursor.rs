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
#[derive(Debug)]
pub struct Cursor {
    address: Publisher,
}

/// The writers' half of the cursor.
#[derive(Debug, Clone)]
pub struct CursorReader {
    address: Published,
}

impl Cursor {
    /// A cursor at address zero: nothing is copied yet.
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
    pub fn advance(&mut self, to: LogicalAddress) {
        let from = self.address();
        assert!(from <= to, "the cursor only moves forward: it is at {from}, and cannot go to {to}");
        self.address.publish(to);
        emit(|| Event::MoveCursor { to });
    }

    /// Back to zero: the target is given up.
    pub fn reset(&mut self) {
        self.address.publish(0);
        emit(|| Event::MoveCursor { to: 0 });
    }
}

impl CursorReader {
    /// Where the cursor is, or was a moment ago. To be asked for each write *after* its ordered extent
    /// was added: the cursor then cannot pass the write's group before the write is finished.
    #[must_use]
    pub fn address(&self) -> LogicalAddress {
        self.address.get()
    }
}
