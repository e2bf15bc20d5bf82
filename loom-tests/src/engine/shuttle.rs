//! Shuttle: interleavings chosen at random, or by PCT. All memory is sequentially consistent.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use ::shuttle::sync::atomic::{AtomicU64, Ordering};
use blockgate::Event;

/// Tells roles apart.
pub type RoleId = ::shuttle::thread::ThreadId;

/// In how many executions each outcome was reached, or more: of one execution some count twice.
static REACHED: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

/// A sector of a device. Each access is a point at which another role may go on.
pub struct Sector(AtomicU64);

impl Sector {
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    pub fn read(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn write(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }

    pub fn peek(&self) -> u64 {
        self.read()
    }
}

pub fn current_role() -> RoleId {
    ::shuttle::thread::current().id()
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    ::shuttle::thread::spawn(role);
}

pub fn record(location: &'static Location<'static>, event: Event) {
    if std::env::var_os("BLOCKGATE_TIMELINE").is_some() {
        println!("{:?} {event}  ({}:{})", current_role(), location.file(), location.line());
    }
}

pub fn reached(outcome: &str) {
    let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
    *reached.entry(outcome.into()).or_default() += 1;
}

/// What was reached since the last call.
pub fn take_reached() -> BTreeMap<String, u64> {
    std::mem::take(&mut *REACHED.lock().unwrap_or_else(PoisonError::into_inner))
}

pub fn check(holds: bool, invariant: &str, detail: impl FnOnce() -> String) {
    assert!(holds, "{invariant}: {}", detail());
}

pub fn violated(invariant: &str, detail: impl Into<String>) -> ! {
    panic!("{invariant}: {}", detail.into())
}

pub fn violated_at(invariant: &str, detail: impl Into<String>, _highlight: impl Into<String>) -> ! {
    violated(invariant, detail)
}
