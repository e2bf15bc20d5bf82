//! One search: a model, on its own OS thread, from its first execution to its end or its first failure.

use super::answer::{self, Answer, answer};
use super::at::At;
use super::{hook, messages, probe};
use crate::inside::context::{self, Hooks, Record};
use crate::model::{Body, Case};
use crate::plural::count;
use crate::search::{Coverage, Ended, Exploration, Failure, Limits};
use loom::model::Builder;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub(super) fn explore(case: &Case, limits: &Limits) -> Exploration {
    start(case, limits, Record::None)
}

/// Runs `case` up to the execution `at`, which is recorded, and no further.
///
/// The executions before it are run too: loom finds an execution only by what came before it.
pub(super) fn replay(case: &Case, at: At) -> Result<Exploration, String> {
    let At { preemptions, execution } = at;
    let limits = Limits { preemptions, executions: Some(execution), ..Limits::default() };
    let found = start(case, &limits, Record::Only(execution));
    if found.executions < execution {
        let executions = count(found.executions, "execution");
        return Err(format!("the search has only {executions} up to its end or its failure"));
    }
    Ok(found)
}

fn start(case: &Case, limits: &Limits, record: Record) -> Exploration {
    hook::install();
    let (to, answers) = mpsc::channel();
    let (body, branches) = (case.body(), limits.branches.unwrap_or(case.max_branches));
    let (began, limits) = (Instant::now(), *limits);
    thread::Builder::new()
        .name(case.name.clone())
        .spawn(move || {
            answer::goes(to);
            context::install(record, HOOKS);
            search(&builder(limits, branches, record != Record::None), body);
        })
        .expect("the system refuses a thread");
    // Not joined: the thread of a failed model never ends.
    let answer = answers.recv().expect("a model thread answers before it ends");
    exploration(answer, &limits, began.elapsed())
}

fn search(builder: &Builder, body: Body) {
    let _probe = probe::install();
    let whole = AssertUnwindSafe(|| {
        builder.check(move || {
            // Loom does not say when an execution has ended: that was before the next one begins.
            context::keep_execution();
            context::begin_execution();
            probe::begin_execution();
            body();
        });
    });
    let ended = catch_unwind(whole);
    // Only what never met the hook comes here.
    let cancelled = || Failure::new("panic", "a role was cancelled");
    answer(ended.err().map(|payload| messages::failure(&*payload, None).unwrap_or_else(cancelled)));
}

fn exploration(answer: Answer, limits: &Limits, elapsed: Duration) -> Exploration {
    let Answer { failure, observed, seen } = answer;
    let executions = observed.executions;
    let at = At { preemptions: limits.preemptions, execution: executions };
    Exploration {
        ended: match failure {
            Some(failure) => Ended::Failed { failure, at: at.to_string() },
            None => Ended::Explored(Coverage::of(limits, executions, elapsed)),
        },
        executions,
        blocked: 0,
        threads: seen.threads,
        deepest: seen.deepest,
        reached: observed.reached,
        combinations: observed.combinations,
        rows: observed.rows,
        judged_again: 0,
        elapsed,
    }
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

/// A panic is a failure at once: the panic hook does not return.
const HOOKS: Hooks = Hooks { role: current_role, fail: |violation| panic_any(violation) };

/// Loom's index of the running role: 0 is the one that runs the body. Loom shows it only in `Debug`.
fn current_role() -> usize {
    let id = format!("{:?}", loom::thread::current().id());
    let digits = id.trim_start_matches("ThreadId(").trim_end_matches(')');
    digits.parse().expect("loom prints ThreadId(n)")
}
