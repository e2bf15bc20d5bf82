//! The specification against recordings of the Linux kernel: see `docs/kernel.md`.
//!
//! | file | holds |
//! |---|---|
//! | `page` | the generated page |
//! | `teeth` | what is noticed of a recording that was changed |
//! | `trace` | a recording as steps of the specification |
//! | `reader` | which call of the kernel is which step, and when |
//! | `appends`, `addresses` | where a write of the kernel is for the specification |
//! | `record` | the raw record |

mod addresses;
mod appends;
mod page;
mod reader;
mod record;
mod teeth;
mod trace;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use blockgate::Policy;
use loom_harness::binary::{self, Check};

use trace::{Step, Trace};

/// A recording, and what must be seen in it.
struct Recording {
    name: &'static str,
    policy: Policy,
    waived: &'static [Waiver],
    /// The rules that it breaks, and how many extents it loses.
    broken: &'static [&'static str],
    lost: usize,
}

/// A rule that a policy does without.
struct Waiver {
    rule: &'static str,
    because: &'static str,
}

/// In regular mode every write goes to both devices from the first on, so nothing that is in flight can be missed.
const CLONE_ALWAYS: &[Waiver] = &[
    Waiver { rule: "O8", because: "it waits for no reservation" },
    Waiver { rule: "O9", because: "it commits once, before the first group" },
    Waiver { rule: "O10", because: "it reads the root that is there" },
    Waiver {
        rule: "R6",
        because: "a commit of others, while it copies, lists what is cloned and need not be copied",
    },
];

const GREEN: &[Recording] = &[
    Recording::green("clone-always", Policy::CloneAlways, CLONE_ALWAYS),
    Recording::green("copy-then-clone", Policy::CopyThenClone, &[]),
    Recording::green("copy-then-clone-heavy", Policy::CopyThenClone, &[]),
];

const RED: Recording =
    Recording { broken: &["R6"], lost: 4, ..Recording::green("unread-extents", Policy::CopyThenClone, &[]) };

impl Recording {
    const fn green(name: &'static str, policy: Policy, waived: &'static [Waiver]) -> Self {
        Self { name, policy, waived, broken: &[], lost: 0 }
    }

    fn read(&self) -> Trace {
        let file = format!("recordings/{}.txt.gz", self.name);
        Trace::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file), self.policy)
    }

    fn hold(&'static self) -> Held {
        let trace = self.read();
        let verdict = hold(self, &trace);
        (self, trace, verdict)
    }

    fn policy_name(&self) -> &'static str {
        match self.policy {
            Policy::CopyThenClone => "copy, then clone",
            Policy::CloneAlways => "clone always",
        }
    }

    fn line(&self, trace: &Trace, verdict: &Verdict) -> String {
        let broken = verdict.broken.iter().map(|(rule, (count, _))| format!("; {count} times: {rule}"));
        format!(
            "kernel {}: {}, {} events, {} writes, {} groups, {} rules broken, {} lost, {} = {} extent items{}",
            self.name,
            self.policy_name(),
            page::number(trace.steps.len()),
            page::number(trace.writes()),
            trace.replaced,
            verdict.broken.len(),
            verdict.lost,
            page::number(verdict.items),
            page::number(trace.items.len()),
            broken.collect::<String>(),
        )
    }

    fn waives(&self, rule: &str) -> bool {
        self.waived.iter().any(|waiver| name_of(rule) == waiver.rule)
    }
}

fn name_of(rule: &str) -> &str {
    rule.split(':').next().unwrap_or(rule)
}

