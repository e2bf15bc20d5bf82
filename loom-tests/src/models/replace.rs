//! The theorem, of `src/replace` and everything below: *no copy misses an extent*.
//!
//! At the end of every execution each live extent is on the target with the bytes that the source has,
//! all counts are zero, the group is read-write, and no role is stuck. Argued in `docs/protocol.md`.

use blockgate::volume::Policy;
use blockgate::{Cursor, CursorReader, LogicalRange};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{Handed, RaceChecked, reached};
use crate::protocol::role::Role::{Cloner, Committer, Cow, Deleter, Nocow, Scrub};
use crate::scenario::combination::combined_in;
use crate::scenario::plan::{LeftOut, Plan, Replaces};
use crate::stage::{Play, SECTOR, stage};

const THEOREM: &str = "Each live extent is on the target with the bytes that the source has.";

/// What a replace and its COW writers come to, and with a NOCOW writer too.
const COW: &[&str] = &["refused", "waited-reservation", "waited-ordered", "writer-first", "both-devices"];
const NOCOW: &[&str] = &["in-place", "refused", "waited-nocow", "waited-ordered"];

pub fn models() -> Vec<Model> {
    [one_round(), crowds(), meeting(), several_rounds(), several_replaces(), clones(), vec![cursor()]]
        .concat()
}

/// Each role beside the replace, and each two.
fn one_round() -> Vec<Model> {
    let both = and(COW, &["in-place", "waited-nocow"]);
    let two_groups = |roles| Plan::of(roles).groups(2);
    vec![
        model("replace/cow", Plan::of(&[Cow]), COW),
        model("replace/nocow", Plan::of(&[Nocow]), NOCOW),
        model("replace/2-cow", Plan::of(&[Cow, Cow]), &and(COW, &["waited-for-2-ordered"])),
        model("replace/cow+nocow", Plan::of(&[Cow, Nocow]), &and(&both, &["waited-for-2-ordered"])),
        model("replace/cow+delete", Plan::of(&[Cow, Deleter]), &and(COW, &["deleted"])).weight(5),
        model("replace/cow+committer", Plan::of(&[Cow, Committer]), &and(COW, &["committed-a-write"]))
            .weight(5),
        model("replace/scrub", Plan::of(&[Scrub]), &["nested"]),
        model("replace/cow+scrub", Plan::of(&[Cow, Scrub]), &and(COW, &["nested"])).weight(20),
        model(
            "replace/cow-in-two-groups",
            two_groups(&[Cow]),
            &["second-group", "both-devices", "writer-first"],
        ),
        model(
            "replace/nocow-in-the-second-group",
            two_groups(&[Nocow]).shortened().given_in_the_last_group(),
            &["in-place", "refused", "waited-nocow", "waited-ordered", "waited-in-the-second-group"],
        ),
        model("replace/nocow-moves", two_groups(&[Nocow]), &["in-place", "moved", "waited-nocow"]),
        model("replace/cow+nocow-cloned-always", Plan::of(&[Cow, Nocow]).policy(Policy::CloneAlways), &both),
    ]
}

