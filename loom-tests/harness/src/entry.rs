//! `main` of a test binary with `harness = false`.

use crate::binary::{self, Action};
use crate::certificate::Certificate;
use crate::cli::{Mode, Options, USAGE};
use crate::engine::Explore;
use crate::search::{Limits, interrupt};
use crate::suite::Suite;
use crate::{replay, run, whole};
use std::process::{self, ExitCode};

/// Runs `suite` as the command line and the environment ask, prints, and ends the process.
///
/// It never returns: the threads of failed models are still there and cannot be joined, so the process
/// must end by `exit`.
#[must_use]
pub fn main(mut suite: Suite) -> ExitCode {
    know_totals(&mut suite);
    let code = match start(&suite) {
        _ if interrupt::is_asked() => interrupt::STATUS,
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

/// So that a long search can say how far it is. A certificate that cannot be read is another one's error.
fn know_totals(suite: &mut Suite) {
    let Ok(engine) = suite.explored_by() else { return };
    let file = suite.certificate.as_ref().map(|base| base.with_extension("json"));
    let Some(certificate) = file.and_then(|file| Certificate::read(&file).ok()) else { return };
    let engine = engine.explorer().name();
    suite.cases.iter_mut().for_each(|case| case.total = certificate.executions(&case.name, engine));
}

fn start(suite: &Suite) -> Result<bool, String> {
    let mistakes = suite.mistakes();
    if !mistakes.is_empty() {
        return Err(mistakes.join("\nerror: "));
    }
    let usage = || format!("{USAGE}\n{}", binary::USAGE);
    let options = Options::from_env(suite).map_err(|why| format!("{why}\n\n{}", usage()))?;
    match options.arguments.action {
        Action::Help => binary::say(&usage()),
        Action::List => list(suite, &options),
        Action::Run => return explore(suite, &options),
    }
    Ok(true)
}

fn list(suite: &Suite, options: &Options) {
    let cases = suite.cases.iter().filter(|case| suite.explores(case));
    let cases = cases.filter(|case| options.arguments.selection.lists(&case.name, suite.is_long(case)));
    cases.for_each(|case| binary::say(&format!("{}: test", case.name)));
}

fn explore(suite: &Suite, options: &Options) -> Result<bool, String> {
    let explorer = suite.explored_by()?.explorer();
    if let Some(why) = binary::other_than(&suite.prefix, &[explorer.name()]) {
        return Err(why);
    }
    let Options { reorder, part, strict, .. } = options;
    let limits = Limits { reorder: *reorder, part: *part, strict: *strict, ..Limits::from_env()? };
    check(explorer, &limits)?;
    interrupt::install();
    match &options.mode {
        Mode::Replay(token) => replay::show(suite, explorer, token, &limits),
        Mode::Run => Ok(run::run(suite, explorer, options, &limits)?.0.failures().is_empty()),
        Mode::Files(files) => whole::Whole::new(suite, explorer, options, &limits)?.act_on(files),
    }
}

/// # Errors
/// When the engine cannot do what is asked for.
fn check(explorer: &dyn Explore, limits: &Limits) -> Result<(), String> {
    if (limits.part.is_some() || limits.reorder.is_some()) && !explorer.is_second() {
        return Err(format!(
            "--part and --reorder are of the second engine, and this is {}",
            explorer.name()
        ));
    }
    if limits.part.is_some() && limits.may_cut() {
        return Err("--part and LOOM_MAX_…: a limit is of a whole search, which has no parts then".into());
    }
    Ok(())
}
