//! The same write path with locks and maps, in the kernel's style.
//!
//! One lock and one tree for each of: the group's free space, its writes in flight, the delayed refs (which
//! merge when they come). The group's flag and its reservations are under a spin lock, and so are the
//! transaction's state and its writers. The thread that takes a count to zero wakes the ones that wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blockgate::LogicalRange;
use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex};

use crate::spin::SpinLock;

/// A count of those inside that can be closed, and waited empty.
#[derive(Default)]
struct Count {
    lock: CachePadded<SpinLock>,
    closed: AtomicBool,
    inside: AtomicU64,
    empty: Condvar,
}

impl Count {
    fn enter(&self) -> bool {
        let _held = self.lock.lock();
        // Relaxed: under the lock.
        let admitted = !self.closed.load(Ordering::Relaxed);
        if admitted {
            self.inside.fetch_add(1, Ordering::Acquire);
        }
        admitted
    }

    fn leave(&self) {
        if self.inside.fetch_sub(1, Ordering::Release) == 1 {
            self.empty.notify_all();
        }
    }
}

/// A group, its transaction and its delayed refs.
pub(crate) struct KernelStyle {
    reservations: Count,
    free: CachePadded<Mutex<BTreeMap<u64, u64>>>,
    ordered: CachePadded<Mutex<BTreeMap<u64, LogicalRange>>>,
    handles: Count,
    refs: CachePadded<Mutex<BTreeMap<LogicalRange, i64>>>,
    settled: Condvar,
}

impl KernelStyle {
    pub(crate) fn new(range: LogicalRange) -> Self {
        Self {
            reservations: Count::default(),
            free: CachePadded::new(Mutex::new(BTreeMap::from([(range.start(), range.len())]))),
            ordered: CachePadded::default(),
            handles: Count::default(),
            refs: CachePadded::default(),
            settled: Condvar::new(),
        }
    }

    /// A whole write, with `write` for its I/O.
    pub(crate) fn write(&self, length: u64, write: impl FnOnce(LogicalRange)) -> Option<LogicalRange> {
        self.write_to(|| self.allocate(length), write)
    }

    /// The same to an extent that was allocated before.
    pub(crate) fn write_to(
        &self,
        extent: impl FnOnce() -> Option<LogicalRange>,
        write: impl FnOnce(LogicalRange),
    ) -> Option<LogicalRange> {
        if !self.reservations.enter() {
            return None;
        }
        let extent = extent()?;
        self.ordered.lock().insert(extent.start(), extent);
        self.reservations.leave();
        write(extent);
        self.publish(extent)?;
        self.finish(extent);
        Some(extent)
    }

    /// First fit.
    fn allocate(&self, length: u64) -> Option<LogicalRange> {
        let mut free = self.free.lock();
        let (start, have) =
            free.iter().find(|(_, have)| **have >= length).map(|(start, have)| (*start, *have))?;
        free.remove(&start);
        if have > length {
            free.insert(start + length, have - length);
        }
        LogicalRange::new(start, length).ok()
    }

    fn publish(&self, extent: LogicalRange) -> Option<()> {
        self.handles.enter().then_some(())?;
        *self.refs.lock().entry(extent).or_default() += 1;
        self.handles.leave();
        Some(())
    }

    fn finish(&self, extent: LogicalRange) {
        let mut ordered = self.ordered.lock();
        ordered.remove(&extent.start());
        let is_last = ordered.is_empty();
        drop(ordered);
        if is_last {
            self.settled.notify_all();
        }
    }

    /// How many delayed refs there are, and how many writes in flight.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.refs.lock().len(), self.ordered.lock().len())
    }
}
