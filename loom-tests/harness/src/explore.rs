//! One search: a model, on its own OS thread, from its first execution to its end or its first failure.

use crate::context::{self, Row};
use crate::coverage::Coverage;
use crate::failure::Failure;
use crate::limits::Limits;
use crate::model::{Body, Case};
use crate::{hook, probe};
use loom::model::Builder;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// What a search found.
#[derive(Debug)]
pub(crate) struct Exploration {
    pub(crate) ended: Ended,
    /// Executions begun; when the search failed, the last of them is the failing one.
    pub(crate) executions: u64,
    pub(crate) threads: u64,
    pub(crate) deepest: u64,
    pub(crate) reached: Vec<(String, u64)>,
    /// The steps of the execution that was recorded.
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) enum Ended {
    Explored(Coverage),
    Failed(Failure),
}

/// Explores `case` within `limits` until something fails.
pub(crate) fn explore(case: &Case, limits: Limits) -> Exploration {
    start(case, limits, None)
}

/// Runs `case` up to `execution`, which is recorded, and no further.
///
/// The executions before it are run too: loom finds an execution only by what came before it.
pub(crate) fn replay(case: &Case, preemptions: Option<u8>, execution: u64) -> Exploration {
    let limits = Limits { preemptions, executions: Some(execution), ..Limits::default() };
    start(case, limits, Some(execution))
}

fn start(case: &Case, limits: Limits, record: Option<u64>) -> Exploration {
    hook::install();
    let (answer, found) = mpsc::channel();
    let (body, branches) = (case.body(), limits.branches.unwrap_or(case.max_branches));
    let builder = move || builder(limits, branches, record.is_some());
    thread::Builder::new()
        .name(case.name.clone())
        .spawn(move || {
            context::install(answer, record);
            search(&builder(), &limits, body);
        })
        .expect("the system refuses a thread");
    // Not joined: the thread of a failed model never ends.
    found.recv().expect("a model thread answers before it ends")
}

fn search(builder: &Builder, limits: &Limits, body: Body) {
    let _probe = probe::install();
    let began = Instant::now();
    let whole = AssertUnwindSafe(|| {
        builder.check(move || {
            context::begin_execution();
            body();
        });
    });
    let ended = match catch_unwind(whole) {
        Ok(()) => Ended::Explored(Coverage::of(limits, context::executions(), began.elapsed())),
        // Only what never met the hook comes here.
        Err(payload) => Ended::Failed(
            Failure::of_panic(&*payload, None)
                .unwrap_or_else(|| Failure::new("panic", "a role was cancelled")),
        ),
    };
    context::finish(ended);
}

fn builder(limits: Limits, branches: usize, locations: bool) -> Builder {
    let mut builder = Builder::new();
    builder.max_branches = branches;
    builder.preemption_bound = limits.preemptions.map(usize::from);
    // Loom looks at its caps at every `checkpoint_interval`th execution, before it runs it.
    builder.max_permutations = limits.executions.and_then(|cap| usize::try_from(cap).ok()?.checked_add(1));
    builder.max_duration = limits.duration;
    builder.checkpoint_interval =
        if limits.executions.is_some() || limits.duration.is_some() { 1 } else { 20_000 };
    builder.checkpoint_file = None;
    // Locations make loom say where a race or a deadlock is.
    builder.location |= locations;
    builder
}
