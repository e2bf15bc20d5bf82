//! Both engines side by side, and what is said of them.

mod generate;
mod interpreter;
mod program;
mod under_loom;

use loom_harness::binary::{self, Check};
use program::{Outcome, Program};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

const PROGRAMS: u64 = 400;

/// Enough for the twin: the hole shows in one of sixteen.
const PLAIN: u64 = 100;

/// As many as both engines explore in a few milliseconds.
const OPERATIONS: usize = 7;

/// What the audit of one kind of program found.
#[derive(Default)]
struct Tally {
    programs: u64,
    executions: u64,
    outcomes: usize,
    /// Programs that can deadlock: of these, loom's search ends at the first deadlock.
    deadlocks: u64,
    missed: usize,
    extra: usize,
    /// Programs with missed outcomes.
    holes: u64,
    /// The first difference, by seed.
    difference: Option<(u64, String)>,
}

pub fn main() -> ExitCode {
    silence();
    binary::run(
        "blockgate",
        vec![Check::new("audit", facade), Check::new("audit/plain-atomic", plain_atomic)],
    )
}

/// The audit itself.
fn facade() -> Result<(), String> {
    let operations = number("OPERATIONS", OPERATIONS)?;
    let (tally, seed) =
        audited(number("PROGRAMS", PROGRAMS)?, |seed| generate::over_the_facade(seed, operations))?;
    println!("audit: {} (seed {seed})", tally.text());
    if tally.is_clean() {
        return Ok(());
    }
    let (seed, difference) = tally.difference.unwrap_or_default();
    let variables = [("SEED", seed), ("PROGRAMS", 1), ("OPERATIONS", operations as u64)];
    let variables = variables.map(|(name, value)| format!("BLOCKGATE_AUDIT_{name}={value}"));
    Err(format!("\n{difference}\n\nagain: {}", variables.join(" ")))
}

/// The red twin, which must find a hole.
fn plain_atomic() -> Result<(), String> {
    let operations = number("OPERATIONS", OPERATIONS)?;
    let (tally, seed) = audited(PLAIN, |seed| generate::over_a_plain_atomic(seed, operations))?;
    println!("audit twin, plain loads and stores: {} (seed {seed})", tally.text());
    if tally.holes > 0 {
        return Ok(());
    }
    Err("the twin must find loom's hole (issues 166 and 392) and found none: either loom is better than \
         `docs/loom.md` says, or this audit does not look closely enough"
        .into())
}

/// Audits so many programs of the seeds that are asked for. The first seed is returned too.
fn audited(programs: u64, generate: impl Fn(u64) -> Program + Sync) -> Result<(Tally, u64), String> {
    let seed = number("SEED", 1)?;
    Ok((audit(programs, seed, generate), seed))
}

/// A number by a variable.
fn number<T: FromStr>(name: &str, default: T) -> Result<T, String> {
    let name = format!("BLOCKGATE_AUDIT_{name}");
    match std::env::var(&name) {
        Ok(value) => value.parse().map_err(|_| format!("{name}: {value:?} is not a number")),
        Err(_) => Ok(default),
    }
}

/// Deadlocks are outcomes here, and loom announces each by a panic.
fn silence() {
    // Loom's coroutines put a hook of their own in place at first use: first theirs, then ours.
    loom::model::Builder::new().check(|| ());
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let is_deadlock =
            info.payload().downcast_ref::<String>().is_some_and(|said| said.starts_with("deadlock"));
        if !is_deadlock {
            previous(info);
        }
    }));
}

/// Audits the programs of `programs` seeds, beginning with `seed`, on all cores.
fn audit(programs: u64, seed: u64, generate: impl Fn(u64) -> Program + Sync) -> Tally {
    let (next, total) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut tally = Tally::default();
                while let Some(index) = Some(next.fetch_add(1, Relaxed)).filter(|index| *index < programs) {
                    let seed = seed.wrapping_add(index);
                    tally.compare(seed, &generate(seed));
                }
                total.lock().expect("no auditor panics while it adds up").add(tally);
            });
        }
    });
    total.into_inner().expect("as above")
}

impl Tally {
    fn compare(&mut self, seed: u64, program: &Program) {
        let (all, explored) = (interpreter::outcomes(program), under_loom::explore(program));
        self.programs += 1;
        self.executions += explored.executions;
        self.outcomes += all.len();
        let mut missed: BTreeSet<_> = all.difference(&explored.outcomes).collect();
        if all.contains(&Outcome::Deadlock) {
            self.deadlocks += 1;
            // Loom must find the deadlock; what it would have found after it is not known.
            missed.retain(|outcome| **outcome == Outcome::Deadlock);
        }
        let extra: Vec<_> = explored.outcomes.difference(&all).collect();
        self.missed += missed.len();
        self.extra += extra.len();
        self.holes += u64::from(!missed.is_empty());
        let first = missed.first().map(|outcome| ("misses", *outcome));
        if let Some((what, outcome)) = first.or_else(|| extra.first().map(|outcome| ("alone has", *outcome)))
        {
            self.differs(seed, format!("loom {what} {outcome:?}\nof the program\n{program}"));
        }
    }

    fn differs(&mut self, seed: u64, what: String) {
        if self.difference.as_ref().is_none_or(|(first, _)| seed < *first) {
            self.difference = Some((seed, what));
        }
    }

    fn add(&mut self, other: Self) {
        self.programs += other.programs;
        self.executions += other.executions;
        self.outcomes += other.outcomes;
        self.deadlocks += other.deadlocks;
        self.missed += other.missed;
        self.extra += other.extra;
        self.holes += other.holes;
        if let Some((seed, what)) = other.difference {
            self.differs(seed, what);
        }
    }

    fn is_clean(&self) -> bool {
        self.missed == 0 && self.extra == 0
    }

    fn text(&self) -> String {
        format!(
            "{} programs, {} executions, {} outcomes, {} missed outcomes in {} programs, {} extra, {} with deadlock",
            self.programs,
            self.executions,
            self.outcomes,
            self.missed,
            self.holes,
            self.extra,
            self.deadlocks
        )
    }
}
