//! The replace of one block group: freeze it, drain it, copy it, pass it.
//!
//! The hard part is the order, so it is in the types: each step consumes the token that the step before
//! returned. Code that compiles cannot copy before it committed, nor commit before it waited, and
//! dropping a token at any step, on an error or by unwinding, undoes the freeze.
//!
//! | step | method | token after it | the step |
//! |---|---|---|---|
//! | 1 | [`Frozen::freeze`] | [`Frozen`] | no more reservations and NOCOW writers |
//! | 2 | [`Frozen::wait_writers`] | [`Quiet`] | those admitted before have ended |
//! | 3 | [`Quiet::wait_ordered`] | [`Settled`] | their writes have finished |
//! | 4 | [`Settled::commit`] | [`Committed`] | their extent items are in the commit root |
//! | 5 | [`Committed::copy`] | [`Copied`] | every extent of the commit root is on the target |
//! | 6 | [`Copied::advance`] | [`Passed`] | writes to the group go to both devices from here on |
//! | 7 | [`Passed::set_read_write`] | | writers are admitted again |
//!
//! ```
//! use blockgate::{
//!     BlockGroup, BlockGroupId, CancelToken, Cursor, DelayedRef, Device, Frozen, LogicalRange, MemoryDevice,
//!     OrderedExtents, Transactions,
//! };
//!
//! let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
//! let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
//! let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
//! let (mut cursor, reader) = Cursor::new();
//!
//! // A writer. It always holds a token, and takes the next one before it lets go of the last.
//! let reservation = group.reserve(4096)?;
//! let write = in_flight.add(reservation.extent());
//! let extent = reservation.hand_over();
//! source.write_at(extent.start(), &[7; 4096])?;
//! transactions.push(DelayedRef::add(extent))?;
//! write.finish();
//!
//! // The replace of its group.
//! let summary = Frozen::freeze(&group)
//!     .wait_writers()
//!     .wait_ordered(&in_flight)
//!     .commit(&transactions)?
//!     .copy(&source, &target, &CancelToken::default())?
//!     .advance(&mut cursor)
//!     .set_read_write();
//!
//! assert_eq!(summary.copied.extents, 1);
//! let mut bytes = [0; 4096];
//! target.read_at(extent.start(), &mut bytes)?;
//! assert_eq!(bytes, [7; 4096]);
//! assert!(extent.start() < reader.address()); // the next write to it goes to both devices
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here knows a write path: the drain is right for *any* writer that always holds a token, and
//! takes the next one before it lets go of the last. It holds no lock and no transaction handle while it
//! waits.
//!
//! # Invariants
//!
//! - R1: from step 2 to step 7 no reservation and no NOCOW writer of the group exists.
//! - R2: from step 3 on, no write that was admitted before step 1 is in flight.
//! - R3: the commit of step 4 begins after step 3 has ended.
//! - R4: the copy reads the commit root of step 4, or a later one.
//! - R5: the cursor passes the group after the copy is flushed, and before the group is read-write.
//! - R6: a copy that is finished has copied every extent of its root in the group.
//!
//! Checked by `loom-tests/src/models/replace.rs`,
//! argued in [`docs/protocol.md`](crate::proof::protocol).
//!
//! The bug that this cures, and the
//! cure, are in Linux commit f0e9b7d64019; the kernel's loop is `scrub_enumerate_chunks`.

mod copy;
mod cursor;
mod drain;
mod skip_unreadable;

pub use copy::{CancelToken, CopyError, CopyFigures, Side};
pub use cursor::{Cursor, CursorReader};
pub use drain::{Committed, Copied, Frozen, Metadata, Passed, Quiet, Settled, Summary};
pub use skip_unreadable::SkipUnreadable;
