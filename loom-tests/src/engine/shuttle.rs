//! Shuttle: interleavings chosen at random, or by PCT. All memory is sequentially consistent.

use std::panic::Location;

pub(super) use ::shuttle::sync::atomic::AtomicU64;
use blockgate::Event;
pub use blockgate::event::set_recorder as hear;

pub type RoleId = ::shuttle::thread::ThreadId;

/// All roles of an execution run on one thread of the system.
pub const EVENTS_HAVE_AN_ORDER: bool = true;

pub fn current_role() -> RoleId {
    ::shuttle::thread::current().id()
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    ::shuttle::thread::spawn(role);
}

pub fn is_recording() -> bool {
    std::env::var_os("BLOCKGATE_TIMELINE").is_some()
}

pub fn record(location: &'static Location<'static>, event: Event) {
    println!("{:?} {event}  ({}:{})", current_role(), location.file(), location.line());
}

pub fn note(text: impl Into<String>) {
    if is_recording() {
        println!("{:?} {}", current_role(), text.into());
    }
}
