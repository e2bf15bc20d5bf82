//! Loom: every interleaving.

use std::panic::Location;

use blockgate::Event;
pub use loom_harness::{check, is_recording, reached, violated, violated_at};

/// Tells roles apart.
pub type RoleId = ::loom::thread::ThreadId;

/// A sector of a device: its accesses are checked for races.
pub use super::race_checked::RaceChecked as Sector;

pub fn current_role() -> RoleId {
    ::loom::thread::current().id()
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    ::loom::thread::spawn(role);
}

pub fn record(location: &'static Location<'static>, event: Event) {
    if is_recording() {
        loom_harness::record(location, event.to_string());
    }
}
