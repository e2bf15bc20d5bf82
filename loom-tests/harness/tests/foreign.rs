//! Foreign code: models of crates that know nothing of this harness, and models that only seem to prove something.
//!
//! `cargo test -p loom-harness --test foreign`. Each check runs this same program as a suite, and reads what it
//! prints.

mod spawned;
mod suites;

use loom_harness::binary::{self, Check};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use suites::false_greens;

static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// A false green is refused: what it is instead is said, and nothing is called exhaustive.
fn refused(green: &false_greens::FalseGreen) -> Result<(), String> {
    let (passed, printed) = spawned::run("false-greens", &[green.name, "--exact"], &[])?;
    let missing: Vec<_> = green.prints.iter().filter(|text| !printed.contains(**text)).collect();
    let is_called_so = printed.contains(", exhaustive,") || printed.contains("all exhaustive");
    if passed != green.fails && missing.is_empty() && !is_called_so {
        REFUSED.fetch_add(1, Relaxed);
        return Ok(());
    }
    Err(format!("passed: {passed}; not printed: {missing:?}\n{printed}"))
}

fn checks() -> Vec<Check> {
    let greens = false_greens::ALL.iter();
    greens.map(|green| Check::new(format!("false green {}", green.name), || refused(green))).collect()
}

fn run() -> ExitCode {
    let code = binary::run("foreign", checks());
    let (all, refused) = (false_greens::ALL.len(), REFUSED.load(Relaxed));
    println!("foreign: false greens: {all}, {refused} refused");
    code
}

fn main() -> ExitCode {
    match spawned::role().as_deref() {
        Some("false-greens") => loom_harness::main(false_greens::suite()),
        _ => run(),
    }
}
