//! A stage that forgets something does not compile, nor does a note that is read while roles run, each for the
//! reason that is stored beside it; the right one does. What types do not forbid fails the model.
//!
//! After a change: `TRYBUILD=overwrite cargo test -p blockgate-models --test stage_by_types -- --include-ignored`,
//! and read the difference.
#![cfg(not(any(loom, traceset, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use blockgate_models::engine::{self, Handed, Note};
use blockgate_models::stage::{Play, stage};
use trybuild::TestCases;

#[test]
fn the_right_stage_compiles_and_runs() {
    TestCases::new().pass("tests/stage_by_types/right.rs");
}

#[test]
#[rustversion::attr(not(stable(1.95)), ignore = "the messages are stored as rustc 1.95 writes them")]
fn no_wrong_stage_compiles() {
    TestCases::new().compile_fail("tests/stage_by_types/wrong/*.rs");
}

fn violation_of(play: &Play) -> Option<String> {
    let ended = catch_unwind(AssertUnwindSafe(|| engine::run(|| play.run())));
    ended.err().map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".into()))
}

fn noted(act: impl Fn(&[Note<u64>; 2]) + Send + Sync + 'static) -> Play {
    let cast = stage(&[]).world(<[Note<u64>; 2]>::default).main("main", |notes| notes[0].set(1));
    cast.role("other", act).end(|[mut first, _]| assert_eq!(first.take(), Some(1)))
}

#[test]
fn a_note_has_one_owner() {
    assert_eq!(violation_of(&noted(|notes| notes[1].set(2))), None);
}

#[test]
fn twin_a_second_owner_of_a_note_is_found() {
    let violation = violation_of(&noted(|notes| notes[0].set(1))).expect("two roles set it");
    assert!(violation.starts_with("a note has one owner"), "{violation}");
}

#[test]
fn twin_what_is_handed_cannot_be_taken_twice() {
    let take = |handed: &Handed<u64>| _ = handed.take();
    let cast = stage(&[]).world(|| Handed::new(1)).main("main", take);
    assert!(violation_of(&cast.role("other", take).end(drop)).is_some());
}
