//! Traceset: every interleaving, up to the order of independent operations.

pub(super) use ::traceset::AtomicU64;
pub use ::traceset::thread::ThreadId as RoleId;
pub use blockgate::event::set_recorder as hear;

/// All roles of a model run on one thread of the system.
pub const EVENTS_HAVE_AN_ORDER: bool = true;

pub fn current_role() -> RoleId {
    ::traceset::thread::current().id()
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    ::traceset::thread::spawn(role);
}

/// Two accesses that no happens-before orders, one of them a write, fail the model. An access is no step of
/// its own, so it costs the search nothing.
pub struct RaceChecked(::traceset::Cell<u64>);

impl RaceChecked {
    #[track_caller]
    pub fn new(value: u64) -> Self {
        Self(::traceset::Cell::new(value))
    }

    #[track_caller]
    pub fn read(&self) -> u64 {
        self.0.get()
    }

    #[track_caller]
    pub fn write(&self, value: u64) {
        self.0.set(value);
    }

    /// The value, when all roles are over.
    pub fn last(&mut self) -> u64 {
        *self.0.get_mut()
    }
}
