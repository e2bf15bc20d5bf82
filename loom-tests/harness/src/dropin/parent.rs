//! The process of the test: it has another one explore, and goes on as that one's verdict says.

use super::verdict::Verdict;
use super::{Asked, CALL, REPORT, collect};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why the test fails, if it does.
pub(super) fn check(asked: &Asked, test: &str, call: u32) -> Option<String> {
    let path = new_path();
    let ended = run(test, call, &path);
    let verdict = Verdict::read(&path);
    let _ = std::fs::remove_file(path);
    match (verdict, ended) {
        (Some(Verdict { holds: true, text }), _) => {
            println!("{text}");
            collect(asked);
            None
        }
        (Some(Verdict { text, .. }), _) => Some(text),
        (None, Ok(output)) => Some(without_verdict(test, &output)),
        (None, Err(why)) => Some(why),
    }
}

fn new_path() -> std::path::PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    std::env::temp_dir().join(format!("loom-harness-verdict-{}-{number}.json", std::process::id()))
}

/// This test alone, in a process of its own.
fn run(test: &str, call: u32, report: &Path) -> Result<Output, String> {
    let this = std::env::current_exe().map_err(|error| format!("no path to this test binary: {error}"))?;
    Command::new(this)
        .args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(CALL, call.to_string())
        .env(REPORT, report)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("the process of {test} does not start: {error}"))
}

/// It died, or is no test of libtest's.
fn without_verdict(test: &str, output: &Output) -> String {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    format!(
        "the search of {test} ended without a verdict ({}). Is this thread, {test:?}, that of a #[test] function?\n{}",
        output.status,
        said.concat()
    )
}
