//! What a user would count writers with.
//!
//! Each refuses when closed and lets a closer wait for those inside, as a [`Gate`](blockgate::Gate) does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use crossbeam_utils::sync::ShardedLock;
use parking_lot::{Condvar, Mutex};

use super::door::Door;
use crate::spin::SpinLock;

const CLOSED: u64 = 1 << 63;

/// The state table of a gate with one shard.
#[derive(Default)]
pub(crate) struct OneWord(CachePadded<AtomicU64>);

impl Door for OneWord {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        let admitted = self.0.fetch_add(1, Ordering::Acquire) & CLOSED == 0;
        self.0.fetch_sub(1, Ordering::Release);
        admitted
    }
}

/// Read-locked by writers; write-locked, the flag is set.
#[derive(Default)]
pub(crate) struct StdLock(CachePadded<std::sync::RwLock<bool>>);

impl Door for StdLock {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        !*self.0.read().expect("nobody panics")
    }
}

/// The same.
#[derive(Default)]
pub(crate) struct ParkingLot(CachePadded<parking_lot::RwLock<bool>>);

impl Door for ParkingLot {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        !*self.0.read()
    }
}

/// The same, in eight shards.
#[derive(Default)]
pub(crate) struct Sharded(ShardedLock<bool>);

impl Door for Sharded {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        !*self.0.read().expect("nobody panics")
    }
}

/// A count and a flag under a lock.
#[derive(Default)]
pub(crate) struct Counted {
    state: CachePadded<Mutex<(bool, u64)>>,
    empty: Condvar,
}

impl Door for Counted {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        let mut state = self.state.lock();
        let admitted = !state.0;
        state.1 += u64::from(admitted);
        drop(state);
        let mut state = self.state.lock();
        state.1 -= u64::from(admitted);
        let wake = state.0 && state.1 == 0;
        drop(state);
        if wake {
            self.empty.notify_all();
        }
        admitted
    }
}

/// As `btrfs_inc_block_group_ro` and `btrfs_dec_block_group_reservations`: the flag is looked at and the
/// count taken under the group's spin lock; the count is given back without.
#[derive(Default)]
pub(crate) struct Kernel {
    lock: CachePadded<SpinLock>,
    read_only: AtomicBool,
    reservations: AtomicU64,
    empty: Condvar,
}

impl Door for Kernel {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        let held = self.lock.lock();
        // Relaxed: under the lock.
        let admitted = !self.read_only.load(Ordering::Relaxed);
        if admitted {
            self.reservations.fetch_add(1, Ordering::Acquire);
        }
        drop(held);
        if admitted && self.reservations.fetch_sub(1, Ordering::Release) == 1 {
            self.empty.notify_all();
        }
        admitted
    }
}
