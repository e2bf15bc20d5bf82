//! A search.

use super::operations::Operations;
use super::orders::Orders;
use super::{HOOKS, execution, failures, most_steps, replay};
use crate::case::Case;
use crate::inside::context::{self, Observed, Record};
use crate::search::{Coverage, Ended, Exploration, Failure, Limits, Meeting, NOT_DETERMINISTIC, interrupt};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use traceset::{Complete, Report, Schedule, Search};

/// Descents of an estimate.
const PROBES: u32 = 500;

pub(super) fn estimate(case: &Case, limits: &Limits) -> f64 {
    context::install(Record::None, HOOKS);
    let search = Search::new().max_steps(most_steps(case, limits));
    let estimate = search.estimate(PROBES, 1, execution(case.body()));
    context::finish();
    estimate
}

pub(super) fn explore(case: &Case, limits: &Limits) -> Exploration {
    observed(case, limits, asked(case, limits), |search, body, complete| search.run_with(body, complete))
}

type Body = Box<dyn Fn()>;
type OnComplete<'a> = &'a mut dyn FnMut(&mut Complete<'_>) -> ControlFlow<()>;

/// What is seen of the executions that `run` has `search` explore.
pub(super) fn observed(
    case: &Case,
    limits: &Limits,
    search: Search,
    run: impl FnOnce(Search, Body, OnComplete<'_>) -> Report,
) -> Exploration {
    context::install(Record::None, HOOKS);
    let (mut orders, operations) = (Orders::of(limits), Operations::default());
    let mut first = None;
    let search = search.observe_first(operations.observer());
    let report = run(search, Box::new(execution(case.body())), &mut |complete| {
        context::keep_execution();
        if complete.number() == 1 {
            first = Some(complete.schedule());
        }
        if interrupt::is_asked() { ControlFlow::Break(()) } else { orders.judge(complete) }
    });
    let observed = context::finish().unwrap_or_default();
    let judged_again = orders.judged_again();
    let ended = orders.into_difference().unwrap_or_else(|| ended(&report, limits));
    let mut found = Exploration { judged_again, ..exploration(&report, observed, ended) };
    if let Some(schedule) = first.filter(|_| !found.has_failed()) {
        again(case, &schedule, &operations, &mut found);
    }
    found
}

/// The first execution after the last: it must come out again.
fn again(case: &Case, schedule: &Schedule, before: &Operations, found: &mut Exploration) {
    let now = replay::operations(case, schedule);
    if found.meeting == Meeting::None && now.threads() > 1 {
        found.meeting = Meeting::Independent;
    }
    if let Some(what) = before.difference(&now) {
        let failure = Failure::new(NOT_DETERMINISTIC, what);
        found.ended = Ended::Failed { failure, at: schedule.to_string() };
    }
}

pub(super) fn asked(case: &Case, limits: &Limits) -> Search {
    let mut search = Search::new().max_steps(most_steps(case, limits));
    if let Some(most) = limits.preemptions {
        search = search.most_preemptions(most.into());
    }
    if let Some(most) = limits.executions {
        search = search.max_executions(most);
    }
    if let Some(most) = limits.duration {
        search = search.max_duration(most);
    }
    search
}

fn ended(report: &Report, limits: &Limits) -> Ended {
    match &report.failure {
        Some(failure) => {
            Ended::Failed { failure: failures::meaning(&failure.kind), at: failure.schedule.to_string() }
        }
        None => Ended::Explored(coverage(report, limits)),
    }
}

fn coverage(report: &Report, limits: &Limits) -> Coverage {
    let executions = report.complete + report.blocked;
    match report.coverage {
        // Of the whole, if all pieces are.
        traceset::Coverage::Exhaustive | traceset::Coverage::Piece => Coverage::EXHAUSTIVE,
        traceset::Coverage::Preemptions(_) => {
            Coverage { preemptions: limits.preemptions, ..Coverage::EXHAUSTIVE }
        }
        _ => Coverage::of_cut(limits, executions, report.elapsed),
    }
}

fn exploration(report: &Report, observed: Observed, ended: Ended) -> Exploration {
    let failed = report.failure.as_ref().map(|failure| failure.execution);
    Exploration {
        ended,
        executions: failed.unwrap_or(report.complete),
        blocked: report.blocked,
        threads: report.threads as u64,
        deepest: report.deepest as u64,
        // More executions than one differ in the order of two operations on the same.
        meeting: if report.complete > 1 { Meeting::Some } else { Meeting::None },
        outside: 0,
        doubts: BTreeSet::new(),
        reached: observed.reached,
        combinations: observed.combinations,
        rows: observed.rows,
        judged_again: 0,
        elapsed: report.elapsed,
    }
}
