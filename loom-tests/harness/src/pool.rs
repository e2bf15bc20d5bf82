//! Several pieces of work at once, each reported as soon as it ends.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Does `work` on every one of `items`, on `workers` threads, in the given order; `finished` sees each result
/// when it is there.
pub(crate) fn run<Item: Send, Done: Send>(
    items: Vec<Item>,
    workers: NonZero<usize>,
    work: impl Fn(Item) -> Done + Sync,
    mut finished: impl FnMut(Done),
) {
    let workers = workers.get().min(items.len());
    let queue = Mutex::new(VecDeque::from(items));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                while let Some(item) = next() {
                    // The receiver is gone only when `finished` panicked.
                    let _ = sender.send(work(item));
                }
            });
        }
        drop(sender);
        results.into_iter().for_each(&mut finished);
    });
}

/// As many as there are cores: a search never waits.
pub(crate) fn cores() -> NonZero<usize> {
    thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}
