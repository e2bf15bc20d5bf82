//! `main` of a test binary with `harness = false`.

use crate::certificate::Certificate;
use crate::cli::{LongCases, Mode, Options, USAGE};
use crate::diagrams;
use crate::explore::{Ended, replay};
use crate::judge::Report;
use crate::limits::Limits;
use crate::model::{Case, Suite};
use crate::report::{self, Total};
use crate::run::{cores, run};
use crate::timeline::{self, Diagram};
use crate::token::Token;
use std::io::Write as _;
use std::path::Path;
use std::process::{self, ExitCode};
use std::time::Instant;

type Reports<'a> = Vec<(&'a Case, Report)>;

/// Runs `suite` as the command line and the environment ask, prints, and ends the process.
///
/// It never returns: the threads of failed models are still there and cannot be joined, so the process
/// must end by `exit`.
#[must_use]
pub fn main(suite: Suite) -> ExitCode {
    let code = match start(&suite) {
        Ok(true) => 0,
        Ok(false) => 101,
        Err(why) => {
            eprintln!("error: {why}");
            2
        }
    };
    drop(suite);
    process::exit(code)
}

fn start(suite: &Suite) -> Result<bool, String> {
    let mistakes = suite.mistakes();
    if !mistakes.is_empty() {
        return Err(mistakes.join("\nerror: "));
    }
    let options = Options::from_env(suite).map_err(|why| format!("{why}\n\n{USAGE}"))?;
    let limits = Limits::from_env()?;
    match &options.mode {
        Mode::Help => say(USAGE),
        Mode::List => list(suite, &options),
        Mode::Replay(token) => return show(suite, token),
        Mode::Run => return Ok(run_suite(suite, &options, &limits).0.failed.is_empty()),
        mode => {
            whole(&options, &limits)?;
            return match mode {
                Mode::WriteDiagrams(dir) => diagrams(suite, &options, dir, true),
                Mode::CheckDiagrams(dir) => diagrams(suite, &options, dir, false),
                Mode::WriteCertificate(path) => certificate(suite, &options, path, true),
                Mode::CheckCertificate(path) => certificate(suite, &options, path, false),
                _ => Ok(true),
            };
        }
    }
    Ok(true)
}

/// Prints a line at once, also into a pipe. A reader that went away is no reason to fail.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn list(suite: &Suite, options: &Options) {
    let cases = suite.cases.iter().filter(|case| options.names(case));
    // libtest lists ignored tests too, unless asked for them alone.
    let only = |case: &&Case| options.long != LongCases::Only || case.long;
    cases.filter(only).for_each(|case| say(&format!("{}: test", case.name)));
}

/// Runs the selected cases and prints what a run prints.
fn run_suite<'a>(suite: &'a Suite, options: &Options, limits: &Limits) -> (Total, Reports<'a>) {
    let began = Instant::now();
    let (named, others): (Vec<&Case>, Vec<&Case>) = suite.cases.iter().partition(|case| options.names(case));
    let (cases, not_run): (Vec<&Case>, Vec<&Case>) = named.iter().partition(|case| options.takes(case));
    let twins = cases.iter().filter(|case| case.twin.is_some()).count();
    say(&format!("\nrunning {} models, {twins} twins", cases.len() - twins));
    let (mut total, mut reports) = (Total::default(), Vec::new());
    run(&cases, options.workers.unwrap_or_else(cores), limits, |case, report| {
        say(&report::line(case, &report));
        let details = report::details(suite, case, &report);
        if !details.is_empty() {
            say(&format!("\n{}\n", details.trim_end()));
        }
        total.add(case, &report);
        reports.push((case, report));
    });
    say(&format!("\n{}", total.models(began.elapsed())));
    if !total.failed.is_empty() {
        say(&format!("\nfailures:\n    {}", total.failed.join("\n    ")));
    }
    say(&format!("\n{}\n", total.libtest(not_run.len(), others.len(), began.elapsed())));
    (total, reports)
}

/// Explores all twins and writes their diagrams, or says which are stale.
fn diagrams(suite: &Suite, options: &Options, dir: &Path, write: bool) -> Result<bool, String> {
    let twins: Vec<_> =
        suite.cases.iter().filter(|case| case.twin.is_some() && options.takes(case)).collect();
    let mut reports = Vec::new();
    run(&twins, options.workers.unwrap_or_else(cores), &Limits::default(), |case, report| {
        reports.push((case, report));
    });
    in_order(suite, &mut reports);
    let files = diagrams::files(suite, &reports)?;
    if write {
        diagrams::write(dir, &files)?;
        say(&format!("{} diagrams written to {}", reports.len(), dir.display()));
        return Ok(true);
    }
    let stale = diagrams::stale(dir, &files);
    for what in &stale {
        say(what);
    }
    say(&format!("{} diagrams, {} files not up to date", reports.len(), stale.len()));
    Ok(stale.is_empty())
}

/// Runs everything, then writes the certificate, or says what is different from it.
fn certificate(suite: &Suite, options: &Options, path: &Path, write: bool) -> Result<bool, String> {
    let (total, reports) = run_suite(suite, options, &Limits::default());
    if !total.failed.is_empty() {
        return Ok(false);
    }
    let mut now = Certificate::of(&reports)?;
    let file = path.with_extension("json");
    if write {
        // The long cases are not run every time; what was found of them stays.
        if file.exists() {
            now.keep_long(Certificate::read(&file)?, suite);
        }
        now.write(path)?;
        say(&format!("certificate written to {}", file.display()));
        return Ok(true);
    }
    let differences = Certificate::read(&file)?.differences(&now, options.long == LongCases::Too);
    for what in &differences {
        say(what);
    }
    say(&format!("certificate {}: {} differences", file.display(), differences.len()));
    Ok(differences.is_empty())
}

/// Both are about the whole suite, without bound and without cut.
fn whole(options: &Options, limits: &Limits) -> Result<(), String> {
    let unlimited = Limits { branches: limits.branches, ..Limits::default() };
    if *limits != unlimited || options.is_filtered() || options.long == LongCases::Only {
        return Err(
            "diagrams and certificates are about the whole suite: no filter, no limit of loom's".into()
        );
    }
    Ok(())
}

/// Reports come as they end; files are in the order of the suite.
fn in_order(suite: &Suite, reports: &mut Reports<'_>) {
    reports.sort_by_key(|(case, _)| suite.cases.iter().position(|other| other.name == case.name));
}

/// Replays one execution and draws it, whether it fails or not. False when a model fails.
fn show(suite: &Suite, token: &Token) -> Result<bool, String> {
    let case =
        suite.find(&token.name).ok_or_else(|| format!("there is no model or twin {:?} here", token.name))?;
    let found = replay(case, token.preemptions, token.execution);
    if found.executions < token.execution {
        return Err(format!(
            "{token}: the search has only {} executions up to its end or its failure",
            found.executions
        ));
    }
    let failure = match found.ended {
        Ended::Failed(mut failure) => {
            failure.name_roles(&case.roles);
            Some(failure)
        }
        Ended::Explored(_) => None,
    };
    let diagram = Diagram {
        title: case.name.clone(),
        about: report::about(case),
        roles: case.roles.clone(),
        rows: found.rows,
        failure,
        preemptions: None,
        replay: format!("{}_REPLAY='{token}' {}", suite.prefix, suite.command),
    };
    say(&format!("\n{}", timeline::text(&diagram)));
    for place in diagram.failure.iter().flat_map(|failure| &failure.places) {
        say(&format!("   at {place}"));
    }
    Ok(diagram.failure.is_none() || case.twin.is_some())
}
