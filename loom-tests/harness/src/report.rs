//! The words of a run: one line a case, the details of what is wrong, the total.

use crate::counterexample::{Counterexample, Located};
use crate::failure::Failure;
use crate::judge::{Report, Verdict, Wrong};
use crate::model::{Case, Suite};
use crate::timeline::{self, Diagram, preemptions};
use crate::token::Token;
use std::fmt::Write as _;
use std::time::Duration;

/// The line of a finished case.
pub(crate) fn line(case: &Case, report: &Report) -> String {
    let kind = if case.twin.is_some() { "twin" } else { "model" };
    format!("{kind} {}: {}", case.name, result(case, report))
}

fn result(case: &Case, report: &Report) -> String {
    let executions = report.executions;
    match &report.verdict {
        Verdict::Held(coverage) => {
            let threads = report.threads;
            let explored = format!(
                "{executions} executions, {coverage}, {threads} threads, {}",
                seconds(report.elapsed)
            );
            format!("{explored}{}{}", reached(report), unreached(case, report))
        }
        Verdict::Red(at) => {
            let invariant = case.twin.as_ref().map_or("", |expected| &expected.invariant);
            let fewest =
                at.preemptions.map(|number| format!(", {}", preemptions(number))).unwrap_or_default();
            format!("{invariant} found at execution {executions}{fewest}")
        }
        Verdict::Open(coverage) => format!("not found in {executions} executions, {coverage}"),
        Verdict::Wrong(wrong) => format!("FAILED, {}", in_short(wrong, executions)),
    }
}

fn in_short(wrong: &Wrong, executions: u64) -> String {
    match wrong {
        Wrong::Failed { failure, execution, .. } => format!("{} at execution {execution}", failure.invariant),
        Wrong::NeverReached { outcomes, coverage } => {
            format!("{executions} executions, {coverage}, never reached: {}", outcomes.join(", "))
        }
        Wrong::StayedGreen(coverage) => {
            format!("{executions} executions, {coverage}, and nothing is violated")
        }
    }
}

fn reached(report: &Report) -> String {
    let counts: Vec<_> = report.reached.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if counts.is_empty() { String::new() } else { format!("; reached: {}", counts.join(", ")) }
}

/// Only a search with limits may hold without reaching what it must.
fn unreached(case: &Case, report: &Report) -> String {
    let never = |name: &&String| report.reached.iter().any(|(seen, count)| seen == *name && *count == 0);
    let names: Vec<_> = case.must_reach.iter().filter(never).map(String::as_str).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("; not reached within these limits: {}", names.join(", "))
    }
}

/// What a person needs who has to find the bug: empty for what is right.
pub(crate) fn details(suite: &Suite, case: &Case, report: &Report) -> String {
    let Verdict::Wrong(wrong) = &report.verdict else {
        return String::new();
    };
    let mut out = String::new();
    match wrong {
        Wrong::Failed { failure, execution, shown } => {
            if let Some(expected) = &case.twin {
                let _ = writeln!(out, "the twin must fail with {:?}, but failed with:", expected.invariant);
            }
            let _ = writeln!(out, "{failure}");
            failure_places(&mut out, shown.as_ref().map_or(failure, |shown| &shown.failure));
            let plain = Token { name: case.name.clone(), preemptions: None, execution: *execution };
            let _ = writeln!(out, "first seen at execution {execution} ({plain})\n");
            match shown {
                Ok(shown) => out += &timeline::text(&diagram(suite, case, shown)),
                Err(why) => out += why,
            }
        }
        Wrong::NeverReached { outcomes, .. } => {
            let _ = writeln!(out, "every execution holds, but what the model is about never happens:");
            let _ = writeln!(out, "never reached: {}", outcomes.join(", "));
        }
        Wrong::StayedGreen(_) => {
            let invariant = case.twin.as_ref().map_or("", |expected| &expected.invariant);
            let _ = writeln!(out, "the twin must fail with {invariant:?}, but holds in every execution:");
            let _ = writeln!(
                out,
                "either what it leaves out is not needed, or the model does not look closely enough"
            );
        }
    }
    out
}

fn failure_places(out: &mut String, failure: &Failure) {
    for place in &failure.places {
        let _ = writeln!(out, "   at {place}");
    }
}

/// The diagram of a counterexample.
pub(crate) fn diagram(suite: &Suite, case: &Case, shown: &Counterexample) -> Diagram {
    Diagram {
        title: case.name.clone(),
        about: about(case),
        roles: case.roles.clone(),
        rows: shown.rows.clone(),
        failure: Some(shown.failure.clone()),
        preemptions: shown.at.preemptions,
        replay: replay_command(suite, &shown.at),
    }
}

/// What a diagram says under its name.
pub(crate) fn about(case: &Case) -> String {
    match &case.twin {
        Some(expected) if !expected.left_out.is_empty() => {
            format!("without {}", expected.left_out)
        }
        Some(_) => String::new(),
        None => case.theorem.clone(),
    }
}

fn replay_command(suite: &Suite, at: &Located) -> String {
    format!("{}_REPLAY='{}' {}", suite.prefix, at.token, suite.command)
}

pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// Sums over a run.
#[derive(Default)]
pub(crate) struct Total {
    models: u64,
    executions: u64,
    exhaustive: u64,
    twins: u64,
    red: u64,
    open: u64,
    pub(crate) failed: Vec<String>,
}

impl Total {
    pub(crate) fn add(&mut self, case: &Case, report: &Report) {
        if case.twin.is_some() {
            self.twins += 1;
        } else {
            self.models += 1;
            self.executions += report.executions;
        }
        match &report.verdict {
            Verdict::Held(coverage) => self.exhaustive += u64::from(coverage.is_exhaustive()),
            Verdict::Red(_) => self.red += 1,
            Verdict::Open(_) => self.open += 1,
            Verdict::Wrong(_) => self.failed.push(case.name.clone()),
        }
    }

    /// "46 models, 12345 executions, all exhaustive, 41.2 s; 12 twins, all red"
    pub(crate) fn models(&self, elapsed: Duration) -> String {
        let all = |part: u64, whole: u64, word: &str| match part {
            _ if part == whole => format!("all {word}"),
            _ => format!("{part} of them {word}"),
        };
        format!(
            "{} models, {} executions, {}, {}; {} twins, {}",
            self.models,
            self.executions,
            all(self.exhaustive, self.models, "exhaustive"),
            seconds(elapsed),
            self.twins,
            all(self.red, self.twins, "red"),
        )
    }

    /// The last line, in libtest's form for the tools that read it.
    pub(crate) fn libtest(&self, not_run: usize, filtered: usize, elapsed: Duration) -> String {
        let failed = self.failed.len() as u64;
        let passed = self.models + self.twins - failed - self.open;
        format!(
            "test result: {}. {passed} passed; {failed} failed; {} ignored; 0 measured; {filtered} filtered out; finished in {:.2}s",
            if failed == 0 { "ok" } else { "FAILED" },
            not_run as u64 + self.open,
            elapsed.as_secs_f64(),
        )
    }
}