type Held = (&'static Recording, Trace, Verdict);

/// What the specification says of a whole recording.
#[derive(Default)]
struct Verdict {
    /// How often, and first by which step.
    broken: BTreeMap<&'static str, (usize, String)>,
    waived: BTreeMap<&'static str, usize>,
    lost: usize,
    items: usize,
    wrong_items: usize,
    is_over: bool,
}

fn hold(recording: &Recording, trace: &Trace) -> Verdict {
    let mut specification = trace.begin.clone();
    let mut verdict = Verdict::default();
    for step in &trace.steps {
        if matches!(step.what, trace::What::Finish) {
            verdict.lost = specification.lost().count();
        }
        for rule in step.take(&mut specification) {
            verdict.count(recording, step, rule);
        }
    }
    verdict.is_over = specification.is_over();
    verdict.items = specification.tree.len();
    verdict.wrong_items = specification.tree.symmetric_difference(&trace.items).count();
    verdict
}

impl Verdict {
    /// It is what the recording says that it is.
    fn passes(&self, recording: &Recording, trace: &Trace) -> Result<(), String> {
        let broken: Vec<_> = self.broken.keys().map(|rule| name_of(rule)).collect();
        let unused = recording.waived.iter().find(|waiver| !self.waived.contains_key(waiver.rule));
        if broken != recording.broken || self.lost != recording.lost {
            return Err(format!("{}: lost {}, broken: {:?}", recording.name, self.lost, self.broken));
        }
        if let Some(contradiction) = trace.contradictions.first() {
            return Err(format!("{}: {contradiction}", recording.name));
        }
        if let Some(Waiver { rule, because }) = unused {
            return Err(format!("{}: {rule} is waived ({because}), and it holds", recording.name));
        }
        if self.wrong_items > 0 || !self.is_over {
            return Err(format!(
                "{}: {} items differ; all is given up: {}",
                recording.name, self.wrong_items, self.is_over
            ));
        }
        Ok(())
    }

    fn count(&mut self, recording: &Recording, step: &Step, rule: &'static str) {
        if recording.waives(rule) {
            *self.waived.entry(name_of(rule)).or_default() += 1;
        } else if rule != "lost" {
            let first = || (0, format!("{}: {:?}", step.at, step.what));
            self.broken.entry(rule).or_insert_with(first).0 += 1;
        }
    }
}

/// `BLOCKGATE_RECORDING=regular=FILE`, or `zoned=FILE`: that one is held too.
pub fn main() -> ExitCode {
    let given = std::env::var("BLOCKGATE_RECORDING").ok();
    let given = given.map(|given| Check::new("kernel/given", move || the_given_one_holds(&given)));
    let checks = [
        Check::new("kernel/recordings", recordings_hold),
        Check::new("kernel/red", the_red_one_is_red),
        Check::new("kernel/page", the_page_is_fresh),
    ];
    binary::run("blockgate", checks.into_iter().chain(given).collect())
}

fn the_given_one_holds(given: &str) -> Result<(), String> {
    let (name, file) = given.split_once('=').ok_or("BLOCKGATE_RECORDING is MODE=FILE")?;
    let recording = match name {
        "regular" => Recording::green("given", Policy::CloneAlways, CLONE_ALWAYS),
        "zoned" => Recording::green("given", Policy::CopyThenClone, &[]),
        _ => return Err(format!("{name} is no mode: regular or zoned")),
    };
    let trace = Trace::read(&PathBuf::from(file), recording.policy);
    let verdict = hold(&recording, &trace);
    println!("{}\nkernel given: found, of the waits: {:?}", recording.line(&trace, &verdict), trace.waits);
    verdict.passes(&recording, &trace)
}

fn recordings_hold() -> Result<(), String> {
    let held: Vec<_> = GREEN.iter().map(Recording::hold).collect();
    for (recording, trace, verdict) in &held {
        println!("{}", recording.line(trace, verdict));
        verdict.passes(recording, trace)?;
    }
    let sum = |of: fn(&Held) -> usize| page::number(held.iter().map(of).sum());
    println!(
        "kernel: {} traces, {} events, {} writes, {} groups, {} broken beyond {} waivers, {} lost, {} = {} extent items",
        held.len(),
        sum(|held| held.1.steps.len()),
        sum(|held| held.1.writes()),
        sum(|held| held.1.replaced),
        sum(|held| held.2.broken.len()),
        sum(|held| held.0.waived.len()),
        sum(|held| held.2.lost),
        sum(|held| held.2.items),
        sum(|held| held.1.items.len()),
    );
    Ok(())
}

fn the_red_one_is_red() -> Result<(), String> {
    let (recording, trace, verdict) = RED.hold();
    println!("{}", recording.line(&trace, &verdict));
    verdict.passes(recording, &trace)
}

fn the_page_is_fresh() -> Result<(), String> {
    let held: Vec<_> = GREEN.iter().chain([&RED]).map(Recording::hold).collect();
    let mut table = BTreeMap::new();
    for (recording, trace, _) in held.iter().filter(|held| held.0.broken.is_empty()) {
        teeth::sample(recording, trace, &mut table);
    }
    let page = page::page(&held, &table);
    let (tried, noticed) =
        table.values().flatten().fold((0, 0), |sum, teeth| (sum.0 + teeth.tried, sum.1 + teeth.noticed));
    println!("kernel: {tried} changes, {noticed} noticed");
    crate::enter_the_workspace();
    if std::env::var("BLOCKGATE_RECORDINGS").is_ok_and(|mode| mode == "write") {
        return std::fs::write(page::PATH, page).map_err(|error| error.to_string());
    }
    let is_fresh = std::fs::read_to_string(page::PATH).is_ok_and(|written| written == page);
    let stale = || format!("{} is stale: BLOCKGATE_RECORDINGS=write cargo test --test kernel", page::PATH);
    if is_fresh { Ok(()) } else { Err(stale()) }
}
