//! A run: the selected cases, several at once, and a line for each as soon as it ends.

use crate::binary;
use crate::case::Case;
use crate::cli::Options;
use crate::engine::Explore;
use crate::inside::outside;
use crate::jobs;
use crate::judge::Report;
use crate::plural::count;
use crate::pool;
use crate::report::{self, Total};
use crate::search::Limits;
use crate::suite::Suite;
use std::time::Instant;

pub(crate) type Reports<'a> = Vec<(&'a Case, Report)>;

/// Explores and judges `cases`; `finished` sees each report when it is there.
pub(crate) fn each<'a>(
    cases: &[&'a Case],
    explorer: &'static dyn Explore,
    options: &Options,
    limits: &Limits,
    finished: impl FnMut(&'a Case, Report),
) {
    let workers = options.arguments.threads.unwrap_or_else(pool::cores);
    jobs::each(cases, explorer, limits, workers, finished);
}

/// What a command line selects of a suite.
struct Selected<'a> {
    cases: Vec<&'a Case>,
    /// Named, but for another engine.
    second_engine_only: Vec<&'a Case>,
    /// Named, but long in a run that is not.
    not_run: usize,
    filtered: usize,
}

impl<'a> Selected<'a> {
    fn of(suite: &'a Suite, options: &Options) -> Self {
        let (named, others): (Vec<_>, Vec<_>) = suite.cases.iter().partition(|case| options.names(case));
        let (named, second_engine_only): (Vec<&Case>, Vec<&Case>) =
            named.into_iter().partition(|case| suite.explores(case));
        let (cases, not_run): (Vec<&Case>, Vec<&Case>) =
            named.into_iter().partition(|case| options.takes(suite.is_long(case)));
        Self { cases, second_engine_only, not_run: not_run.len(), filtered: others.len() }
    }

    /// # Errors
    /// When a filter leaves nothing to a run that was asked to explore.
    fn check(&self, suite: &Suite, options: &Options) -> Result<(), String> {
        let selection = &options.arguments.selection;
        let is_empty = self.cases.is_empty() && selection.is_filtered();
        if is_empty && self.not_run == 0 && binary::asked(&suite.prefix).is_some() {
            return Err(binary::nothing_matches(&selection.text()));
        }
        Ok(())
    }

    fn announce(&self) {
        let twins = self.cases.iter().filter(|case| case.twin.is_some()).count();
        let models = self.cases.len() - twins;
        let (models, twins) = (count(models as u64, "model"), count(twins as u64, "twin"));
        binary::say(&format!("\nrunning {models}, {twins}"));
        for case in &self.second_engine_only {
            binary::say(&report::second_engine_only(case));
        }
    }
}

/// Runs the selected cases and prints what a run prints.
///
/// # Errors
/// When there is nothing to explore in a run that was asked to.
pub(crate) fn run<'a>(
    suite: &'a Suite,
    explorer: &'static dyn Explore,
    options: &Options,
    limits: &Limits,
) -> Result<(Total, Reports<'a>), String> {
    let began = Instant::now();
    let selected = Selected::of(suite, options);
    selected.check(suite, options)?;
    selected.announce();
    let (mut total, mut reports) = (Total::default(), Vec::new());
    each(&selected.cases, explorer, options, limits, |case, report| {
        print(suite, case, &report);
        total.add(case, &report);
        reports.push((case, report));
    });
    if outside::unsaid() > 0 {
        let operations = count(outside::unsaid(), "operation");
        binary::say(&format!("\n{operations} on threads outside of any model, after its search"));
        total.also_failed.push("a thread outside of any model".into());
    }
    binary::say(&format!("\n{}", total.models(began.elapsed())));
    if !total.failures().is_empty() {
        binary::say(&format!("\nfailures:\n    {}", total.failures().join("\n    ")));
    }
    if let Some(path) = &options.junit {
        report::write_junit(path, suite, &reports)?;
    }
    let not_run = selected.not_run + selected.second_engine_only.len();
    binary::say(&total.libtest(not_run, selected.filtered, began.elapsed()));
    Ok((total, reports))
}

fn print(suite: &Suite, case: &Case, report: &Report) {
    binary::say(&report::line(case, report));
    let details = report::details(suite, case, report);
    if !details.is_empty() {
        binary::say(&format!("\n{}\n", details.trim_end()));
    }
}
