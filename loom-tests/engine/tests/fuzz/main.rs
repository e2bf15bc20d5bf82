//! Random programs: the search against its oracles, and each mutant of the search against them.
//!
//!     cargo test -p traceset --test fuzz -- --programs 10000 --seed 1
//!
//! For each program the plain search, which takes every schedule, says which traces and which outcomes there
//! are. The search, in one and in pieces, and sleep sets alone must come to the same traces, none of them twice, and the same
//! outcomes; and all executions of a trace must have the same outcome, which is what the dependence relation
//! promises. A mutant must differ in one program at least.

mod compare;
mod generate;
mod program;
mod world;

use compare::{How, Mutants, Reference, Verdict};
use std::process::ExitCode;
use traceset::testing::Oracle;

const USAGE: &str = "usage: cargo test -p traceset --test fuzz -- [--programs N] [--seed S]";

struct Arguments {
    programs: u64,
    seed: u64,
}

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(arguments)) => fuzz(&arguments),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::{Long, Value, ValueExt};
    let mut arguments = Arguments { programs: 10_000, seed: 1 };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("programs") => arguments.programs = parser.value()?.parse()?,
            Long("seed") => arguments.seed = parser.value()?.parse()?,
            // What `cargo test` hands to every test binary: there is one test here.
            Long("list") => {
                println!("fuzz: test");
                return Ok(None);
            }
            Long("nocapture" | "include-ignored" | "exact" | "quiet") | Value(_) => {}
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(arguments))
}

#[derive(Default)]
struct Tally {
    programs: u64,
    too_large: u64,
    schedules: u64,
    traces: u64,
    blocked: u64,
    differences: u64,
}

fn fuzz(arguments: &Arguments) -> ExitCode {
    let (mut tally, mut mutants, mut seed) = (Tally::default(), Mutants::default(), arguments.seed);
    while tally.programs < arguments.programs {
        examine(seed, &mut tally, &mut mutants);
        seed = seed.wrapping_add(1);
    }
    let Tally { programs, too_large, schedules, traces, blocked, differences } = tally;
    println!(
        "{schedules} schedules, {traces} traces, {blocked} blocked; {too_large} more programs were too large"
    );
    mutants.survivors().for_each(|mutant| println!("survives: {mutant:?}"));
    let (killed, all) = mutants.killed();
    println!(
        "fuzz: {programs} programs, {differences} differences, seed {}; {killed} of {all} mutants of the search killed",
        arguments.seed
    );
    // A few programs cannot be asked to kill every mutant.
    let are_enough = killed == all || programs < 1_000;
    if differences == 0 && are_enough { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn examine(seed: u64, tally: &mut Tally, mutants: &mut Mutants) {
    let program = generate::program(seed);
    let Some(reference) = Reference::of(&program, None) else {
        tally.too_large += 1;
        return;
    };
    tally.programs += 1;
    tally.schedules += reference.schedules;
    tally.traces += reference.traces();
    for how in [How::Reduced, How::InPieces, How::By(Oracle::Sleep)] {
        match reference.compare(&program, how, None) {
            Verdict::Same { blocked } => tally.blocked += if how == How::Reduced { blocked } else { 0 },
            Verdict::Differs(what) => {
                tally.differences += 1;
                println!("difference, seed {seed}, {how:?}: {what}\n{program}");
            }
        }
    }
    mutants.examine(seed, &program, &reference);
}
