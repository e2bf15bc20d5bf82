#![cfg(not(any(loom, shuttle, traceset)))]
//! "Order by types", shown: programs that take a step of the protocol too early, twice, or by a token that
//! they made up do not compile, each for the reason that is stored beside it; the right program, `right.rs`,
//! does, as a part of this test.
//!
//! `drain/` has programs for each step, `tokens/` those that forge or keep a token, `writer/` and `volume/`
//! the write paths. The number of a rule is that of the order table in `docs/protocol.md`.
//!
//! A message is rustc's own, so it is compared under the version that wrote it. After a change:
//! `TRYBUILD=overwrite cargo test --test order_by_types -- --include-ignored`, and read the difference.

mod right;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use trybuild::TestCases;

const PROGRAMS: &str = "tests/order_by_types";

/// The wrong programs of all folders, by name: each with its text.
fn wrong_programs() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAMS);
    let entries = |folder: &Path| fs::read_dir(folder).expect("a folder of programs").flatten();
    let folders = entries(&root).map(|entry| entry.path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| entries(&folder).map(|entry| entry.path()).collect::<Vec<_>>());
    let programs = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &Path| path.strip_prefix(&root).expect("in it").display().to_string();
    programs.map(|path| (name(&path), fs::read_to_string(&path).expect("a text"))).collect()
}

/// The names of the methods that `program` calls.
fn methods(program: &str) -> BTreeSet<&str> {
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    let calls = program.split('.').skip(1).filter_map(|rest| rest.split_once('('));
    calls.map(|(name, _)| name).filter(is_name).collect()
}

#[test]
#[rustversion::attr(not(stable(1.95)), ignore = "the messages are stored as rustc 1.95 writes them")]
fn no_wrong_program_compiles() {
    TestCases::new().compile_fail(format!("{PROGRAMS}/*/*.rs"));
}

#[test]
fn each_step_of_the_drain_has_a_wrong_program() {
    let programs = wrong_programs();
    let is_shown = |step: u32| programs.keys().any(|name| name.starts_with(&format!("drain/step_{step}_")));
    let missing: Vec<_> = (1..=7).filter(|step| !is_shown(*step)).collect();
    assert_eq!(missing, [0; 0]);
    assert!(!is_shown(8), "there is no step 8");
}

/// "No method of that name" is no news of a method that exists nowhere any more.
#[test]
fn what_a_wrong_program_calls_the_right_one_calls_too() {
    let right = include_str!("right.rs");
    for (name, program) in wrong_programs() {
        let unknown: Vec<_> = methods(&program).difference(&methods(right)).copied().collect();
        assert_eq!(unknown, [""; 0], "{name}");
    }
    assert!(!methods(right).contains("wait_for_nobody"), "twin: a method that exists nowhere");
}
