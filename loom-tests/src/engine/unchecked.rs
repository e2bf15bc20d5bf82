//! Memory whose accesses the protocol must order, where the engine does not see races.

use std::sync::atomic::Ordering::Relaxed;

use super::AtomicU64;

/// Relaxed: what orders its accesses is the protocol. Under shuttle each access is a point at which another
/// role may go on.
pub struct RaceChecked(AtomicU64);

impl RaceChecked {
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    pub fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub fn write(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// The value, when all roles are over.
    pub fn last(&mut self) -> u64 {
        self.read()
    }
}
