//! What breaks without each step of the protocol: one red twin a step, and the model without a twin,
//! which is green. The diagrams of all of them are in `docs/counterexamples/`.

use loom_harness::{Model, Twin};

use crate::support::by_hand::{LeftOut, Writer, replace_by_hand, replace_by_hand_compared};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("replace/by-hand-cow")
            .theorem("The protocol composed from public parts misses no extent of a COW writer.")
            .roles(&["device replace", "COW writer"])
            .must_reach(&["refused", "waited-reservation", "waited-ordered", "both-devices"])
            .body(|| replace_by_hand(Writer::Cow, LeftOut::Nothing)),
        Model::new("replace/by-hand-nocow")
            .theorem("The protocol composed from public parts copies nothing that a NOCOW writer is writing.")
            .roles(&["device replace", "NOCOW writer"])
            .must_reach(&["refused", "waited-nocow", "waited-ordered", "both-devices"])
            .body(|| replace_by_hand(Writer::Nocow, LeftOut::Nothing)),
    ]
}

pub fn twins() -> Vec<Twin> {
    use LeftOut as L;
    let lost = "lost extent";
    vec![
        cow("replace/no-drain", "the drain", lost, L::Drain),
        cow("replace/no-wait-for-reservations", "the wait for reservations", lost, L::WaitForReservations),
        nocow(
            "replace/no-wait-for-nocow-writers",
            "the wait for NOCOW writers",
            "race",
            L::WaitForNocowWriters,
        ),
        cow(
            "replace/no-wait-for-ordered-cow",
            "the wait for ordered extents",
            lost,
            L::WaitForOrderedExtents,
        ),
        nocow(
            "replace/no-wait-for-ordered-nocow",
            "the wait for ordered extents",
            "race",
            L::WaitForOrderedExtents,
        ),
        cow("replace/no-commit", "the commit", lost, L::Commit),
        cow(
            "replace/commit-only-after-waiting",
            "the commit where nothing was waited for",
            lost,
            L::CommitUnlessWaited,
        ),
        cow(
            "replace/read-only-after-the-waits",
            "read-only during the waits",
            lost,
            L::ReadOnlyBeforeTheWaits,
        ),
        cow(
            "replace/reservation-ends-first",
            "the ordered extent being added before the reservation ends",
            lost,
            L::OrderedBeforeReservationEnds,
        ),
        nocow(
            "replace/nocow-writer-ends-first",
            "the ordered extent being added before the NOCOW writer ends",
            "race",
            L::OrderedBeforeNocowWriterEnds,
        ),
        cow(
            "replace/ordered-finished-first",
            "the delayed ref being queued before the ordered extent is finished",
            lost,
            L::RefBeforeOrderedIsFinished,
        ),
        cow(
            "replace/read-write-first",
            "the cursor moving before read-write",
            lost,
            L::CursorBeforeReadWrite,
        ),
        cow("replace/no-undo", "the end of read-only", "all counts are zero and all figures add up", L::Undo),
    ]
}

/// What the specification sees in an execution in which nothing is lost: `docs/specification.md`.
pub fn specification_twins() -> Vec<Twin> {
    use LeftOut as L;
    let twins = [
        ("specification/no-wait-for-reservations", "the wait for reservations", L::WaitForReservations),
        ("specification/no-wait-for-ordered", "the wait for ordered extents", L::WaitForOrderedExtents),
        ("specification/no-commit", "the commit", L::Commit),
        (
            "specification/reservation-ends-first",
            "the ordered extent being added before the reservation ends",
            L::OrderedBeforeReservationEnds,
        ),
        (
            "specification/ordered-finished-first",
            "the delayed ref being queued before the ordered extent is finished",
            L::RefBeforeOrderedIsFinished,
        ),
        ("specification/cursor-before-copy", "the copy before the cursor moves", L::CopyBeforeCursor),
    ];
    twins.into_iter().map(|(name, left_out, what)| compared(name, left_out, what)).collect()
}

fn compared(name: &str, left_out: &str, what: LeftOut) -> Twin {
    Twin::new(name)
        .of("replace/by-hand-cow")
        .left_out(left_out)
        .roles(&["device replace", "COW writer"])
        .expect("specification")
        .body(move || replace_by_hand_compared(what))
}

fn cow(name: &str, left_out: &str, expect: &str, what: LeftOut) -> Twin {
    Twin::new(name)
        .of("replace/by-hand-cow")
        .left_out(left_out)
        .roles(&["device replace", "COW writer"])
        .expect(expect)
        .body(move || replace_by_hand(Writer::Cow, what))
}

fn nocow(name: &str, left_out: &str, expect: &str, what: LeftOut) -> Twin {
    Twin::new(name)
        .of("replace/by-hand-nocow")
        .left_out(left_out)
        .roles(&["device replace", "NOCOW writer"])
        .expect(expect)
        .body(move || replace_by_hand(Writer::Nocow, what))
}
