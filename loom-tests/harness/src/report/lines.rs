//! The words of a run: one line a case, and the details of what is wrong.

use super::timeline::{self, Diagram, preemptions};
use super::total::seconds;
use crate::case::Case;
use crate::judge::{Counterexample, Located, Report, Token, Verdict, Wrong};
use crate::plural::count;
use crate::search::{Coverage, Failure, Meeting, Progress, explored, folded};
use crate::suite::Suite;
use std::fmt::Write as _;
use std::time::Duration;

/// The line of a finished case.
pub(crate) fn line(case: &Case, report: &Report) -> String {
    format!("{} {}: {}", kind(case), case.name, result(case, report))
}

/// The line of a case that this engine leaves to the second one.
pub(crate) fn second_engine_only(case: &Case) -> String {
    format!("{} {}: second engine only", kind(case), case.name)
}

/// Before a search that takes long.
pub(crate) fn estimated(case: &Case, executions: f64) -> String {
    let name = &case.name;
    format!("{name}: estimate: {executions:.0} executions (5 to 130 times too low, where it was checked)")
}

/// While a search runs that takes long.
pub(crate) fn progress(name: &str, progress: Progress, total: Option<u64>, elapsed: Duration) -> String {
    let Progress { executions, share, deepest } = progress;
    let rate = u128::from(executions) * 1000 / elapsed.as_millis().max(1);
    let depth = if deepest == 0 { String::new() } else { format!(", at most {deepest} deep") };
    let done = match total {
        Some(total) if total > 0 => {
            format!(", {} % of the {total} of the certificate", executions * 100 / total)
        }
        _ if share > 0.0 => format!(", at most {:.0} % done (estimate)", share * 100.0),
        _ => String::new(),
    };
    format!("{name}: {} so far, {rate} a second{depth}{done}", count(executions, "execution"))
}

fn kind(case: &Case) -> &'static str {
    if case.twin.is_some() { "twin" } else { "model" }
}

fn result(case: &Case, report: &Report) -> String {
    let executions = count(report.executions, "execution");
    match &report.verdict {
        // Its searches are its own.
        Verdict::Held(_) if case.litmus => format!("litmus test, holds, {}", seconds(report.elapsed)),
        Verdict::Held(coverage) => {
            let (threads, took) = (count(report.threads, "thread"), seconds(report.elapsed));
            let blocked =
                if report.blocked == 0 { String::new() } else { format!(" ({} blocked)", report.blocked) };
            let coverage = covered(*coverage, report);
            let explored = format!("{executions}{blocked}, {coverage}, {threads}, {took}");
            format!("{explored}{}{}", reached(report), unreached(case, report))
        }
        Verdict::Red(at) => {
            let invariant = expected(case);
            let fewest =
                at.preemptions.map(|number| format!(", {}", preemptions(number))).unwrap_or_default();
            format!("{invariant} found at execution {}{fewest}", report.executions)
        }
        Verdict::Open(coverage) => format!("not found in {executions}, {coverage}"),
        Verdict::Wrong(wrong) => format!("FAILED, {}", in_short(wrong, report)),
    }
}

/// What was explored: "exhaustive", or what it is instead.
fn covered(coverage: Coverage, report: &Report) -> String {
    match report.meeting {
        _ if !coverage.is_exhaustive() => coverage.to_string(),
        _ if !report.doubts.is_empty() => explored(&report.doubts),
        Meeting::Independent => "independent (no two threads meet)".into(),
        Meeting::None | Meeting::Some => coverage.to_string(),
    }
}

fn in_short(wrong: &Wrong, report: &Report) -> String {
    let number = report.executions;
    let executions = count(number, "execution");
    match wrong {
        Wrong::Outside(times) => format!("{} on a thread outside of the model", count(*times, "operation")),
        Wrong::MissingRole { threads, roles } => {
            format!("{executions}, {} for {}", count(*threads, "thread"), count(*roles as u64, "role"))
        }
        Wrong::Vacuous { threads } => format!("{executions}, {}, vacuous", count(*threads, "thread")),
        Wrong::NotExhaustive(coverage) => format!("{executions}, {}", covered(*coverage, report)),
        Wrong::Failed { failure, .. } => format!("{} at execution {number}", failure.invariant),
        Wrong::NeverReached { outcomes, coverage } => {
            format!("{executions}, {coverage}, never reached: {}", outcomes.join(", "))
        }
        Wrong::StayedGreen(coverage) => format!("{executions}, {coverage}, and nothing is violated"),
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

/// What a person needs to find the bug: empty for what is right.
pub(crate) fn details(suite: &Suite, case: &Case, report: &Report) -> String {
    let Verdict::Wrong(wrong) = &report.verdict else {
        return String::new();
    };
    match wrong {
        Wrong::Failed { failure, at, shown } => {
            let shown = shown.as_ref();
            let places = &shown.map_or(failure, |shown| &shown.failure).places;
            let timeline = shown.map(|shown| timeline::text(&diagram(suite, case, shown)));
            let timeline = timeline.unwrap_or_else(|why| format!("{why}\n"));
            format!("{}\n{timeline}", failed(case, failure, places, report.executions, at))
        }
        Wrong::NeverReached { outcomes, .. } => {
            let names = outcomes.join(", ");
            format!(
                "every execution holds, but what the model is about never happens:\nnever reached: {names}\n"
            )
        }
        Wrong::Outside(_) => "a thread that the engine does not know did an operation, and panicked: is it one of \
             std::thread::spawn?\n(Of several models that run at once each is failed: run it alone to see whether it \
             is this one.)\n"
            .into(),
        Wrong::MissingRole { .. } => "a role that is declared is no thread of the model: is it one of \
             std::thread::spawn, or never spawned?\n"
            .into(),
        Wrong::Vacuous { .. } => "every execution holds, but nothing in it is concurrent, so nothing was explored: is a \
             thread joined at once,\nor a `map(spawn)` never run? If that is meant, declare it: `.sequential()`\n"
            .into(),
        Wrong::NotExhaustive(_) => "it holds where it was explored, but the run is --strict\n".into(),
        Wrong::StayedGreen(_) => format!(
            "the twin must fail with {:?}, but holds in every execution:\n\
             either what it leaves out is not needed, or the model does not look closely enough\n",
            expected(case)
        ),
    }
}

fn expected(case: &Case) -> &str {
    case.twin.as_ref().map_or("", |expected| &expected.invariant)
}

fn failed(case: &Case, failure: &Failure, places: &[String], execution: u64, at: &str) -> String {
    let mut out = String::new();
    if case.twin.is_some() {
        let _ = writeln!(out, "the twin must fail with {:?}, but failed with:", expected(case));
    }
    let _ = writeln!(out, "{failure}");
    for place in places {
        let _ = writeln!(out, "   at {place}");
    }
    let token = Token { name: case.name.clone(), at: at.into() };
    let _ = writeln!(out, "first seen at execution {execution} ({token})");
    out
}

/// The diagram of a counterexample.
pub(crate) fn diagram(suite: &Suite, case: &Case, shown: &Counterexample) -> Diagram {
    Diagram {
        title: case.name.clone(),
        about: about(case),
        roles: case.roles.clone(),
        rows: folded(&shown.rows),
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
