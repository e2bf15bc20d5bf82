//! A foreign model: a bounded queue that knows nothing of this harness's first user.
//!
//! `cargo test -p loom-harness --test queue` explores it; each of its steps can be left out.

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};
use loom::thread;
use loom_harness::{Model, Suite, Twin, check, note, reached};
use std::process::ExitCode;
use std::sync::Arc;

/// What a twin leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    WaitWhenFull,
    WakeUpAfterPop,
    TakeUnderLock,
}

/// A queue of one place. `place` is a cell that loom checks for races; `full` says whether it is taken.
struct Queue {
    without: Without,
    full: Mutex<bool>,
    changed: Condvar,
    place: UnsafeCell<u32>,
}

// SAFETY: `place` is used under the lock, and loom checks that.
unsafe impl Sync for Queue {}
unsafe impl Send for Queue {}

impl Queue {
    fn new(without: Without) -> Arc<Self> {
        let (full, changed, place) = (Mutex::new(false), Condvar::new(), UnsafeCell::new(0));
        Arc::new(Self { without, full, changed, place })
    }

    fn push(&self, item: u32) {
        let mut full = self.full.lock().unwrap();
        while *full && self.without != Without::WaitWhenFull {
            reached("producer waited");
            note("  --> the place is taken: waits");
            full = self.changed.wait(full).unwrap();
        }
        self.put(item);
        *full = true;
        self.changed.notify_one();
    }

    fn put(&self, item: u32) {
        note(format!("puts item {item}"));
        // SAFETY: the lock is held; loom reports it when that is not so.
        self.place.with_mut(|place| unsafe { *place = item });
    }

    fn pop(&self) -> u32 {
        let mut full = self.full.lock().unwrap();
        while !*full {
            reached("consumer waited");
            note("  --> nothing there: waits");
            full = self.changed.wait(full).unwrap();
        }
        let item = (self.without != Without::TakeUnderLock).then(|| self.take());
        *full = false;
        if self.without != Without::WakeUpAfterPop {
            self.changed.notify_one();
        }
        drop(full);
        item.unwrap_or_else(|| self.take())
    }

    fn take(&self) -> u32 {
        // SAFETY: as in `put`.
        let item = self.place.with(|place| unsafe { *place });
        note(format!("takes item {item}"));
        item
    }
}

/// The main thread consumes what the other one produces.
fn two_items(without: Without) {
    let queue = Queue::new(without);
    let producer = queue.clone();
    thread::spawn(move || [1, 2].map(|item| producer.push(item)));
    let first = queue.pop();
    check(first == 1, "lost item", || format!("item 1 was overwritten, item {first} came instead"));
    let second = queue.pop();
    check(second == 2, "lost item", || format!("item 2 was lost, item {second} came instead"));
}

fn twin(name: &str, without: Without, fails_with: &str) -> Twin {
    Twin::new(name)
        .of("queue/in-order")
        .expect(fails_with)
        .roles(&["consumer", "producer"])
        .body(move || two_items(without))
}

fn main() -> ExitCode {
    let model = Model::new("queue/in-order")
        .theorem("Items come out once each, in the order in which they went in.")
        .roles(&["consumer", "producer"])
        .must_reach(&["producer waited", "consumer waited"])
        .body(|| two_items(Without::Nothing));
    let twins = [
        twin("queue/no-wait", Without::WaitWhenFull, "lost item").left_out("the wait when the queue is full"),
        twin("queue/no-wake-up", Without::WakeUpAfterPop, "deadlock").left_out("the wake-up after a pop"),
        twin("queue/late-take", Without::TakeUnderLock, "race")
            .left_out("the take before the place is given free"),
    ];
    loom_harness::main(Suite::new("queue").command("cargo test --test queue").model(model).twins(twins))
}
