#![cfg(not(any(loom, shuttle, traceset)))]
//! "Order by types", shown: programs that take a step of the protocol too early, twice, or by a token that
//! they made up do not compile, each for the reason that is stored beside it; the right program does.
//!
//! `drain/` has programs for each step, `tokens/` those that forge or keep a token, `writer/` and `volume/`
//! the write paths. The number of a rule is that of the order table in `docs/protocol.md`.
//!
//! A message is rustc's own, so it is compared under the version that wrote it. After a change:
//! `TRYBUILD=overwrite cargo test --test order_by_types -- --include-ignored`, and read the difference.

use std::fs;
use std::path::Path;

use trybuild::TestCases;

const PROGRAMS: &str = "tests/order_by_types";

/// The names of the programs in `folder`.
fn programs(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAMS).join(folder);
    let files = fs::read_dir(folder).expect("a folder of programs").flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".rs").map(String::from)).collect()
}

#[test]
fn the_right_program_compiles_and_runs() {
    TestCases::new().pass(format!("{PROGRAMS}/right.rs"));
}

#[test]
#[rustversion::attr(not(stable(1.95)), ignore = "the messages are stored as rustc 1.95 writes them")]
fn no_wrong_program_compiles() {
    TestCases::new().compile_fail(format!("{PROGRAMS}/*/*.rs"));
}

#[test]
fn each_step_of_the_drain_has_a_wrong_program() {
    let programs = programs("drain");
    let is_shown = |step: u32| programs.iter().any(|name| name.starts_with(&format!("step_{step}_")));
    let missing: Vec<_> = (1..=7).filter(|step| !is_shown(*step)).collect();
    assert_eq!(missing, [0; 0]);
    assert!(!is_shown(8), "there is no step 8");
}
