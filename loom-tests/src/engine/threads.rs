//! Threads of the system: real memory, and whatever interleavings come.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
pub(super) use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use blockgate::Event;

use super::Recorder;

pub type RoleId = std::thread::ThreadId;

/// Each thread would report its own, in no common order.
pub const EVENTS_HAVE_AN_ORDER: bool = false;

thread_local! {
    static SPAWNED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

pub fn current_role() -> RoleId {
    std::thread::current().id()
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    let handle = std::thread::spawn(role);
    SPAWNED.with(|spawned| spawned.borrow_mut().push(handle));
}

/// Runs one execution, waits for every thread that it spawned, and unwinds as the first that did.
pub fn run(body: impl FnOnce()) {
    let mut ended = catch_unwind(AssertUnwindSafe(body));
    for handle in SPAWNED.take() {
        ended = ended.and(handle.join());
    }
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

pub fn hear(_recorder: Option<Recorder>) {}

pub fn is_recording() -> bool {
    false
}

pub fn record(_location: &'static Location<'static>, _event: Event) {}

pub fn note(_text: impl Into<String>) {}
