//! Named checks, as a binary that lists, selects, runs and counts them.

use super::arguments::{Action, Arguments, USAGE};
use super::asked::asked;
use crate::plural::count;
use crate::pool::{self, Queue};
use std::any::Any;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Body = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// One named check of a test binary.
pub struct Check {
    name: String,
    is_ignored: bool,
    body: Body,
}

impl Check {
    /// The check called `name`. `body` prints what it wants to say, and returns what is wrong.
    pub fn new(name: impl Into<String>, body: impl FnOnce() -> Result<(), String> + Send + 'static) -> Self {
        Self { name: name.into(), is_ignored: false, body: Box::new(body) }
    }

    /// Left out of a plain run, if `is_ignored`.
    #[must_use]
    pub fn ignored(mut self, is_ignored: bool) -> Self {
        self.is_ignored = is_ignored;
        self
    }
}

/// The `main` of a binary of `checks`, with no arguments but libtest's.
#[must_use]
pub fn run(project: &str, checks: Vec<Check>) -> ExitCode {
    run_with(project, "", Arguments::read(|_, _| Ok(false)), checks)
}

/// The same for a binary with options of its own, which `help` lists: they have been read into `arguments`.
#[must_use]
pub fn run_with(
    project: &str,
    help: &str,
    arguments: Result<Arguments, String>,
    checks: Vec<Check>,
) -> ExitCode {
    let usage = || format!("usage: [FILTER]... [options]\n\n{help}{USAGE}");
    let ended = arguments.map_err(|why| format!("{why}\n\n{}", usage())).and_then(|arguments| {
        match arguments.action {
            Action::Help => say(&usage()),
            Action::List => list(&arguments, &checks),
            Action::Run => return run_selected(project, &arguments, checks),
        }
        Ok(true)
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(101),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn list(arguments: &Arguments, checks: &[Check]) {
    let listed = checks.iter().filter(|check| arguments.selection.lists(&check.name, check.is_ignored));
    listed.for_each(|check| say(&format!("{}: test", check.name)));
}

/// False when a check failed.
fn run_selected(project: &str, arguments: &Arguments, checks: Vec<Check>) -> Result<bool, String> {
    let selection = &arguments.selection;
    let (named, others): (Vec<_>, Vec<_>) =
        checks.into_iter().partition(|check| selection.names(&check.name));
    // A build without checks has none that a filter could match.
    if named.is_empty() && !others.is_empty() && asked(project).is_some() {
        return Err(nothing_matches(&selection.text()));
    }
    let (taken, not_run): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|check| selection.takes(check.is_ignored));
    let began = Instant::now();
    say(&format!("\nrunning {}", count(taken.len() as u64, "check")));
    let (mut passed, mut failed) = (0, 0);
    pool::run(&Queue::new(taken), arguments.threads.unwrap_or_else(pool::cores), run_one, |is_ok| {
        *(if is_ok { &mut passed } else { &mut failed }) += 1;
    });
    say(&total(passed, failed, [not_run.len() as u64, others.len() as u64], began.elapsed()));
    Ok(failed == 0)
}

fn run_one(check: Check) -> bool {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(check.body)).unwrap_or_else(|panic| Err(words(&*panic)));
    let took = began.elapsed().as_secs_f64();
    match &ended {
        Ok(()) => say(&format!("check {} ... ok, {took:.1} s", check.name)),
        Err(why) => say(&format!("check {} ... FAILED, {took:.1} s: {why}", check.name)),
    }
    ended.is_ok()
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_else(|| "a panic without words".into())
}

/// The last line, in libtest's form for the tools that read it.
pub(crate) fn total(passed: u64, failed: u64, not_run: [u64; 2], elapsed: Duration) -> String {
    let [ignored, filtered] = not_run;
    format!(
        "\ntest result: {}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered} filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        elapsed.as_secs_f64(),
    )
}

/// What a run says that was asked to explore and has nothing to.
pub(crate) fn nothing_matches(filters: &str) -> String {
    format!(
        "nothing here matches {filters}, so nothing would be explored; --list shows the names\n\
         (a filter goes to every test binary: name one, as in --test models -- FILTER)"
    )
}

/// Says what is no result: how far a search is.
pub(crate) fn remark(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints a line at once, also into a pipe. A reader that went away is no reason to fail.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
