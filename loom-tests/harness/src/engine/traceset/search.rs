//! A search.

use super::orders::Orders;
use super::{HOOKS, execution, failures, most_steps};
use crate::inside::context::{self, Observed, Record};
use crate::model::Case;
use crate::search::{Coverage, Ended, Exploration, Limits};
use traceset::{Report, Search};

pub(super) fn explore(case: &Case, limits: &Limits) -> Exploration {
    context::install(Record::None, HOOKS);
    let mut orders = Orders::of(limits);
    let report = asked(case, limits).run_with(execution(case.body()), |complete| {
        context::keep_execution();
        orders.judge(complete)
    });
    let observed = context::finish().unwrap_or_default();
    let ended = orders.into_difference().unwrap_or_else(|| ended(&report, limits));
    exploration(&report, observed, ended)
}

fn asked(case: &Case, limits: &Limits) -> Search {
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
        traceset::Coverage::Exhaustive => Coverage { preemptions: None, cut: None },
        traceset::Coverage::Preemptions(_) => Coverage { preemptions: limits.preemptions, cut: None },
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
    }
}
