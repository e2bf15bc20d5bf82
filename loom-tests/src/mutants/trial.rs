//! Mutants against models.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use blockgate::sync::mutation::{Effect, Site};
use loom_harness::{Case, Failed};

use super::hook::{Hook, as_written, search};
use super::mutant::Mutant;
use super::mutation::Missing;

/// So many models are explored at once. (Results do not depend on it.)
const WORKERS: usize = 2;

/// Models of this weight and more are only for what survives the others.
const HEAVY: u64 = 20;

/// What is expected to survive is shown to models of at most so many executions, unless asked for more.
pub const FEW_EXECUTIONS: u64 = 2_000;

/// A model without a mutant in it.
#[derive(Clone)]
pub struct Baseline {
    pub model: Case,
    pub executions: u64,
    pub sites: Vec<Site>,
}

/// What became of a mutant.
#[derive(Clone, Debug)]
pub enum Outcome {
    Killed {
        model: String,
        execution: u64,
        failed: Failed,
    },
    /// By so many models in so many executions.
    Survived {
        models: usize,
        executions: u64,
    },
    /// The types do not allow it.
    Forbidden(Missing),
}

/// Which models are heavy, and so run last.
pub fn is_heavy(model: &Case) -> bool {
    model.is_long() || model.expected_cost() >= HEAVY
}

/// Runs the light models as they are: the operations are found in what they do. The smallest come first.
pub fn baseline(models: &[Case]) -> Vec<Baseline> {
    let light: Vec<_> = models.iter().filter(|model| !is_heavy(model)).cloned().collect();
    let mut found = in_parallel(light, baseline_of);
    found.sort_by(|a, b| (a.executions, a.model.name()).cmp(&(b.executions, b.model.name())));
    found
}

fn baseline_of(model: Case) -> Baseline {
    let sites = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&sites);
    let hook: Hook = Arc::new(move |site| {
        let mut sites = notes.lock().unwrap_or_else(PoisonError::into_inner);
        // A model's own plumbing is not what is tested.
        if site.place.file().starts_with("src/") && !sites.contains(&site) {
            sites.push(site);
        }
        Effect::AsWritten
    });
    let found = search(&model, &hook);
    assert!(found.failure.is_none(), "{} fails without a mutant: {:?}", model.name(), found.failure);
    let sites = sites.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Baseline { model, executions: found.executions, sites }
}

/// All operations that the models came to, in the order of the source.
pub fn sites_of(baseline: &[Baseline]) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    for site in baseline.iter().flat_map(|model| &model.sites) {
        if !sites.contains(site) {
            sites.push(*site);
        }
    }
    let key = |site: &Site| (site.place.file(), site.place.line(), site.place.column(), site.operation);
    sites.sort_by_key(key);
    sites
}

/// Tries each mutant on the light models that come to its operation; what survives them, on `heavy`. What
/// `is_expected` to survive is tried on the small ones alone, unless the run is `long`.
pub fn try_all(
    mutants: Vec<Mutant>,
    light: &[Baseline],
    heavy: &[Case],
    is_expected: impl Fn(&Mutant) -> bool + Sync,
) -> Vec<(Mutant, Outcome)> {
    in_parallel(mutants, |mutant| {
        let most = if is_expected(&mutant) { FEW_EXECUTIONS } else { u64::MAX };
        let reaching = light.iter().filter(|model| model.sites.iter().any(|site| mutant.is_of(site)));
        let reaching = reaching.filter(|model| model.executions <= most);
        let heavy = heavy.iter().filter(|_| most == u64::MAX);
        let outcome = try_one(&mutant.hook(), reaching.map(|model| &model.model).chain(heavy));
        println!("{mutant}: {outcome:?}");
        (mutant, outcome)
    })
}

/// Each twin by itself.
pub fn try_twins(twins: &[Case]) -> Vec<(Case, Outcome)> {
    in_parallel(twins.to_vec(), |twin| {
        let outcome = try_one(&as_written(), std::iter::once(&twin));
        (twin, outcome)
    })
}

/// Until one fails.
pub fn try_one<'a>(hook: &Hook, models: impl Iterator<Item = &'a Case>) -> Outcome {
    let (mut count, mut executions) = (0, 0);
    for model in models {
        let found = search(model, hook);
        if let Some(failed) = found.failure {
            return Outcome::Killed { model: model.name().into(), execution: found.executions, failed };
        }
        count += 1;
        executions += found.executions;
    }
    Outcome::Survived { models: count, executions }
}

/// The results are in the order of `work`.
pub fn in_parallel<T: Send, R: Send>(work: Vec<T>, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let queue = Mutex::new(work.into_iter().enumerate().collect::<VecDeque<_>>());
    let results = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((index, item)) = next() {
                    let result = act(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
