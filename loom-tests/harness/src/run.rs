//! Several cases at once, the heaviest first, each reported as soon as it ends.

use crate::judge::{Report, judge};
use crate::limits::Limits;
use crate::model::Case;
use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Judges all `cases` on `workers` threads; `finished` sees each report when it is there.
pub(crate) fn run<'a>(
    cases: &[&'a Case],
    workers: usize,
    limits: &Limits,
    mut finished: impl FnMut(&'a Case, Report),
) {
    let mut heaviest_first = cases.to_vec();
    heaviest_first.sort_by_key(|case| std::cmp::Reverse(case.weight));
    let queue = Mutex::new(VecDeque::from(heaviest_first));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (sender, reports) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers.clamp(1, cases.len().max(1)) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(case) = next() {
                    // The receiver is gone only when `finished` panicked.
                    let _ = sender.send((case, judge(case, limits)));
                }
            });
        }
        drop(sender);
        for (case, report) in reports {
            finished(case, report);
        }
    });
}

/// As many as there are cores: a search never waits.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
