//! What comes out: a table for people, rows for machines, plots and a page for `docs/`.

pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod table;

use crate::method::Bench;
use crate::method::goal::{Verdict, limit};
use crate::method::rounds::Series;
use crate::method::sample::Case;

/// A bench that was run.
pub(crate) struct Outcome {
    pub bench: Bench,
    pub series: Vec<Series>,
    pub verdicts: Vec<Verdict>,
    is_smoke: bool,
}

/// Above it, the limit itself is so uneven that small differences mean nothing.
const NOISY: f64 = 0.5;

impl Outcome {
    /// A smoke run measures nothing, so there is nothing to judge.
    pub(crate) fn new(bench: Bench, series: Vec<Series>, is_smoke: bool) -> Self {
        let goals = if is_smoke { Vec::new() } else { (bench.goals)() };
        let verdicts = goals.into_iter().filter_map(|goal| goal.judge(&series)).collect();
        Self { bench, series, verdicts, is_smoke }
    }

    /// The cases, in the order in which they were run.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        for series in &self.series {
            if !cases.contains(&series.case) {
                cases.push(series.case);
            }
        }
        cases
    }

    /// One series of each candidate, ours first, then the limit, then the peers.
    pub(crate) fn candidates(&self) -> Vec<&Series> {
        let mut seen: Vec<&Series> = Vec::new();
        for series in &self.series {
            if seen.iter().all(|other| other.candidate != series.candidate) {
                seen.push(series);
            }
        }
        seen.sort_by_key(|series| match series.role {
            crate::method::rounds::Role::Ours => 0,
            crate::method::rounds::Role::Limit => 1,
            crate::method::rounds::Role::Peer => 2,
        });
        seen
    }

    pub(crate) fn find(&self, case: Case, candidate: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.case == case && series.candidate == candidate)
    }

    /// One sentence a case in which the machine was too noisy to tell.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Some(metric) = self.bench.metrics.first().filter(|_| !self.is_smoke) else { return Vec::new() };
        let spread = |case| limit(&self.series, case)?.summary(*metric).map(|summary| summary.spread());
        let noisy = self.cases().into_iter().filter_map(|case| Some((case, spread(case)?)));
        noisy
            .filter(|(_, spread)| *spread > NOISY)
            .map(|(case, spread)| {
                let label = self.bench.axis.label(case);
                let percent = 100.0 * spread;
                format!("too noisy at {label}: the limit itself varied by {percent:.0} %; trust ratios, and those little")
            })
            .collect()
    }

    pub(crate) fn sentences(&self) -> Vec<String> {
        let label = |case| self.bench.axis.label(case);
        self.verdicts.iter().map(|verdict| verdict.sentence(&label)).collect()
    }
}
