//! A search.

use super::orders::Orders;
use super::{HOOKS, execution, failures, most_steps};
use crate::inside::context::{self, Observed, Record};
use crate::model::Case;
use crate::search::{Coverage, EVERY, Ended, Exploration, Limits, Progress, Watch};
use traceset::{Report, Search};

/// Parts of a long search: enough that all cores are at work until shortly before its end.
const PARTS: u64 = 16;

/// Descents of an estimate.
const PROBES: u32 = 500;

pub(super) fn parts(case: &Case, limits: &Limits) -> u64 {
    // A limit is of the whole search.
    let is_limited = limits.preemptions.is_some() || limits.executions.is_some() || limits.duration.is_some();
    let usual = if case.long.is_for(true) { PARTS } else { 1 };
    if is_limited { 1 } else { case.parts.unwrap_or(usual) }
}

pub(super) fn estimate(case: &Case, limits: &Limits) -> f64 {
    context::install(Record::None, HOOKS);
    let search = Search::new().max_steps(most_steps(case, limits));
    let estimate = search.estimate(PROBES, 1, execution(case.body()));
    context::finish();
    estimate
}

pub(super) fn explore(case: &Case, limits: &Limits, watch: Option<Watch>) -> Exploration {
    context::install(Record::None, HOOKS);
    let mut orders = Orders::of(limits);
    let search = watched(asked(case, limits), watch);
    let report = search.run_with(execution(case.body()), |complete| {
        context::keep_execution();
        orders.judge(complete)
    });
    let observed = context::finish().unwrap_or_default();
    let judged_again = orders.judged_again();
    let ended = orders.into_difference().unwrap_or_else(|| ended(&report, limits));
    Exploration { judged_again, ..exploration(&report, observed, ended) }
}

fn watched(search: Search, watch: Option<Watch>) -> Search {
    let Some(watch) = watch else { return search };
    search.progress(EVERY, move |progress| {
        watch(Progress { executions: progress.complete, share: progress.share });
    })
}

fn asked(case: &Case, limits: &Limits) -> Search {
    let mut search = Search::new().max_steps(most_steps(case, limits));
    if let Some(part) = limits.part {
        search = search.part(part.index, part.count);
    }
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
        traceset::Coverage::Exhaustive => Coverage::EXHAUSTIVE,
        traceset::Coverage::Part(..) => Coverage { part: limits.part, ..Coverage::EXHAUSTIVE },
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
        reached: observed.reached,
        combinations: observed.combinations,
        rows: observed.rows,
        judged_again: 0,
        elapsed: report.elapsed,
    }
}
