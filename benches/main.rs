//! blockgate's types beside their peers and beside the limit.
//!
//! `cargo bench` runs everything and prints tables; `cargo bench -- --help` lists the options. The method
//! is in [`method`], each bench in a file of its own.

#![allow(clippy::cast_precision_loss, reason = "figures of people's size")]
#![allow(clippy::cast_possible_truncation, reason = "what a bench counts fits any memory")]

mod admission;
mod method;
mod ordered;
mod refs;
mod report;
mod spin;
mod write_path;

use std::error::Error;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use method::Bench;
use method::settings::Settings;
use report::Outcome;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(settings) = Settings::from_args()? else { return Ok(()) };
    if let Some(candidate) = &settings.memory_of {
        return refs::bytes::child(candidate);
    }
    let wanted = all().into_iter().filter(|bench| settings.wants(bench.name));
    if settings.list {
        wanted.for_each(|bench| println!("{}", bench.name));
        return Ok(());
    }
    let outcomes: Vec<Outcome> = wanted.map(|bench| run(bench, &settings)).collect();
    let path = settings.json.clone().unwrap_or_else(|| target().join("blockgate-bench.json"));
    report::json::write(&outcomes, &path)?;
    if let Some(docs) = &settings.docs {
        report::page::write(&outcomes, &workspace().join(docs))?;
    }
    summary(&outcomes, &path);
    Ok(())
}

/// The write path first: what comes before leaves the allocator in a state of its own.
fn all() -> Vec<Bench> {
    [write_path::benches(), admission::benches(), ordered::benches(), refs::benches()]
        .into_iter()
        .flatten()
        .collect()
}

fn run(bench: Bench, settings: &Settings) -> Outcome {
    let mut series = Vec::new();
    for case in (bench.cases)(settings) {
        progress(&format!("{}: {}", bench.name, bench.axis.label(case)));
        let rounds = settings.rounds.min(bench.most_rounds);
        series.extend(method::rounds::run(case, (bench.candidates)(case), rounds, settings));
    }
    progress("");
    let outcome = Outcome::new(bench, series, settings.smoke);
    println!("{}", report::table::text(&outcome));
    outcome
}

/// What is being measured, on a line that the next one replaces.
fn progress(line: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{line}");
    }
}

fn summary(outcomes: &[Outcome], path: &Path) {
    let verdicts = || outcomes.iter().flat_map(|outcome| &outcome.verdicts);
    let met = verdicts().filter(|verdict| verdict.met).count();
    println!("\n{met} of {} goals met; rows in {}", verdicts().count(), path.display());
    for outcome in outcomes {
        for sentence in outcome.sentences().iter().filter(|sentence| sentence.starts_with("MISSED")) {
            println!("  {} {sentence}", outcome.bench.name);
        }
    }
}

/// Cargo runs a bench in the directory of its package, which is one below the workspace's. By name, and
/// not by `..`: that would follow a link out of the workspace.
fn workspace() -> PathBuf {
    let benches = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    benches.as_deref().and_then(Path::parent).unwrap_or(Path::new(".")).to_path_buf()
}

/// The directory that this program was built in: it is in `release/deps` of it.
fn target() -> PathBuf {
    let exe = std::env::current_exe().ok();
    exe.and_then(|exe| exe.ancestors().nth(3).map(Path::to_path_buf))
        .unwrap_or_else(|| workspace().join("target"))
}
