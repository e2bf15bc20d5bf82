//! The only module that names a primitive of std, `parking_lot`, `crossbeam-utils`, loom, shuttle or traceset.
//!
//! Everything else in `src` is written against what is offered here, so the code that ships is the code that
//! loom explores. Threads communicate through four things, whose interleavings loom explores without
//! gaps (the audit is in `docs/loom.md`). What loom does not explore is not offered.
//!
//! | offered | operations | not offered, because |
//! |---|---|---|
//! | [`CounterWord`] | read-modify-write only | a thread that loads and then writes the same atomic hides interleavings (loom issues 166 and 392) |
//! | [`published`] | one [`Publisher`] that cannot load, many [`Published`] that cannot store | the same |
//! | [`Mutex`] | `lock` | loom leaves most of the contention of `try_lock` unexplored |
//! | [`Monitor`] | a mutex with "wait until this holds" | loom never wakes a waiter spuriously, so a bare wait would pass with `if` |
//!
//! Two more things belong to one thread alone, so they cost no synchronization: the [shard](current_shard) it
//! works on, and the numbers it remembers (`remembered`).
//!
//! There is no poisoning: a panic under a lock leaves the value as it was at that moment. The crate calls
//! user code under no lock but the commit's, where a panic is caught and makes the commit fail.
//!
//! # Backends
//!
//! Each file below is one backend, chosen by a cfg. A new one is a file with the same items, and a line in
//! each of the two lists below.
//!
//! | item | is |
//! |---|---|
//! | `AtomicU64` | the operations that [`CounterWord`] and [`Published`] name, and no other |
//! | `Mutex`, `MutexGuard` | a lock without poisoning |
//! | `CachePadded` | a value on a cache line of its own, where there are caches |
//! | `Column` | a value a shard, in a table with those of others, where memory matters |
//! | `OnFirstUse` | a value that is made when it is first asked for, where memory matters |
//! | `Thread`, `current_thread`, `park`, `unpark_all` | parking with one token a thread |
//! | `yield_now` | lets other threads run first, where there is a scheduler to ask; nothing is concluded from it |
//! | `thread_index`, `REMEMBERED_HERE` | what one thread has to itself |
//!
//! Mutation testing hooks into the backends that explore (see `mutation`), so nothing else has a hook.

#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

mod claim;
#[cfg(not(any(loom, shuttle, traceset)))]
mod columns;
mod monitor;
mod own_shard;
mod published;
mod remembered;
mod word;

#[cfg(all(any(loom, traceset), blockgate_mutants))]
pub mod mutation;
#[cfg(not(any(loom, shuttle, traceset)))]
mod production;
#[cfg(loom)]
mod under_loom;
#[cfg(shuttle)]
mod under_shuttle;
#[cfg(traceset)]
mod under_traceset;
#[cfg(all(any(loom, traceset), not(blockgate_mutants)))]
mod unmutated;
#[cfg(any(loom, shuttle, traceset))]
mod unpadded;

#[cfg(not(any(loom, shuttle, traceset)))]
use production as backend;
#[cfg(loom)]
use under_loom as backend;
#[cfg(shuttle)]
use under_shuttle as backend;
#[cfg(traceset)]
use under_traceset as backend;
#[cfg(all(any(loom, traceset), not(blockgate_mutants)))]
use unmutated as mutation;

// Std's under loom too: loom's own is a branch point at every clone and drop, and shares only memory.
pub(crate) use std::sync::Arc;
pub use std::sync::atomic::Ordering;

pub use backend::{CachePadded, Mutex, MutexGuard};
pub(crate) use backend::{Column, OnFirstUse, yield_now};
pub(crate) use claim::Claim;
pub use monitor::{Monitor, MonitorGuard};
pub use own_shard::current_shard;
pub(crate) use own_shard::processors;
pub use published::{Published, Publisher, published};
pub(crate) use remembered::{new_owner, recall, remember};
pub use word::{CounterWord, Flag};
