//! A test binary that runs itself: each check spawns this same program in a role, and reads what it prints.

// Each test binary has its own copy.
#![allow(dead_code)]

use loom_harness::binary::Check;
use std::process::Command;

/// The role of this process; `None`: it runs the checks.
pub fn role() -> Option<String> {
    std::env::var("VERDICTS_ROLE").ok()
}

/// A check for each of `expected`, in `role`.
pub fn checks(role: &'static str, expected: &'static [Expected]) -> impl Iterator<Item = Check> {
    expected.iter().map(move |expected| {
        let name = format!("{role} {:?} {:?}", expected.variables, expected.args);
        Check::new(name, move || verify(role, expected))
    })
}

/// What running the case `args` with `variables` must print, and whether it passes.
pub struct Expected {
    args: &'static [&'static str],
    variables: &'static [(&'static str, &'static str)],
    passes: bool,
    prints: &'static [&'static str],
}

pub const fn passes(args: &'static [&'static str], prints: &'static [&'static str]) -> Expected {
    Expected { args, variables: &[], passes: true, prints }
}

pub const fn fails(args: &'static [&'static str], prints: &'static [&'static str]) -> Expected {
    Expected { args, variables: &[], passes: false, prints }
}

pub const fn with(variables: &'static [(&'static str, &'static str)], expected: &Expected) -> Expected {
    let Expected { args, passes, prints, .. } = *expected;
    Expected { args, variables, passes, prints }
}

/// Runs one check; the text says what is wrong.
fn verify(role: &str, expected: &Expected) -> Result<(), String> {
    let (passed, printed) = run(role, expected.args, expected.variables)?;
    let missing: Vec<_> = expected.prints.iter().filter(|text| !printed.contains(**text)).collect();
    if passed == expected.passes && missing.is_empty() {
        Ok(())
    } else {
        Err(format!("passed: {passed}; not printed: {missing:?}\n{printed}"))
    }
}

/// Runs this program in `role`: whether it passes, and what it prints.
pub fn run(role: &str, args: &[&str], variables: &[(&str, &str)]) -> Result<(bool, String), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(this);
    for variable in ["PREEMPTIONS", "PERMUTATIONS", "DURATION", "BRANCHES"] {
        command.env_remove(format!("LOOM_MAX_{variable}"));
    }
    for variable in ["LONG", "REPLAY", "EXPLORE"] {
        command.env_remove(format!("VERDICTS_{variable}"));
    }
    command.args(args).envs(variables.iter().copied()).env("VERDICTS_ROLE", role);
    let output = command.output().map_err(|error| error.to_string())?;
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok((output.status.success(), printed.concat()))
}
