//! The table that a person reads.

use comfy_table::{CellAlignment, Table, presets};

use super::Outcome;
use crate::method::goal::limit;
use crate::method::rounds::{Role, Series};
use crate::method::sample::{Case, Metric};

/// Everything of one bench, as text.
pub(crate) fn text(outcome: &Outcome) -> String {
    let bench = &outcome.bench;
    let mut lines = vec![format!("\n== {}: {}", bench.name, bench.about)];
    if !bench.limit.is_empty() {
        lines.push(format!("   limit: {}", bench.limit));
    }
    for &metric in bench.metrics {
        lines.push(format!("{} ({})", metric.title(), metric.unit()));
        lines.push(build(outcome, metric, presets::UTF8_HORIZONTAL_ONLY).to_string());
    }
    lines.extend(outcome.sentences().into_iter().map(|line| format!("   goal {line}")));
    lines.extend(outcome.warnings().into_iter().map(|line| format!("   WARNING {line}")));
    lines.join("\n")
}

/// The same for a page in Markdown.
pub(crate) fn markdown(outcome: &Outcome, metric: Metric) -> String {
    build(outcome, metric, presets::ASCII_MARKDOWN).to_string()
}

fn build(outcome: &Outcome, metric: Metric, preset: &str) -> Table {
    let cases = outcome.cases();
    let mut table = Table::new();
    table.load_preset(preset);
    let labels = cases.iter().map(|case| outcome.bench.axis.label(*case));
    table.set_header([String::new()].into_iter().chain(labels));
    for candidate in outcome.candidates() {
        let cells = cases.iter().map(|case| cell(outcome, *case, &candidate.candidate, metric));
        table.add_row([name(candidate)].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn name(candidate: &Series) -> String {
    match candidate.role {
        Role::Ours => format!("**{}**", candidate.candidate),
        Role::Limit => format!("limit: {}", candidate.candidate),
        Role::Peer => candidate.candidate.clone(),
    }
}

/// The median, its multiple of the limit, and for a peer how many times dearer than ours it is.
fn cell(outcome: &Outcome, case: Case, candidate: &str, metric: Metric) -> String {
    let Some(series) = outcome.find(case, candidate) else { return "-".into() };
    let Some(summary) = series.summary(metric) else { return "-".into() };
    let mut cell = number(summary.median);
    let limit = limit(&outcome.series, case).and_then(|limit| series.ratio_to(limit, metric));
    if let Some(ratio) = limit.filter(|_| series.role != Role::Limit) {
        cell.push_str(" ×");
        cell.push_str(&number(ratio.median));
    }
    if series.role == Role::Peer && is_cheaper_than_ours(outcome, series, metric) {
        cell += " FASTER";
    }
    cell
}

/// Than the first of ours, which is the one that peers are compared with.
fn is_cheaper_than_ours(outcome: &Outcome, peer: &Series, metric: Metric) -> bool {
    let mut ours = outcome.series.iter().filter(|one| one.case == peer.case && one.role == Role::Ours);
    let ratio = ours.next().and_then(|ours| peer.ratio_to(ours, metric));
    ratio.is_some_and(|ratio| ratio.median < 0.98)
}

/// Three digits.
fn number(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.2}M", value / 1e6),
        value if value >= 1e4 => format!("{:.1}k", value / 1e3),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
