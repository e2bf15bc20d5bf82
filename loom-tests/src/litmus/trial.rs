//! A small program under a loom of its own: how often loom ran it, and all that came out.
//!
//! The harness counts and bounds its own searches; here it is loom that is looked at. So the program runs on
//! another thread of the system, where no search is going on, and its model has one execution: looking.

use loom::model::Builder;
use loom_harness::{Model, check};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything that loom finds of a program.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) executions: u64,
    pub(crate) outcomes: &'static [&'static str],
}

/// Where three threads count once each: every order.
pub(crate) const EVERY_ORDER_OF_THREE: Expected = Expected {
    executions: 26,
    outcomes: &["a=0 b=1 c=2", "a=0 b=2 c=1", "a=1 b=0 c=2", "a=1 b=2 c=0", "a=2 b=0 c=1", "a=2 b=1 c=0"],
};

/// Limits of a search, as loom has them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) preemptions: Option<usize>,
    pub(crate) permutations: Option<usize>,
    /// Executions between two looks at `permutations`.
    pub(crate) interval: Option<usize>,
}

/// A model that holds when an unlimited search finds just what is expected.
pub(crate) fn trial(name: &str, fact: &str, expected: Expected, program: fn(&Trial)) -> Model {
    limited(name, fact, Limits::default(), expected, program)
}

/// As [`trial`], with limits.
pub(crate) fn limited(
    name: &str,
    fact: &str,
    limits: Limits,
    expected: Expected,
    program: fn(&Trial),
) -> Model {
    Model::new(format!("litmus/{name}")).theorem(fact).body(move || {
        let (executions, outcomes) = explore(limits, program);
        let wanted: BTreeSet<_> = expected.outcomes.iter().map(ToString::to_string).collect();
        check((executions, &outcomes) == (expected.executions, &wanted), "what loom explores", || {
            format!("now {executions} executions, {outcomes:?}")
        });
    })
}

fn explore(limits: Limits, program: fn(&Trial)) -> (u64, BTreeSet<String>) {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let executions = Arc::new(AtomicU64::new(0));
    let (found, count) = (Arc::clone(&outcomes), Arc::clone(&executions));
    let search = std::thread::spawn(move || {
        builder(limits).check(move || {
            count.fetch_add(1, Relaxed);
            program(&Trial(Arc::new(Notes { read: Mutex::default(), found: Arc::clone(&found) })));
        });
    });
    check(search.join().is_ok(), "loom's search ends", || "it panicked, see above".into());
    let outcomes = std::mem::take(&mut *lock(&outcomes));
    (executions.load(Relaxed), outcomes)
}

/// Every limit is set: what is not would be read from the environment.
fn builder(limits: Limits) -> Builder {
    let mut builder = Builder::new();
    builder.max_branches = 1_000;
    builder.preemption_bound = limits.preemptions;
    builder.max_permutations = limits.permutations;
    builder.checkpoint_interval = limits.interval.unwrap_or(20_000);
    (builder.max_duration, builder.checkpoint_file) = (None, None);
    builder
}

/// One execution of a program. When its last role is over, what was noted is the outcome.
#[derive(Clone)]
pub(crate) struct Trial(Arc<Notes>);

struct Notes {
    read: Mutex<BTreeMap<&'static str, String>>,
    found: Arc<Mutex<BTreeSet<String>>>,
}

impl Trial {
    /// Runs the roles, the first one on the main thread, the others on threads spawned in their order.
    pub(crate) fn run<S: 'static>(&self, shared: S, roles: &[fn(&S, &Self)]) {
        let shared = Arc::new(shared);
        for role in &roles[1..] {
            let (role, shared, trial) = (*role, Arc::clone(&shared), self.clone());
            loom::thread::spawn(move || role(&shared, &trial));
        }
        roles[0](&shared, self);
    }

    /// Notes what a role read.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, at many places")]
    pub(crate) fn note(&self, what: &'static str, value: impl ToString) {
        lock(&self.0.read).insert(what, value.to_string());
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        let read: Vec<_> = lock(&self.read).iter().map(|(what, value)| format!("{what}={value}")).collect();
        lock(&self.found).insert(read.join(" "));
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
