//! After event-listener 5.3.0 (its issue 138): a notification is lost.
//!
//! `notify` returned early where no listener had ever been made, which it read from a pointer. A listener that is about
//! to be made, and looks at the condition before it waits, could then miss both the condition and the notification.
//! The cure always takes the lock of the list.

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, Thread};
use loom_harness::{Model, Twin, reached};
use std::sync::Arc;

use Ordering::{AcqRel, Acquire, Release};

struct Event {
    returns_early: bool,
    /// Whether the list has been made.
    is_made: AtomicBool,
    /// The threads that listen, and whether each was notified.
    listeners: Mutex<Vec<Thread>>,
}

impl Event {
    fn new(returns_early: bool) -> Self {
        Self { returns_early, is_made: AtomicBool::new(false), listeners: Mutex::new(Vec::new()) }
    }

    /// From here on a notification is for this thread, too.
    fn listen(&self) {
        let _ = self.is_made.compare_exchange(false, true, AcqRel, Acquire);
        self.listeners.lock().unwrap().push(thread::current());
    }

    fn notify(&self) {
        if self.returns_early && !self.is_made.load(Acquire) {
            reached("returned early");
            return;
        }
        let listeners = std::mem::take(&mut *self.listeners.lock().unwrap());
        for listener in listeners {
            reached("notified");
            listener.unpark();
        }
    }
}

/// One waits for a condition that the other one makes true.
fn wait_for_a_condition(returns_early: bool) {
    let shared = Arc::new((Event::new(returns_early), AtomicBool::new(false)));
    let other = Arc::clone(&shared);
    thread::spawn(move || {
        other.1.store(true, Release);
        other.0.notify();
    });
    let (event, is_ready) = &*shared;
    event.listen();
    if !is_ready.load(Acquire) {
        reached("waited");
        thread::park();
    }
}

const ROLES: &[&str] = &["listener", "notifier"];

pub fn cured() -> Model {
    Model::new("event/listen-and-look")
        .theorem("A listener that looks at the condition after it listens does not wait in vain.")
        .roles(ROLES)
        .must_reach(&["waited", "notified"])
        .body(|| wait_for_a_condition(false))
}

pub fn as_published() -> Twin {
    Twin::new("event/early-return")
        .of("event/listen-and-look")
        .left_out("the look at the list, where none was made")
        .expect("deadlock")
        .roles(ROLES)
        .body(|| wait_for_a_condition(true))
}
