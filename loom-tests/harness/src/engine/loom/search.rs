//! One search: a model, on its own OS thread, from its first execution to its end or its first failure.

use super::again::{self, Again};
use super::answer::{self, Answer, answer};
use super::at::At;
use super::probe::{self, Seen};
use super::pulse::{self, Pulse, Watchdog};
use super::{hook, messages};
use crate::case::{Body, Case};
use crate::inside::context::{self, Hooks, Record};
use crate::plural::count;
use crate::search::{
    Coverage, Doubt, Ended, Exploration, Failure, Limits, Meeting, NOT_DETERMINISTIC, Progress,
};
use loom::model::Builder;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Says every so often to `watch` how far it is.
pub(super) fn explore(case: &Case, limits: &Limits, watch: &dyn Fn(Progress)) -> Exploration {
    start(case, limits, Record::None, watch)
}

/// Runs `case` up to the execution `at`, which is recorded, and no further.
///
/// The executions before it are run too: loom finds an execution only by what came before it.
pub(super) fn replay(case: &Case, at: At, branches: Option<usize>) -> Result<Exploration, String> {
    let At { preemptions, execution } = at;
    let limits = Limits { preemptions, executions: Some(execution), branches, ..Limits::default() };
    let found = start(case, &limits, Record::Only(execution), &|_| ());
    if found.executions < execution {
        let executions = count(found.executions, "execution");
        return Err(format!("the search has only {executions} up to its end or its failure"));
    }
    Ok(found)
}

fn start(case: &Case, limits: &Limits, record: Record, watch: &dyn Fn(Progress)) -> Exploration {
    hook::install();
    let (to, answers) = mpsc::channel();
    let (body, branches) = (case.body(), limits.branches.unwrap_or(case.max_branches));
    let (began, limits) = (Instant::now(), *limits);
    let pulse = Arc::new(Pulse::default());
    let beats = Arc::clone(&pulse);
    thread::Builder::new()
        .name(case.name.clone())
        .spawn(move || {
            answer::goes(to);
            context::install(record, HOOKS);
            beats.begin();
            search(
                &|| builder(limits, branches, record != Record::None),
                &body,
                record == Record::None,
                beats,
            );
        })
        .expect("the system refuses a thread");
    // Not joined: the thread of a failed model never ends.
    match wait(&answers, &pulse, &limits, watch) {
        Ok(answer) => exploration(answer, &limits, began.elapsed()),
        Err(ended) => unanswered(ended, &pulse, began.elapsed()),
    }
}

/// How often it is looked at a search from outside.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for the answer, or for a reason not to.
fn wait(
    answers: &Receiver<Answer>,
    pulse: &Pulse,
    limits: &Limits,
    watch: &dyn Fn(Progress),
) -> Result<Answer, Ended> {
    let mut watchdog = Watchdog::new();
    loop {
        match answers.recv_timeout(LOOK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => panic!("a model thread answers before it ends"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let [executions, deepest] = [&pulse.executions, &pulse.deepest].map(|number| number.load(Relaxed));
        watch(Progress { executions, share: 0.0, deepest });
        if let Some(coverage) = pulse::interrupted(limits) {
            return Err(Ended::Explored(coverage));
        }
        if let Some(failure) = watchdog.look(pulse) {
            let at = At { preemptions: limits.preemptions, execution: executions };
            return Err(Ended::Failed { failure, at: at.to_string() });
        }
    }
}

/// What is known of a search from outside.
fn unanswered(ended: Ended, pulse: &Pulse, elapsed: Duration) -> Exploration {
    Exploration {
        ended,
        executions: pulse.executions.load(Relaxed),
        blocked: 0,
        threads: 0,
        deepest: pulse.deepest.load(Relaxed),
        meeting: Meeting::Some,
        outside: 0,
        doubts: BTreeSet::new(),
        reached: Vec::new(),
        combinations: BTreeSet::new(),
        rows: Vec::new(),
        judged_again: 0,
        elapsed,
    }
}

fn search(builder: &dyn Fn() -> Builder, body: &Body, is_sampled: bool, pulse: Arc<Pulse>) {
    let _probe = probe::install(Some(pulse));
    let whole = AssertUnwindSafe(|| {
        all(builder(), body, is_sampled);
        if is_sampled { samples(builder, body) } else { Again::default() }
    });
    match catch_unwind(whole) {
        Ok(Again { difference, is_switched_off }) => {
            let failure = difference.map(|difference| Failure::new(NOT_DETERMINISTIC, difference));
            answer(failure, is_switched_off);
        }
        // Only what never met the hook comes here.
        Err(payload) => {
            let cancelled = || Failure::new("panic", "a role was cancelled");
            answer::failed(messages::failure(&*payload, None).unwrap_or_else(cancelled));
        }
    }
}

/// Every execution, on the calling thread, as loom alone runs them.
pub(in crate::engine) fn collect(case: &Case, limits: &Limits) {
    let body = case.body();
    builder(*limits, case.max_branches, false).check(move || body());
}

/// Every execution.
fn all(mut builder: Builder, body: &Body, is_sampled: bool) {
    if is_sampled {
        again::sample(&mut builder);
    }
    let body = Arc::clone(body);
    builder.check(move || {
        // Loom does not say when an execution has ended: that was before the next one begins.
        context::keep_execution();
        again::begin_execution(context::begin_execution());
        probe::draw(context::is_recording());
        body();
    });
}

/// Some of them again.
fn samples(builder: &dyn Fn() -> Builder, body: &Body) -> Again {
    context::keep_execution();
    let Some(observed) = context::finish() else { return Again::default() };
    let executions = observed.executions;
    context::install(Record::None, HOOKS);
    let steps = again::ended(executions);
    answer::keep(observed, probe::seen());
    again::run(builder, body, steps)
}

fn exploration(answer: Answer, limits: &Limits, elapsed: Duration) -> Exploration {
    let Answer { failure, mut observed, mut seen, is_switched_off } = answer;
    // A model says best what it does; one that says nothing is drawn by its operations.
    if observed.rows.is_empty() {
        observed.rows = seen.rows();
    }
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
        meeting: if seen.met && executions > 1 { Meeting::Some } else { Meeting::None },
        outside: 0,
        doubts: doubts(seen, is_switched_off || observed.is_switched_off),
        reached: observed.reached,
        combinations: observed.combinations,
        rows: observed.rows,
        judged_again: 0,
        elapsed,
    }
}

fn doubts(seen: Seen, is_switched_off: bool) -> BTreeSet<Doubt> {
    let mut doubts = seen.doubts();
    doubts.extend(is_switched_off.then_some(Doubt::SwitchedOff));
    doubts
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
