//! The theorem, of `src/replace` and everything below: *no copy misses an extent*.
//!
//! At the end of every execution each live extent is on the target with the bytes that the source has,
//! all counts are zero, the group is read-write, and nobody is stuck. Argued in `docs/protocol.md`.

use std::sync::Arc;

use blockgate::volume::Policy;
use blockgate::{Cursor, CursorReader, LogicalRange};
use loom_harness::{Model, reached};

use crate::engine::RaceChecked;
use crate::scenario::device::SECTOR;
use crate::scenario::world::Role::{Commit, Cow, Delete, Nocow, Scrub};
use crate::scenario::world::{Role, replace_against};
use crate::support::{begin, last, role};

const THEOREM: &str = "Each live extent is on the target with the bytes that the source has.";

pub fn models() -> Vec<Model> {
    let cow = ["refused", "waited-reservation", "waited-ordered", "writer-first", "both-devices"];
    let nocow = ["in-place", "refused", "waited-nocow", "waited-ordered"];
    let both = ["in-place", "waited-nocow"].into_iter().chain(cow).collect::<Vec<_>>();
    let and = |outcomes: &[&'static str], more: &[&'static str]| [outcomes, more].concat();
    vec![
        model("replace/cow", &[Cow], &cow),
        model("replace/nocow", &[Nocow], &nocow),
        model("replace/2-cow", &[Cow, Cow], &cow),
        model("replace/cow+nocow", &[Cow, Nocow], &both),
        model("replace/cow+delete", &[Cow, Delete], &and(&cow, &["deleted"])).weight(5),
        model("replace/cow+committer", &[Cow, Commit], &and(&cow, &["committed"])).weight(5),
        model("replace/scrub", &[Scrub], &["nested"]),
        model("replace/cow+scrub", &[Cow, Scrub], &and(&cow, &["nested"])).weight(20),
        in_two_groups("replace/cow-in-two-groups", &[Cow], &["second-group", "both-devices", "writer-first"]),
        in_two_groups("replace/nocow-moves", &[Nocow], &["in-place", "moved", "waited-nocow"]),
        named("replace/cow+nocow-cloned-always", &[Cow, Nocow], &both, 1, Policy::CloneAlways),
        Model::new("replace/cursor")
            .theorem("Who sees the cursor past him sees what was copied before it moved there.")
            .roles(&["device replace", "writer"])
            .must_reach(&["ahead", "behind"])
            .body(cursor_past_a_writer),
        model("replace/3-writers", &[Cow, Cow, Nocow], &both).weight(50),
        model("replace/4-writers", &[Cow, Cow, Nocow, Cow], &both).weight(1000).long(),
        model("replace/3-writers+committer", &[Cow, Cow, Nocow, Commit], &both).weight(2000).long(),
    ]
}

fn model(name: &'static str, roles: &'static [Role], reach: &[&str]) -> Model {
    named(name, roles, reach, 1, Policy::CopyThenClone)
}

/// A refused writer goes to the other group.
fn in_two_groups(name: &'static str, roles: &'static [Role], reach: &[&str]) -> Model {
    named(name, roles, reach, 2, Policy::CopyThenClone)
}

fn named(name: &'static str, roles: &'static [Role], reach: &[&str], groups: u64, policy: Policy) -> Model {
    let who = roles.iter().map(|role| match role {
        Cow => "COW writer",
        Nocow => "NOCOW writer",
        Delete => "deleter",
        Commit => "committer",
        Scrub => "scrub",
    });
    let who: Vec<_> = std::iter::once("device replace").chain(who).collect();
    Model::new(name)
        .theorem(THEOREM)
        .roles(&who)
        .must_reach(reach)
        .body(move || replace_against(roles, groups, policy))
}

struct Passing {
    cursor: CursorReader,
    copied: RaceChecked,
}

/// What the cursor promises by itself. (In the protocol the gate orders the same accesses: lemma 7.)
///
/// O12, O13: there is no drain here that has copied, and holds the group read-only.
fn cursor_past_a_writer() {
    let group = LogicalRange::new(0, SECTOR).expect("a range");
    begin(&[group], &["O12", "O13"]);
    let (mut cursor, reader) = Cursor::new();
    let world = Arc::new(Passing { cursor: reader, copied: RaceChecked::new(0) });
    let look = |world: &Passing| {
        if world.cursor.address() == 0 {
            return reached("ahead");
        }
        world.copied.read();
        reached("behind");
    };
    role(&world, look, drop);
    world.copied.write(1);
    cursor.advance(SECTOR);
    cursor.reset();
    last(world, drop);
}
