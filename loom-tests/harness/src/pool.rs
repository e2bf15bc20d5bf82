//! Several pieces of work at once, each reported as soon as it ends.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

/// What is to be done. What is being done may add to it.
pub(crate) struct Queue<Item> {
    state: Mutex<State<Item>>,
    changed: Condvar,
}

struct State<Item> {
    items: VecDeque<Item>,
    at_work: usize,
}

impl<Item> Queue<Item> {
    /// To be done in the given order.
    pub(crate) fn new(items: impl IntoIterator<Item = Item>) -> Self {
        let state = State { items: items.into_iter().collect(), at_work: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<Item>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what is to be done next.
    pub(crate) fn add_first(&self, item: Item) {
        self.state().items.push_front(item);
        self.changed.notify_one();
    }

    /// What is next. Waits for it as long as somebody is at work.
    fn next(&self) -> Option<Item> {
        let is_idle = |state: &mut State<Item>| state.items.is_empty() && state.at_work > 0;
        let state = self.changed.wait_while(self.state(), is_idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let item = state.items.pop_front()?;
        state.at_work += 1;
        Some(item)
    }
}

/// A thread is at work on an item, until this is dropped, also by unwinding.
struct AtWork<'a, Item>(&'a Queue<Item>);

impl<Item> Drop for AtWork<'_, Item> {
    fn drop(&mut self) {
        self.0.state().at_work -= 1;
        self.0.changed.notify_all();
    }
}

/// Does `work` on every item of `queue`, on `workers` threads; `finished` sees each result when it is there.
pub(crate) fn run<Item: Send, Done: Send>(
    queue: &Queue<Item>,
    workers: NonZero<usize>,
    work: impl Fn(Item) -> Done + Sync,
    mut finished: impl FnMut(Done),
) {
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers.get() {
            let (sender, work) = (sender.clone(), &work);
            scope.spawn(move || {
                while let Some(item) = queue.next() {
                    let _at_work = AtWork(queue);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_work_adds_is_done_too() {
        let queue = Queue::new([4u32, 2]);
        let mut sum = 0;
        let work = |number: u32| {
            (0..number).for_each(|smaller| queue.add_first(smaller));
            1
        };
        run(&queue, NonZero::new(3).unwrap(), work, |done| sum += done);
        assert_eq!(sum, (1 << 4) + (1 << 2));
    }
}
