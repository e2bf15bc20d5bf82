//! The rows that a machine reads.

use std::path::Path;

use serde::Serialize;

use super::Outcome;
use crate::method::goal::{Quantity, Verdict, limit};
use crate::method::rounds::{Role, Series};
use crate::method::sample::Metric;

#[derive(Serialize)]
struct Row {
    bench: String,
    candidate: String,
    role: &'static str,
    threads: usize,
    size: u64,
    metric: String,
    median: f64,
    p10: f64,
    p90: f64,
    ratio_to_limit: Option<f64>,
    goal: Option<f64>,
    met: Option<bool>,
}

/// Writes all rows of all benches.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn write(outcomes: &[Outcome], path: &Path) -> std::io::Result<()> {
    let rows: Vec<Row> = outcomes.iter().flat_map(rows).collect();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
}

fn rows(outcome: &Outcome) -> Vec<Row> {
    let measured = outcome.series.iter().flat_map(|series| {
        let metrics: Vec<Metric> =
            series.samples.first().map(|one| one.metrics().collect()).unwrap_or_default();
        metrics.into_iter().filter_map(move |metric| measured(outcome, series, metric))
    });
    let compared = outcome.verdicts.iter().filter_map(|verdict| compared(outcome, verdict));
    measured.chain(compared).collect()
}

fn measured(outcome: &Outcome, series: &Series, metric: Metric) -> Option<Row> {
    let summary = series.summary(metric)?;
    let ratio = limit(&outcome.series, series.case).and_then(|limit| series.ratio_to(limit, metric));
    let is_of_this = |verdict: &&Verdict| {
        let goal = &verdict.goal;
        let plain = matches!(goal.quantity, Quantity::Value | Quantity::OfLimit);
        plain && goal.ours == series.candidate && goal.case == series.case && goal.metric == metric
    };
    let verdict = outcome.verdicts.iter().find(is_of_this);
    Some(Row {
        bench: outcome.bench.name.into(),
        candidate: series.candidate.clone(),
        role: role(series.role),
        threads: series.case.threads,
        size: series.case.size,
        metric: metric.to_string(),
        median: summary.median,
        p10: summary.p10,
        p90: summary.p90,
        ratio_to_limit: ratio.map(|ratio| ratio.median),
        goal: verdict.map(|verdict| verdict.goal.bound.value()),
        met: verdict.map(|verdict| verdict.met),
    })
}

/// A goal that compares two figures has a row of its own.
fn compared(outcome: &Outcome, verdict: &Verdict) -> Option<Row> {
    let goal = &verdict.goal;
    let metric = match &goal.quantity {
        Quantity::Value | Quantity::OfLimit => return None,
        Quantity::Than(_) => format!("{} of {} by ours", goal.metric, verdict.than.as_deref()?),
        Quantity::Growth { from } => {
            format!("{} by that at {}", goal.metric, outcome.bench.axis.label(*from))
        }
    };
    Some(Row {
        bench: outcome.bench.name.into(),
        candidate: goal.ours.into(),
        role: role(Role::Ours),
        threads: goal.case.threads,
        size: goal.case.size,
        metric,
        median: verdict.measured.median,
        p10: verdict.measured.p10,
        p90: verdict.measured.p90,
        ratio_to_limit: None,
        goal: Some(goal.bound.value()),
        met: Some(verdict.met),
    })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Limit => "limit",
        Role::Ours => "ours",
        Role::Peer => "peer",
    }
}
