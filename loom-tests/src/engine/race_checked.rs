//! Memory whose accesses loom checks for races: two that no happens-before orders, one of them a write,
//! fail the model. It is no branch point, so it costs the search nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A value that the protocol must order the accesses to.
pub struct RaceChecked {
    cell: loom::cell::UnsafeCell<u64>,
    /// The same value, for the end of the model, when no happens-before leads to the one who looks.
    shadow: AtomicU64,
}

// SAFETY: loom runs the roles of a model on one thread of the system, and reports unordered accesses.
unsafe impl Send for RaceChecked {}
// SAFETY: as above.
unsafe impl Sync for RaceChecked {}

impl RaceChecked {
    pub fn new(value: u64) -> Self {
        Self { cell: loom::cell::UnsafeCell::new(value), shadow: AtomicU64::new(value) }
    }

    #[track_caller]
    pub fn read(&self) -> u64 {
        // SAFETY: the pointer is to the cell's own value; loom fails the model on a concurrent write.
        self.cell.with(|value| unsafe { *value })
    }

    #[track_caller]
    pub fn write(&self, value: u64) {
        // SAFETY: as in `read`, for any concurrent access.
        self.cell.with_mut(|cell| unsafe { *cell = value });
        self.shadow.store(value, Relaxed);
    }

    /// The value, without an access that loom knows of: for the end, when all roles are over.
    pub fn peek(&self) -> u64 {
        self.shadow.load(Relaxed)
    }
}
