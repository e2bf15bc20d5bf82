//! The theorem, of `src/replace` and everything below: *no copy misses an extent*.
//!
//! At the end of every execution each live extent is on the target with the bytes that the source has,
//! all counts are zero, the group is read-write, and no role is stuck. Argued in `docs/protocol.md`.

use blockgate::volume::Policy;
use blockgate::{Cursor, CursorReader, LogicalRange};
use loom_harness::Model;

use super::Plays;
use crate::engine::{Handed, RaceChecked, reached};
use crate::protocol::role::Role::{self, Committer, Cow, Deleter, Nocow, Scrub};
use crate::scenario::world::Plan;
use crate::stage::{Play, SECTOR, stage};

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
        model("replace/cow+delete", &[Cow, Deleter], &and(&cow, &["deleted"])).weight(5),
        model("replace/cow+committer", &[Cow, Committer], &and(&cow, &["committed"])).weight(5),
        model("replace/scrub", &[Scrub], &["nested"]),
        model("replace/cow+scrub", &[Cow, Scrub], &and(&cow, &["nested"])).weight(20),
        in_two_groups("replace/cow-in-two-groups", &[Cow], &["second-group", "both-devices", "writer-first"]),
        in_two_groups("replace/nocow-moves", &[Nocow], &["in-place", "moved", "waited-nocow"]),
        named("replace/cow+nocow-cloned-always", &[Cow, Nocow], &both, 1, Policy::CloneAlways),
        Model::new("replace/cursor")
            .theorem(
                "A writer that sees the cursor past it sees what was copied before the cursor moved there.",
            )
            .must_reach(&["ahead", "behind"])
            .plays(cursor_past_a_writer()),
        model("replace/3-writers", &[Cow, Cow, Nocow], &both).weight(50),
        model("replace/4-writers", &[Cow, Cow, Nocow, Cow], &both).weight(1000).long(),
        model("replace/3-writers+committer", &[Cow, Cow, Nocow, Committer], &both).weight(2000).long(),
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
    let plan = Plan { roles, groups, policy, rounds: 1 };
    Model::new(name).theorem(THEOREM).must_reach(reach).plays(plan.play())
}

struct Passing {
    cursor: Handed<Cursor>,
    reader: CursorReader,
    copied: RaceChecked,
}

impl Passing {
    fn new() -> Self {
        let (cursor, reader) = Cursor::new();
        Self { cursor: Handed::new(cursor), reader, copied: RaceChecked::new(0) }
    }

    fn copy_and_pass(&self) {
        let mut cursor = self.cursor.take();
        self.copied.write(1);
        cursor.advance(SECTOR);
        cursor.reset();
    }

    fn look(&self) {
        if self.reader.address() == 0 {
            return reached("ahead");
        }
        self.copied.read();
        reached("behind");
    }
}

/// What the cursor promises by itself. (In the protocol the gate orders the same accesses: lemma 7.)
///
/// O12, O13: there is no drain here that has copied, and holds the group read-only.
fn cursor_past_a_writer() -> Play {
    let group = LogicalRange::new(0, SECTOR).expect("a range");
    let cast = stage(&[group]).waiving(&["O12", "O13"]).world(Passing::new);
    cast.main("device replace", Passing::copy_and_pass).role("writer", Passing::look).end(drop)
}
