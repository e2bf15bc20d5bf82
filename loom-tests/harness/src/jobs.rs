//! The searches of a run: several at once, each in parts where it is long, so that all cores are at work until the
//! end; and each judged as soon as its last part has ended.

use crate::binary;
use crate::engine::Explore;
use crate::judge::{Report, judge};
use crate::model::Case;
use crate::pool;
use crate::report;
use crate::search::{EVERY, Ended, Exploration, Limits, Part, Progress, Watch};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Explores and judges `cases`, the heaviest first; `finished` sees each report when it is there.
pub(crate) fn each<'a>(
    cases: &[&'a Case],
    explorer: &'static dyn Explore,
    limits: &Limits,
    workers: NonZero<usize>,
    mut finished: impl FnMut(&'a Case, Report),
) {
    let mut heaviest_first = cases.to_vec();
    heaviest_first.sort_by_key(|case| std::cmp::Reverse(case.weight));
    let searches: Vec<_> =
        heaviest_first.into_iter().map(|case| Search::new(case, explorer, *limits)).collect();
    let parts = searches.iter().flat_map(|search| (0..search.parts.len()).map(move |part| (search, part)));
    let work = |(search, part): (&Search<'a>, usize)| Some((search.case, search.work(part)?));
    pool::run(parts.collect(), workers, work, |ended| {
        if let Some((case, report)) = ended {
            finished(case, report);
        }
    });
}

/// The search of one case.
struct Search<'a> {
    case: &'a Case,
    explorer: &'static dyn Explore,
    limits: Limits,
    /// The limits of each part: those of the whole, but for the part.
    parts: Vec<Limits>,
    ended: Mutex<EndedParts>,
    watched: Arc<Watched>,
}

struct EndedParts {
    found: Vec<Option<Exploration>>,
    left: usize,
}

impl<'a> Search<'a> {
    fn new(case: &'a Case, explorer: &'static dyn Explore, limits: Limits) -> Self {
        let parts = match explorer.parts(case, &limits) {
            1 => vec![limits],
            count => {
                let parts = limits.part.unwrap_or(Part::WHOLE).divided(count);
                parts.map(|part| Limits { part: Some(part), ..limits }).collect()
            }
        };
        let ended = EndedParts { found: parts.iter().map(|_| None).collect(), left: parts.len() };
        let watched = Arc::new(Watched::new(&case.name, parts.len()));
        Self { case, explorer, limits, parts, ended: Mutex::new(ended), watched }
    }

    /// Explores a part, and judges the whole if that was the last.
    fn work(&self, part: usize) -> Option<Report> {
        if part == 0 {
            self.estimate();
        }
        let found = self.is_wanted(part).then(|| self.explore(part));
        let all = self.end(part, found)?;
        Some(judge(self.explorer, self.case, &self.limits, Exploration::of_parts(all, self.limits.part)))
    }

    /// Before what takes long.
    fn estimate(&self) {
        let is_long = self.case.long.is_for(self.explorer.is_second());
        let estimate = is_long.then(|| self.explorer.estimate(self.case, &self.limits)).flatten();
        if let Some(executions) = estimate {
            binary::remark(&report::estimated(self.case, executions));
        }
    }

    /// What comes after the first failure is not.
    fn is_wanted(&self, part: usize) -> bool {
        let ended = locked(&self.ended);
        !ended.found[..part].iter().flatten().any(|found| matches!(found.ended, Ended::Failed { .. }))
    }

    fn explore(&self, part: usize) -> Exploration {
        let watched = Arc::clone(&self.watched);
        let watch: Watch = Arc::new(move |progress| watched.hear(part, progress));
        let found = self.explorer.explore(self.case, &self.parts[part], Some(watch));
        self.watched.ended(part, found.executions);
        found
    }

    /// All parts in their order, if this was the last to end.
    fn end(&self, part: usize, found: Option<Exploration>) -> Option<Vec<Exploration>> {
        let mut ended = locked(&self.ended);
        ended.found[part] = found;
        ended.left -= 1;
        (ended.left == 0).then(|| std::mem::take(&mut ended.found).into_iter().flatten().collect())
    }
}

/// How far the parts of a search are, and when a line last said so.
struct Watched {
    name: String,
    state: Mutex<Watching>,
}

struct Watching {
    parts: Vec<Progress>,
    /// When the first part was heard of, less what it had taken by then.
    began: Option<Instant>,
    said: Option<Instant>,
}

impl Watched {
    fn new(name: &str, parts: usize) -> Self {
        let state = Watching { parts: vec![Progress::default(); parts], began: None, said: None };
        Self { name: name.into(), state: Mutex::new(state) }
    }

    /// Each part is heard every so often; a line is for all of them.
    fn hear(&self, part: usize, progress: Progress) {
        let mut state = locked(&self.state);
        let now = Instant::now();
        state.parts[part] = progress;
        let began = *state.began.get_or_insert_with(|| now.checked_sub(EVERY).unwrap_or(now));
        if state.said.is_none_or(|said| now - said >= EVERY) {
            state.said = Some(now);
            binary::remark(&report::progress(&self.name, state.sum(), now - began));
        }
    }

    fn ended(&self, part: usize, executions: u64) {
        locked(&self.state).parts[part] = Progress { executions, share: Some(1.0) };
    }
}

impl Watching {
    /// The parts differ in size, so their mean is an estimate too.
    fn sum(&self) -> Progress {
        let executions = self.parts.iter().map(|part| part.executions).sum();
        let mut shares = self.parts.iter().filter(|part| part.executions > 0).map(|part| part.share);
        let known: Option<f64> = shares.by_ref().sum();
        #[expect(clippy::cast_precision_loss, reason = "at most some thousand parts")]
        let share = known.map(|known| known / self.parts.len() as f64);
        Progress { executions, share }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_the_sum_of_the_parts() {
        let watched = Watched::new("m", 4);
        watched.ended(0, 100);
        watched.hear(1, Progress { executions: 50, share: Some(0.5) });
        let sum = locked(&watched.state).sum();
        assert_eq!(sum.executions, 150);
        assert!((sum.share.unwrap() - 0.375).abs() < 1e-9, "{sum:?}");
        watched.hear(2, Progress { executions: 1, share: None });
        assert_eq!(locked(&watched.state).sum().share, None);
    }
}