/// Many roles, most of them too many for loom. Where writers have shards of their own, each further one multiplies
/// the executions and meets nobody but the replace and what all share: the cursor, the commit, the root.
fn crowds() -> Vec<Model> {
    let both = and(COW, &["in-place", "waited-nocow"]);
    let committed = and(&both, &["committed", "committed-a-write", "waited-for-3-ordered"]);
    let writers = |name, roles, in_flight| model(name, Plan::of(roles), &and(&both, &[in_flight]));
    vec![
        writers("replace/3-writers", &[Cow, Cow, Nocow], "waited-for-3-ordered").weight(50),
        writers("replace/4-writers", &[Cow, Cow, Nocow, Cow], "waited-for-4-ordered")
            .theorem(of("four writers, all of them in flight when their group is set read-only"))
            .second_engine_only()
            .weight(1000),
        writers("replace/5-writers", &[Cow, Cow, Nocow, Cow, Cow], "waited-for-5-ordered")
            .theorem(of("five writers"))
            .second_engine_only()
            .weight(7000),
        writers("replace/6-writers", &[Cow, Cow, Nocow, Cow, Cow, Cow], "waited-for-6-ordered")
            .theorem(of("six writers"))
            .second_engine_only()
            .weight(100_000)
            .long(),
        writers("replace/7-writers", &[Cow, Cow, Nocow, Cow, Cow, Cow, Cow], "waited-for-7-ordered")
            .theorem(of("seven writers, with the replace the most threads that the engine has"))
            .second_engine_only()
            .weight(1_000_000)
            .long(),
        model("replace/3-writers+committer", Plan::of(&[Cow, Cow, Nocow, Committer]), &committed)
            .theorem(of(
                "writers whose refs land in the drain's commit, in another one before it, or in none yet",
            ))
            .second_engine_only()
            .weight(3000),
        model("replace/4-writers+committer", Plan::of(&[Cow, Cow, Nocow, Cow, Committer]), &committed)
            .theorem(of("four writers beside two commits"))
            .second_engine_only()
            .weight(200_000)
            .long(),
        model(
            "replace/3-writers+2-committers",
            Plan::of(&[Cow, Cow, Nocow, Committer, Committer]),
            &committed,
        )
        .theorem(of("writers beside three commits, which close one gate and wait for one lock"))
        .second_engine_only()
        .weight(200_000)
        .long(),
        model(
            "replace/cow+nocow+scrub",
            Plan::of(&[Cow, Nocow, Scrub]).shortened(),
            &and(&both, &["nested", "waited-for-2-ordered"]),
        )
        .theorem(of(
            "writers that two levels of read-only turn away, in the one shard where all of them meet",
        ))
        .second_engine_only()
        .weight(2000),
        model(
            "replace/cow+nocow-moves+scrub",
            Plan::of(&[Cow, Nocow, Scrub]),
            &and(&both, &["nested", "moved", "waited-for-2-ordered"]),
        )
        .theorem(of("writers that two levels turn away, of which one then takes the way of the other"))
        .second_engine_only()
        .weight(10_000)
        .long(),
        model(
            "replace/3-writers-in-two-groups",
            Plan::of(&[Cow, Cow, Nocow]).groups(2).shortened(),
            &[
                "second-group",
                "waited-in-the-second-group",
                "waited-for-3-ordered",
                "both-devices",
                "in-place",
            ],
        )
        .theorem(of(
            "writers that one group has refused and that are in flight in the next one when it is drained",
        ))
        .second_engine_only()
        .weight(2000),
        model(
            "replace/cow+nocow-in-two-groups",
            Plan::of(&[Cow, Nocow]).groups(2),
            &["second-group", "waited-in-the-second-group", "waited-for-2-ordered", "both-devices", "moved"],
        )
        .theorem(of(
            "a COW writer, and a NOCOW writer that takes its way, both in flight in the second group",
        ))
        .second_engine_only()
        .weight(500),
    ]
}

/// One shard for all: writers meet in each word of each gate, and under the locks of ordered extents, of free space
/// and of delayed refs.
fn meeting() -> Vec<Model> {
    let meeting = |name, roles, reach: &[&str]| model(name, Plan::of(roles).in_one_shard(), reach);
    vec![
        meeting("replace/2-cow-in-one-shard", &[Cow, Cow], &and(COW, &["waited-for-2-ordered"]))
            .theorem(of("two writers that share every word and every lock"))
            .long_under_loom()
            .weight(500),
        meeting(
            "replace/cow+nocow-in-one-shard",
            &[Cow, Nocow],
            &and(COW, &["in-place", "waited-nocow", "waited-for-2-ordered"]),
        )
        .theorem(of("a COW and a NOCOW writer that share every word and every lock"))
        .second_engine_only()
        .weight(100),
        meeting("replace/cow+committer-in-one-shard", &[Cow, Committer], &and(COW, &["committed-a-write"]))
            .theorem(of("a writer whose handle is in the shard that two commits close"))
            .weight(10),
    ]
}

/// A role that was refused comes back; one that was admitted is admitted again, on the other side of the cursor.
fn several_rounds() -> Vec<Model> {
    let twice = |name, roles, reach: &[&str]| model(name, Plan::of(roles).rounds(2), reach);
    let cow = ["source-alone-then-both-devices", "refused-then-both-devices", "source-alone-then-refused"];
    let nocow = ["in-place-then-in-place", "in-place-then-refused", "refused-then-in-place"];
    vec![
        twice("replace/cow-twice", &[Cow], &cow).theorem(of(
            "a writer that writes before the drain and after it, or that is refused and comes back",
        )),
        twice("replace/nocow-twice", &[Nocow], &nocow)
            .theorem(of("a writer that overwrites one extent on either side of the copy of it")),
        twice("replace/2-cow-twice", &[Cow, Cow], &cow)
            .theorem(of("two writers that both write on either side of the drain"))
            .weight(500),
        twice("replace/cow+nocow-twice", &[Cow, Nocow], &and(&cow, &nocow))
            .theorem(of("a COW and a NOCOW writer that both write on either side of the drain"))
            .long_under_loom()
            .weight(700),
        twice(
            "replace/cow+committer-twice",
            &[Cow, Committer],
            &and(&cow, &["committed-then-committed-a-write"]),
        )
        .theorem(of("a writer beside three commits, of which any may have either of its refs"))
        .weight(500),
    ]
}

