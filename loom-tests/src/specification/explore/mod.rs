//! The specification explored by itself: abstract roles, one step of the protocol at a time, every
//! interleaving, with far more roles than loom can. It needs no engine, and runs with `cargo test`.
//!
//! `BLOCKGATE_SPECIFICATION=large` explores the larger sizes too. See `docs/specification.md`.

mod access;
mod programs;
mod roles;
mod rules;
mod search;

use std::process::ExitCode;
use std::time::Instant;

use loom_harness::binary::{self, Check};
use roles::{Kind, LeftOut, World};
use search::{Found, search};

/// What is explored: the roles beside the replace, and how many groups.
type Size = (&'static [Kind], usize);

use Kind::{Committer, Cow, Deleter, Nocow, Scrub};

const SIZES: &[Size] = &[
    (&[Cow, Cow], 1),
    (&[Cow, Nocow], 2),
    (&[Cow, Deleter, Committer], 2),
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

/// A step left out, the rule that forbids it, and who notices.
const TWINS: &[(LeftOut, &str, &[Kind])] = &[
    (LeftOut::WaitForReservations, "R1", &[Cow]),
    (LeftOut::WaitForNocowWriters, "R1", &[Nocow]),
    (LeftOut::WaitForOrdered, "R2", &[Cow]),
    (LeftOut::Commit, "O9", &[Cow]),
    (LeftOut::ReadOnlyCheck, "O1", &[Cow]),
    (LeftOut::NocowCheck, "O5", &[Nocow]),
    (LeftOut::OrderedBeforeReservationEnds, "O2", &[Cow]),
    (LeftOut::RefBeforeOrderedIsFinished, "O4", &[Cow]),
    (LeftOut::Copy, "O12", &[Cow]),
    (LeftOut::CursorBeforeReadWrite, "O13", &[Cow]),
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
        Check::new(name, || passes(holds(*size))).ignored(is_ignored)
    });
    let red = TWINS
        .iter()
        .map(|twin| Check::new(format!("specification/without-{:?}", twin.0), || passes(is_found(*twin))));
    let rules = Check::new("specification/each-rule-is-broken", || passes(each_rule_is_broken()));
    green.chain(red).chain([rules]).collect()
}

/// `Cow+Cow+Scrub/2-groups`.
fn name((kinds, groups): Size) -> String {
    let kinds: Vec<_> = kinds.iter().map(|kind| format!("{kind:?}")).collect();
    format!("{}/{groups}-group{}", kinds.join("+"), if groups == 1 { "" } else { "s" })
}

fn passes(is_as_expected: bool) -> Result<(), String> {
    if is_as_expected { Ok(()) } else { Err("see above".into()) }
}

fn holds((kinds, groups): Size) -> bool {
    let began = Instant::now();
    let found = search(World::new(kinds, groups, LeftOut::Nothing, false));
    let Found { states, transitions, ends, depth, failure } = &found;
    println!(
        "specification {kinds:?}, {groups} group(s): {states} states, {transitions} transitions, \
         {ends} end states, depth {depth}, {:.1} s: {}",
        began.elapsed().as_secs_f64(),
        failure.as_ref().map_or("holds", |_| "FAILED")
    );
    if let Some(failure) = failure {
        println!("{failure}");
    }
    failure.is_none() && *ends > 0
}

fn is_found((left_out, rule, kinds): (LeftOut, &str, &'static [Kind])) -> bool {
    let enforced = search(World::new(kinds, 1, left_out, false));
    let broken = enforced.failure.as_ref().and_then(|failure| failure.rule);
    let forbidden = broken.is_some_and(|broken| broken.split(':').next() == Some(rule));
    let found = search(World::new(kinds, 1, left_out, true));
    let lost = found.failure.as_ref().is_some_and(|failure| failure.rule.is_none());
    println!(
        "twin without {left_out:?}: {} by {rule}; if it were not, an extent is {} after {} states",
        if forbidden { "forbidden" } else { "NOT forbidden" },
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
