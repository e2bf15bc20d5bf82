//! Loom: every interleaving.

use std::sync::atomic::Ordering::Relaxed;

use ::loom::cell::UnsafeCell;
pub(super) use ::loom::sync::atomic::AtomicU64;
pub use blockgate::event::set_recorder as hear;

pub type RoleId = ::loom::thread::ThreadId;

/// All roles of a model run on one thread of the system.
pub const EVENTS_HAVE_AN_ORDER: bool = true;

pub fn current_role() -> RoleId {
    ::loom::thread::current().id()
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    ::loom::thread::spawn(role);
}

/// Two accesses that no happens-before orders, one of them a write, fail the model. An access is no branch
/// point, so it costs the search nothing.
pub struct RaceChecked {
    cell: UnsafeCell<u64>,
    /// The same value, for the end of the model, where no happens-before leads to the role that looks.
    shadow: std::sync::atomic::AtomicU64,
}

// SAFETY: loom runs the roles of a model on one thread of the system, and reports unordered accesses.
unsafe impl Send for RaceChecked {}
// SAFETY: as above.
unsafe impl Sync for RaceChecked {}

impl RaceChecked {
    pub fn new(value: u64) -> Self {
        Self { cell: UnsafeCell::new(value), shadow: std::sync::atomic::AtomicU64::new(value) }
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

    /// The value, when all roles are over.
    pub fn last(&mut self) -> u64 {
        *self.shadow.get_mut()
    }
}