/// The cursor goes back, and the target changes.
fn several_replaces() -> Vec<Model> {
    let again = |roles, replaces| Plan::of(roles).groups(2).replaces(replaces);
    vec![
        model(
            "replace/cow-after-a-replace",
            again(&[Cow], Replaces::AfterOneThatWasRetired),
            &["second-group", "both-devices", "writer-first"],
        )
        .theorem(of("a volume of two groups that was replaced before: nothing is left of the first replace")),
        model(
            "replace/cow-after-one-given-up",
            again(&[Cow], Replaces::AfterOneThatWasGivenUp),
            &["target-given-up", "second-group", "both-devices", "source-alone"],
        )
        .theorem(of("a replace after one that had passed a group and was given up, with another target"))
        .weight(30),
        model(
            "replace/cow+nocow-after-one-given-up",
            Plan::of(&[Cow, Nocow]).replaces(Replaces::AfterOneThatWasGivenUp),
            &["target-given-up", "both-devices", "source-alone", "in-place", "moved", "waited-nocow"],
        )
        .theorem(of("two writers that may have read the cursor of a replace that is given up meanwhile"))
        .second_engine_only()
        .weight(1000),
    ]
}

/// Extents with more than one reference.
fn clones() -> Vec<Model> {
    let cloned = ["cloned-in-one-transaction", "cloned-over-a-commit"];
    vec![
        model("replace/clone+cow", Plan::of(&[Cloner, Cow]), &and(&cloned, COW))
            .theorem(of(
                "an extent that gets a second reference and loses one, before and after the drain's commit",
            ))
            .long_under_loom()
            .weight(10),
        model("replace/clone+committer", Plan::of(&[Cloner, Committer]), &cloned)
            .theorem(of("a clone whose two refs land in any two of three transactions"))
            .long_under_loom()
            .weight(30),
        model(
            "replace/2-owners",
            Plan::of(&[Nocow, Nocow]).sharing_one_extent(),
            &["moved", "in-place", "refused", "waited-reservation", "waited-ordered"],
        )
        .theorem(of(
            "an extent of two owners: the first to overwrite it moves, and so does the second, unless the \
                     drain has committed that it is alone",
        ))
        .long_under_loom()
        .weight(20),
    ]
}

pub fn twins() -> Vec<Twin> {
    let again = Plan::of(&[Cow]).groups(2).replaces(Replaces::AfterOneThatWasGivenUp);
    vec![
        twin("replace/no-second-replace", again.without(LeftOut::SecondReplace))
            .of("replace/cow-after-one-given-up")
            .left_out("a second replace after the one that was given up")
            .expect("lost extent"),
        twin("replace/drop-without-reference", Plan::of(&[Cloner, Cow]).without(LeftOut::Reference))
            .of("replace/clone+cow")
            .left_out("the reference that is added before one is dropped")
            .expect("a live extent has the references that the roles have, and no others"),
        twin(
            "replace/2-owners-of-one-reference",
            Plan::of(&[Nocow, Nocow]).sharing_one_extent().without(LeftOut::ReferencesOfOthers),
        )
        .of("replace/2-owners")
        .left_out("the second owner's reference")
        .expect("race"),
    ]
}

fn twin(name: &'static str, plan: Plan) -> Twin {
    Twin::new(name).plays(plan.play())
}

/// The theorem, of what a model is for.
fn of(what: &str) -> String {
    format!("{THEOREM} Of {what}.")
}

fn cursor() -> Model {
    Model::new("replace/cursor")
        .theorem("A writer that sees the cursor past it sees what was copied before the cursor moved there.")
        .must_reach(&["ahead", "behind"])
        .plays(cursor_past_a_writer())
}

fn and(outcomes: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    [outcomes, more].concat()
}

fn model(name: &'static str, plan: Plan, reach: &[&str]) -> Model {
    let combined = combined_in(&plan);
    Model::new(name).theorem(THEOREM).must_reach(reach).combines(&combined).plays(plan.play())
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
