//! Foreign code: re-implementations of published bugs, and models that only seem to prove something.
//!
//! `cargo test -p loom-harness --test foreign`. Each check runs this same program as a suite, and reads what it
//! prints. `docs/loom.md` has a row for each model, which must be what was found.

mod spawned;
mod suites;

use loom_harness::binary::{self, Check};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use suites::false_greens::{self, FalseGreen};

static AS_EXPECTED: AtomicUsize = AtomicUsize::new(0);
static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// A model of foreign code, with its row in the table: how it ends.
struct Foreign {
    name: &'static str,
    executions: &'static str,
    verdict: &'static str,
}

const fn foreign(name: &'static str, executions: &'static str, verdict: &'static str) -> Foreign {
    Foreign { name, executions, verdict }
}

const MODELS: &[Foreign] = &[
    foreign("queue/discard", "5187 executions", "explored, with a hole at"),
    foreign("queue/late-block-left", "execution 840", "double free found"),
    foreign("lock/2-writers", "9 executions", "explored, with a hole at"),
    foreign("lock/relaxed-unlock", "execution 1", "race found"),
    foreign("event/listen-and-look", "8 executions", "exhaustive"),
    foreign("event/early-return", "execution 1", "deadlock found"),
];

/// It ends as its row says, which the page has, too.
fn ends_so(model: &Foreign) -> Result<(), String> {
    let Foreign { name, executions, verdict } = model;
    let (passed, printed) = spawned::run("published", &[name, "--exact"], &[])?;
    let line = printed.lines().find(|line| line.contains(&format!(" {name}: "))).unwrap_or_default();
    if !passed || !line.contains(executions) || !line.contains(verdict) {
        return Err(printed);
    }
    row(&format!("| `{name}` | {executions} | {verdict} |"))?;
    AS_EXPECTED.fetch_add(1, Relaxed);
    Ok(())
}

/// The package has no pages.
fn row(row: &str) -> Result<(), String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/loom.md");
    let text = std::fs::read_to_string(page).ok();
    let is_there = text.is_none_or(|text| text.contains(row));
    if is_there { Ok(()) } else { Err(format!("docs/loom.md has no row\n{row}")) }
}

/// A false green is refused: what it is instead is said, and nothing is called exhaustive.
fn refused(green: &FalseGreen) -> Result<(), String> {
    let (passed, printed) = spawned::run("false-greens", &[green.name, "--exact"], &[])?;
    let missing: Vec<_> = green.prints.iter().filter(|text| !printed.contains(**text)).collect();
    let is_called_so = printed.contains(", exhaustive,") || printed.contains("all exhaustive");
    if passed != green.fails && missing.is_empty() && !is_called_so {
        row(&format!("| `{}` |", green.name))?;
        REFUSED.fetch_add(1, Relaxed);
        return Ok(());
    }
    Err(format!("passed: {passed}; not printed: {missing:?}\n{printed}"))
}

fn checks() -> Vec<Check> {
    let models = MODELS.iter().map(|model| Check::new(model.name, || ends_so(model)));
    let greens = false_greens::ALL.iter();
    let greens = greens.map(|green| Check::new(format!("false green {}", green.name), || refused(green)));
    models.chain(greens).collect()
}

fn run() -> ExitCode {
    let code = binary::run("foreign", checks());
    let (models, expected) = (MODELS.len(), AS_EXPECTED.load(Relaxed));
    let (greens, refused) = (false_greens::ALL.len(), REFUSED.load(Relaxed));
    // Nothing was run where cargo-nextest asked for the list, and reads every line as a name.
    if expected + refused > 0 {
        println!(
            "foreign: {models} models, {expected} as expected; false greens: {greens}, {refused} refused"
        );
    }
    code
}

fn main() -> ExitCode {
    match spawned::role().as_deref() {
        Some("published") => loom_harness::main(suites::published()),
        Some("false-greens") => loom_harness::main(false_greens::suite()),
        _ => run(),
    }
}
