//! The concurrency core of an online device replace: freeze a block group, drain its writers, copy it,
//! miss nothing.
//!
//! In 2016 a device replace of Btrfs could lose data. It set a block group read-only and copied what the
//! *commit root* of the extent tree listed, while a writer that had allocated just before was still on
//! its way; that extent was never copied. The cure: set read-only, *then wait* for every writer that was
//! admitted before, commit, and copy. This crate is that protocol as types that can be embedded, and a
//! proof that runs: the same code is explored by loom, interleaving by interleaving.
//!
// Under loom, a doctest would touch primitives outside of a model: this one is a text there.
#![cfg_attr(not(without_doctests), doc = "```")]
#![cfg_attr(without_doctests, doc = "```text")]
//! use std::sync::Arc;
//!
//! use blockgate::{Device, LogicalRange, MemoryDevice, Policy, Volume};
//!
//! let (old, new) = (Arc::new(MemoryDevice::new(2 << 20)), Arc::new(MemoryDevice::new(2 << 20)));
//! let groups = [LogicalRange::new(0, 1 << 20)?, LogicalRange::new(1 << 20, 1 << 20)?];
//! let builder = groups.into_iter().fold(Volume::builder(4096), |builder, group| builder.group(group));
//! let mut volume = builder.build(old)?;
//!
//! let mut replace = volume.start_replace(new.clone(), Policy::CopyThenClone)?;
//! let written = std::thread::scope(|scope| {
//!     // A write fails only while both groups are read-only for it; this writer leaves those out.
//!     let write = |byte| Some((volume.write(&[byte; 4096]).ok()?, byte));
//!     let writer = scope.spawn(move || (1..=100).filter_map(write).collect::<Vec<_>>());
//!     replace.run()?; // freezes, drains and copies one group after the other meanwhile
//!     replace.finish()?;
//!     Ok::<_, blockgate::ReplaceError>(writer.join().expect("the writer does not panic"))
//! })?;
//! drop(replace);
//! drop(volume.retire_source()?);
//!
//! for (extent, byte) in written {
//!     let mut bytes = [0; 4096];
//!     new.read_at(extent.start(), &mut bytes)?;
//!     assert_eq!(bytes, [byte; 4096]); // whenever it was written: nothing is missing
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to enter
//!
//! | you have | take |
//! |---|---|
//! | nothing yet | [`Volume`]: groups, transactions and devices, wired together |
//! | your own metadata and write path | [`Frozen`] and the tokens after it: the drain, over [`BlockGroup`], [`OrderedExtents`] and your [`Metadata`] |
//! | one of these problems | [`Gate`], [`OrderedExtents`], [`DelayedRefQueue`], [`Transactions`] |
//!
//! # One rule for writers
//!
//! From admission to commit a write always holds a token, and takes the next one before it lets go of
//! the last:
//!
//! ```text
//! COW     Reservation -> NewExtent (with its OrderedExtent) -> TransactionHandle with its DelayedRef -> commit root
//! NOCOW   NocowAdmission -> OrderedExtent
//! ```
//!
//! The drain waits for the tokens in that order, so a write is refused at the gate or caught at one of
//! them. `docs/` argues it step by step, `loom-tests/` checks it.
//!
//! # Layers
//!
//! A file imports from lower layers only.
//!
//! ```text
//! L5  volume
//! L4  replace
//! L3  transaction   new_extent
//! L2  block_group   ordered_extent   delayed_ref   extent_tree   reference_index   device
//! L1  gate
//! L0  sync   sharded   units   event
//! ```

// And so would those of the items.
#![cfg(not(all(doctest, without_doctests)))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod block_group;
pub mod delayed_ref;
pub mod device;
pub mod event;
pub mod extent_tree;
pub mod gate;
pub mod new_extent;
pub mod ordered_extent;
#[cfg(doc)]
pub mod proof;
mod reference_index;
pub mod replace;
pub mod sharded;
pub mod sync;
pub mod transaction;
pub mod units;
pub mod volume;

pub use block_group::{
    AlignmentError, BlockGroup, Figures, NocowAdmission, ReadOnly, ReadOnlyError, Reservation, ReserveError,
    SharedBlockGroup, SpaceError,
};
pub use delayed_ref::{DelayedRef, DelayedRefQueue, RefAction};
pub use device::{Device, MemoryDevice};
pub use event::Event;
pub use extent_tree::{CommitRoot, ExtentTree, RefError};
pub use gate::{Closed, EnterError, Gate, Inside};
pub use new_extent::NewExtent;
pub use ordered_extent::{OrderedExtent, OrderedExtents, SplitError, Waited};
pub use replace::{CancelToken, CopyError, Cursor, CursorReader, Frozen, Metadata, Summary};
pub use sharded::Shards;
pub use transaction::{CommitError, TransactionHandle, Transactions};
pub use units::{BlockGroupId, LogicalAddress, LogicalRange, RangeError, TransactionId};
pub use volume::{
    BuildError, CowWrite, DeviceReplace, FrozenVolume, NocowWrite, Overwrite, Policy, ReplaceError, Snapshot,
    Volume, VolumeBuilder, VolumeDefect, WriteError,
};
