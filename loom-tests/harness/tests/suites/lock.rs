//! After spin 0.5.1 (RUSTSEC-2019-0013): a writer of an `RwLock` unlocks by a relaxed store, so that the next one need
//! not see what it wrote.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use loom_harness::{Model, Twin, check, reached};
use std::sync::Arc;

use Ordering::{Acquire, Relaxed, Release};

const FREE: usize = 0;
const WRITER: usize = 1;

struct SpinLock {
    unlock: Ordering,
    state: AtomicUsize,
    value: UnsafeCell<u32>,
}

// SAFETY: `value` is used by the one that has set `state`, and loom checks that.
unsafe impl Sync for SpinLock {}
unsafe impl Send for SpinLock {}

impl SpinLock {
    fn new(unlock: Ordering) -> Self {
        Self { unlock, state: AtomicUsize::new(FREE), value: UnsafeCell::new(0) }
    }

    /// Adds one.
    fn write(&self) -> u32 {
        while self.state.compare_exchange(FREE, WRITER, Acquire, Relaxed).is_err() {
            reached("waited");
            thread::yield_now();
        }
        // SAFETY: the lock is held; loom reports it where that orders nothing.
        let value = self.value.with_mut(|value| unsafe {
            *value += 1;
            *value
        });
        self.state.store(FREE, self.unlock);
        value
    }
}

fn two_writers(unlock: Ordering) {
    let lock = Arc::new(SpinLock::new(unlock));
    let other = Arc::clone(&lock);
    let role = thread::spawn(move || other.write());
    let (mine, theirs) = (lock.write(), role.join().unwrap());
    check(mine + theirs == 3, "mutual exclusion", || format!("both count: {mine}, {theirs}"));
}

const ROLES: &[&str] = &["one writer", "other writer"];

pub fn cured() -> Model {
    Model::new("lock/2-writers")
        .theorem("A writer sees what the one before it wrote.")
        .roles(ROLES)
        .must_reach(&["waited"])
        .body(|| two_writers(Release))
}

pub fn as_published() -> Twin {
    Twin::new("lock/relaxed-unlock")
        .of("lock/2-writers")
        .left_out("the release of the unlock")
        .expect("race")
        .roles(ROLES)
        .body(|| two_writers(Relaxed))
}
