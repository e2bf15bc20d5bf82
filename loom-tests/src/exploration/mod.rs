//! The specification explored by itself: abstract roles, one step of the protocol at a time, every
//! interleaving, with far more roles than loom can. It needs no engine, and runs with `cargo test`.
//!
//! `BLOCKGATE_SPECIFICATION=large` explores the larger sizes too. See `docs/specification.md`.

mod access;
mod rules;
mod search;
mod state;

use std::process::ExitCode;
use std::time::Instant;

use loom_harness::binary::{self, Check};
use search::{Found, search};
use state::{Change, Scene};

use crate::byte_set;
use crate::protocol::role::Role::{self, Cloner, Committer, Cow, Deleter, Nocow, Replace, Scrub};
use crate::protocol::step::Step;

/// What is explored: the roles beside the replace, and how many groups.
type Size = (&'static [Role], usize);

const SIZES: &[Size] = &[
    (&[Cow, Cow], 1),
    (&[Cow, Nocow], 2),
    (&[Cow, Deleter, Committer], 2),
    (&[Cow, Cloner, Committer], 2),
    (&[Cow, Cow, Scrub], 1),
    (&[Cow, Nocow, Nocow, Scrub], 1),
    (&[Cow, Cow, Cow, Cow], 1),
    (&[Cow, Cow, Nocow, Committer, Committer], 1),
    (&[Cow, Nocow, Scrub], 2),
    (&[Cow, Nocow, Committer, Committer], 2),
    (&[Cow, Cow, Cow], 2),
    (&[Cow, Cow, Nocow], 2),
];

const LARGE: &[Size] = &[
    (&[Cow, Nocow, Deleter, Committer], 3),
    (&[Cow, Cow, Cow, Cow, Cow], 1),
    (&[Cow, Cow, Nocow, Committer, Committer], 2),
    (&[Cow, Cow, Nocow, Scrub], 2),
    (&[Cow, Cow, Cow], 4),
    (&[Cow, Cow, Cow, Cow], 2),
    (&[Cow, Cow, Cow], 6),
];

struct Twin {
    without: &'static str,
    change: Change,
    /// The rule that forbids it.
    rule: &'static str,
    /// The roles beside the replace that show it.
    beside: &'static [Role],
}

const fn twin(without: &'static str, change: Change, rule: &'static str, beside: &'static [Role]) -> Twin {
    Twin { without, change, rule, beside }
}

const TWINS: &[Twin] = &[
    twin("the wait for reservations", Change::Unchecked(Step::WaitReservations), "R1", &[Cow]),
    twin("the wait for NOCOW writers", Change::Unchecked(Step::WaitNocowWriters), "R1", &[Nocow]),
    twin("the wait for ordered extents", Change::Unchecked(Step::WaitOrdered), "R2", &[Cow]),
    twin("a refusal of reservations", Change::Unchecked(Step::BeginReservation), "O1", &[Cow]),
    twin("a refusal of NOCOW writers", Change::Unchecked(Step::BeginNocow), "O5", &[Nocow]),
    twin("the commit", Change::Program(Replace, |role| role.without(&[Step::Commit])), "O9", &[Cow]),
    twin("the copy", Change::Program(Replace, |role| role.without(&[Step::Copy])), "O12", &[Cow]),
    twin(
        "the ordered extent being added before the reservation ends",
        Change::Program(Cow, |role| role.moving(Step::EndReservation, Step::AddOrdered)),
        "O2",
        &[Cow],
    ),
    twin(
        "the delayed ref being queued before the ordered extent is finished",
        Change::Program(Cow, |role| role.moving(Step::RemoveOrdered, Step::QueueRef)),
        "O4",
        &[Cow],
    ),
    twin(
        "the cursor moving before read-write",
        Change::Program(Replace, |role| role.moving(Step::SetReadWrite, Step::MoveCursor)),
        "O13",
        &[Cow],
    ),
    twin(
        "a look at the commit at work, where no ref is queued",
        Change::Program(Replace, |role| role.replacing(Step::Commit, Step::CommitUnlessNoneQueued)),
        "O10",
        &[Cow, Committer],
    ),
];

/// The sizes at which the replace does not commit where no transaction runs, as the kernel's.
const UNLESS_NONE_RUNS: &[Size] = &[
    (&[Cow, Nocow], 2),
    (&[Cow, Deleter, Committer], 2),
    (&[Cow, Cloner, Committer], 2),
    (&[Cow, Cow, Nocow, Committer, Committer], 1),
];

/// Under an engine there is nothing to do: the exploration needs none, and runs in the plain build.
pub fn main() -> ExitCode {
    let checks = if cfg!(any(loom, shuttle, traceset)) { Vec::new() } else { checks() };
    binary::run("blockgate", checks)
}

fn checks() -> Vec<Check> {
    let is_large = std::env::var("BLOCKGATE_SPECIFICATION").is_ok_and(|size| size == "large");
    let sizes = SIZES.iter().map(|size| (size, false)).chain(LARGE.iter().map(|size| (size, !is_large)));
    let green = sizes.map(|(size, is_ignored)| {
        let name = format!("specification/{}", name(*size));
        Check::new(name, || passes(holds(*size, Change::Nothing))).ignored(is_ignored)
    });
    let unless_none_runs = UNLESS_NONE_RUNS.iter().map(|size| {
        let change =
            Change::Program(Replace, |role| role.replacing(Step::Commit, Step::CommitUnlessNoneRuns));
        let name = format!("specification/commit-unless-none-runs/{}", name(*size));
        Check::new(name, move || passes(holds(*size, change)))
    });
    let red = TWINS.iter().map(|twin| {
        Check::new(format!("specification/without-{}", twin.without.replace(' ', "-")), || {
            passes(is_found(twin))
        })
    });
    let rules = Check::new("specification/each-rule-is-broken", || passes(each_rule_is_broken()));
    let bytes = Check::new("specification/byte-set", || passes(byte_set::does_as_flags_do()));
    green.chain(unless_none_runs).chain(red).chain([rules, bytes]).collect()
}

/// `Cow+Cow+Scrub/2-groups`.
fn name((roles, groups): Size) -> String {
    let roles: Vec<_> = roles.iter().map(|role| format!("{role:?}")).collect();
    format!("{}/{groups}-group{}", roles.join("+"), if groups == 1 { "" } else { "s" })
}

fn passes(is_as_expected: bool) -> Result<(), String> {
    if is_as_expected { Ok(()) } else { Err("see above".into()) }
}

fn holds((roles, groups): Size, change: Change) -> bool {
    let began = Instant::now();
    let found = search(&Scene::new(roles, groups, change, false));
    let Found { states, transitions, ends, depth, failure } = &found;
    println!(
        "specification {roles:?}, {groups} group(s): {states} states, {transitions} transitions, \
         {ends} end states, depth {depth}, {:.1} s: {}",
        began.elapsed().as_secs_f64(),
        failure.as_ref().map_or("holds", |_| "FAILED")
    );
    if let Some(failure) = failure {
        println!("{failure}");
    }
    failure.is_none() && *ends > 0
}

fn is_found(twin: &Twin) -> bool {
    let explored = |is_lenient| search(&Scene::new(twin.beside, 1, twin.change, is_lenient));
    let (enforced, found) = (explored(false), explored(true));
    let broken = enforced.failure.as_ref().and_then(|failure| failure.rule);
    let forbidden = broken.is_some_and(|broken| broken.split(':').next() == Some(twin.rule));
    let lost = found.failure.as_ref().is_some_and(|failure| failure.rule.is_none());
    println!(
        "twin without {}: {} by {}; if it were not, an extent is {} after {} states",
        twin.without,
        if forbidden { "forbidden" } else { "NOT forbidden" },
        twin.rule,
        if lost { "lost" } else { "NOT lost" },
        found.states
    );
    if !(forbidden && lost) {
        [enforced, found].iter().filter_map(|found| found.failure.as_ref()).for_each(|f| println!("{f}"));
    }
    forbidden && lost
}

/// But the one against events that the specification does not know: there are none.
fn each_rule_is_broken() -> bool {
    let (rules, mut left) = rules::never_broken();
    left.retain(|rule| !rule.starts_with("step:"));
    println!("{} rules, each but one broken by a changed run; never broken: {left:?}", rules.len());
    left.is_empty()
}
