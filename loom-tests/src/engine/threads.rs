//! Threads of the system: real memory, and whatever interleavings come. There are no events to compare.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

static REACHED: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

thread_local! {
    static SPAWNED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

/// A sector of a device. Relaxed: what orders its accesses is the protocol.
pub struct Sector(AtomicU64);

impl Sector {
    pub fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    pub fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub fn write(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub fn peek(&self) -> u64 {
        self.read()
    }
}

pub fn spawn(role: impl FnOnce() + Send + 'static) {
    let handle = std::thread::spawn(role);
    SPAWNED.with(|spawned| spawned.borrow_mut().push(handle));
}

/// Runs one execution, and waits for every thread that it spawned.
pub fn run(body: impl FnOnce()) {
    body();
    for handle in SPAWNED.take() {
        if let Err(panic) = handle.join() {
            std::panic::resume_unwind(panic);
        }
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
