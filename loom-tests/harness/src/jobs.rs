//! The searches of a run: several at once, and each in pieces where it is long, so that all cores are at work
//! until the end. Each is judged as soon as its last piece has ended.

use crate::binary;
use crate::case::Case;
use crate::engine::{Explore, Hub, Piece};
use crate::inside::outside;
use crate::judge::{Report, judge};
use crate::pool::{self, Queue};
use crate::report;
use crate::search::{Ended, Exploration, Limits, Progress, every, interrupt};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Explores and judges `cases`, the heaviest first; `finished` sees each report when it is there.
pub(crate) fn each<'a>(
    cases: &[&'a Case],
    explorer: &'static dyn Explore,
    limits: &Limits,
    workers: NonZero<usize>,
    mut finished: impl FnMut(&'a Case, Report),
) {
    outside::install();
    let mut heaviest_first: Vec<_> = (0..cases.len()).collect();
    heaviest_first.sort_by_key(|case| std::cmp::Reverse(cases[*case].weight));
    let jobs = heaviest_first.into_iter().map(|case| Job::new((case, cases[case]), explorer, *limits));
    let queue = Arc::new(Queue::new(jobs));
    pool::run(
        &queue,
        workers,
        |job: Job| job.work(&queue),
        |ended| {
            if let Some((case, report)) = ended {
                finished(cases[case], report);
            }
        },
    );
}

/// A piece of a search.
struct Job {
    search: Arc<Search>,
    piece: Piece,
    number: u64,
}

impl Job {
    fn new((index, case): (usize, &Case), explorer: &'static dyn Explore, limits: Limits) -> Self {
        let case = Arc::new(case.clone());
        let piece = explorer.work(&case, &limits);
        let state = State { pieces: 1, left: 1, found: None };
        let watched = Watched::new(&case.name, case.total);
        let outside = OnceLock::new();
        let search = Search { index, case, explorer, limits, state: Mutex::new(state), outside, watched };
        Self { search: Arc::new(search), piece, number: 0 }
    }

    /// Explores it, and judges the whole if that was the last.
    fn work(self, queue: &Arc<Queue<Self>>) -> Option<(usize, Report)> {
        let Self { search, piece, number } = self;
        if number == 0 {
            search.estimate();
        }
        search.watched.begin();
        search.outside.get_or_init(outside::seen);
        let found = search.is_wanted().then(|| piece.explore(&search.hub(number, queue)));
        search.watched.end(number);
        Some((search.index, search.end(found)?))
    }
}

/// The search of a case.
struct Search {
    index: usize,
    case: Arc<Case>,
    explorer: &'static dyn Explore,
    limits: Limits,
    state: Mutex<State>,
    /// How many operations outside of a model there were before it.
    outside: OnceLock<u64>,
    watched: Watched,
}

struct State {
    pieces: u64,
    left: u64,
    found: Option<Exploration>,
}

impl Search {
    /// Before what takes long.
    fn estimate(&self) {
        let is_long = self.case.long.is_for(self.explorer.is_second());
        let estimate = is_long.then(|| self.explorer.estimate(&self.case, &self.limits)).flatten();
        if let Some(executions) = estimate {
            binary::remark(&report::estimated(&self.case, executions));
        }
    }

    /// After a failure nothing is.
    fn is_wanted(&self) -> bool {
        !interrupt::is_asked() && !locked(&self.state).found.as_ref().is_some_and(Exploration::has_failed)
    }

    fn hub(self: &Arc<Self>, number: u64, queue: &Arc<Queue<Job>>) -> Hub {
        let (gives, queue, hears) = (Arc::clone(self), Arc::clone(queue), Arc::clone(self));
        let give = move |piece| queue.add_first(gives.job(piece));
        Hub { give: Arc::new(give), watch: Arc::new(move |progress| hears.watched.hear(number, progress)) }
    }

    fn job(self: &Arc<Self>, piece: Piece) -> Job {
        let mut state = locked(&self.state);
        let number = state.pieces;
        state.pieces += 1;
        state.left += 1;
        Job { search: Arc::clone(self), piece, number }
    }

    /// What all pieces came to, if this was the last to end.
    fn end(&self, found: Option<Exploration>) -> Option<Report> {
        let mut state = locked(&self.state);
        match (&mut state.found, found) {
            (Some(before), Some(found)) => before.add(found),
            (before @ None, found) => *before = found,
            (Some(_), None) => {}
        }
        state.left -= 1;
        let found = (state.left == 0).then(|| state.found.take()).flatten();
        drop(state);
        Some(judge(self.explorer, &self.case, &self.limits, self.whole(found?)))
    }

    /// Of a part only that.
    fn whole(&self, mut found: Exploration) -> Exploration {
        found.outside = self.outside.get().map_or(0, |before| outside::since(*before));
        if let Ended::Explored(coverage) = &mut found.ended {
            coverage.part = self.limits.part;
        }
        found
    }
}

/// How far the pieces of a search are, and when a line last said so.
struct Watched {
    name: String,
    total: Option<u64>,
    began: OnceLock<Instant>,
    state: Mutex<Watching>,
}

#[derive(Default)]
struct Watching {
    ended: Progress,
    running: BTreeMap<u64, Progress>,
    said: Option<Instant>,
}

impl Watched {
    fn new(name: &str, total: Option<u64>) -> Self {
        Self { name: name.into(), total, began: OnceLock::new(), state: Mutex::default() }
    }

    fn begin(&self) -> Instant {
        *self.began.get_or_init(Instant::now)
    }

    /// Each piece is heard every so often; a line is for all of them.
    fn hear(&self, piece: u64, progress: Progress) {
        let began = self.begin();
        let mut state = locked(&self.state);
        state.running.insert(piece, progress);
        if state.said.unwrap_or(began).elapsed() >= every() {
            state.said = Some(Instant::now());
            binary::remark(&report::progress(&self.name, state.sum(), self.total, began.elapsed()));
        }
    }

    fn end(&self, piece: u64) {
        let mut state = locked(&self.state);
        let last = state.running.remove(&piece).unwrap_or_default();
        state.ended = state.ended.and(last);
    }
}

impl Watching {
    fn sum(&self) -> Progress {
        self.running.values().copied().fold(self.ended, Progress::and)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_the_sum_of_the_pieces() {
        let watched = Watched::new("m", None);
        watched.hear(0, Progress { executions: 100, share: 0.25, deepest: 0 });
        watched.end(0);
        watched.hear(1, Progress { executions: 40, share: 0.1, deepest: 0 });
        watched.hear(1, Progress { executions: 50, share: 0.125, deepest: 0 });
        let sum = locked(&watched.state).sum();
        assert_eq!(sum, Progress { executions: 150, share: 0.375, deepest: 0 });
    }
}
