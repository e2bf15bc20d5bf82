//! What breaks without each step of the protocol: red twins composed by hand, and the models without a
//! twin, which are green. The diagrams of all twins are in `docs/counterexamples/`; every other step left
//! out, and every swap of two, is in `docs/mutants.md`.

use loom_harness::{Model, Twin};

use crate::protocol::replace_by_hand::Play;
use crate::protocol::steps::{Role, Step, moved, replaced, without};
use crate::protocol::transaction_by_hand::Transaction;
use crate::scenario::trace::Report;

pub fn models() -> Vec<Model> {
    vec![
        Model::new("replace/by-hand-cow")
            .theorem("The protocol composed from public parts misses no extent of a COW writer.")
            .roles(&["device replace", "COW writer"])
            .must_reach(&["refused", "waited-reservation", "waited-ordered", "both-devices"])
            .body(|| Play::of(Role::Cow).run(Some(Report::AtOnce))),
        Model::new("replace/by-hand-nocow")
            .theorem("The protocol composed from public parts copies nothing that a NOCOW writer is writing.")
            .roles(&["device replace", "NOCOW writer"])
            .must_reach(&["refused", "waited-nocow", "waited-ordered", "both-devices"])
            .body(|| Play::of(Role::Nocow).run(Some(Report::AtOnce))),
        Model::new("replace/by-hand-cow+committer")
            .theorem("The same beside a thread that commits: the drain's commit begins after its waits.")
            .roles(&["device replace", "COW writer", "committer"])
            .must_reach(&["refused", "waited-ordered", "both-devices"])
            .body(|| Play::of(Role::Cow).with_committer().run(Some(Report::AtOnce))),
        Model::new("transaction/by-hand")
            .theorem(
                "C2 to C4: a commit composed from a gate, a queue and a tree has all of a handle or none.",
            )
            .roles(&["committer", "joiner"])
            .must_reach(&["in-the-root", "lands-in-the-next", "waited", "waited-to-enter"])
            .body(|| Transaction::new().run()),
        Model::new("transaction/by-hand-2-committers")
            .theorem("C1: of two commits at once, neither returns before what ended is in the root.")
            .roles(&["joiner, then committer", "committer"])
            .must_reach(&["in-the-root"])
            .body(|| Transaction::new().committed_twice().run()),
    ]
}

/// What a copy that misses an extent is called.
const LOST: &str = "lost extent";

/// The seed: what the patch of 2016 describes, in its order. The harness draws the execution with the
/// fewest preemptions, which would be one of a writer who is over before read-only; so this twin fails only
/// where the I/O is in flight from before read-only until after the copy.
pub fn seed() -> Twin {
    use Step as S;
    let replace = vec![
        S::LookAtWrite,
        S::SetReadOnly,
        S::ReadRoot,
        S::Copy,
        S::LookAtWrite,
        // Here the I/O completes, and its delayed ref is queued.
        S::LookAtWrite,
        S::SetReadWrite,
        S::MoveCursor,
    ];
    let what = "the drain, of a write in flight: the race of 2016";
    cow("replace/seed", what, LOST, |play| play.replace(replace.clone()))
}

pub fn twins() -> Vec<Twin> {
    let mut twins = waits();
    twins.extend(orders());
    twins.extend(transactions());
    twins
}

/// What is waited for, and what is undone.
fn waits() -> Vec<Twin> {
    use Step as S;
    let reservations = "the wait for reservations";
    let nocow_writers = "the wait for NOCOW writers";
    let ordered = "the wait for ordered extents";
    let drain = [S::WaitReservations, S::WaitNocowWriters, S::WaitOrdered, S::Commit];
    let counts = "all counts are zero and all figures add up";
    vec![
        cow("replace/no-drain", "the drain", LOST, omitting(&drain)),
        cow("replace/no-wait-for-reservations", reservations, LOST, omitting(&[S::WaitReservations])),
        nocow("replace/no-wait-for-nocow-writers", nocow_writers, "race", omitting(&[S::WaitNocowWriters])),
        cow("replace/no-wait-for-ordered-cow", ordered, LOST, omitting(&[S::WaitOrdered])),
        nocow("replace/no-wait-for-ordered-nocow", ordered, "race", omitting(&[S::WaitOrdered])),
        cow("replace/no-commit", "the commit", LOST, omitting(&[S::Commit])),
        cow("replace/commit-only-after-waiting", "the commit where nothing was waited for", LOST, |play| {
            play.replace(replaced(Role::Replace, S::Commit, S::CommitIfWaited))
        }),
        cow("replace/shares-the-commit-at-work", "a commit that begins after the waits", LOST, |play| {
            play.with_committer().replace(replaced(Role::Replace, S::Commit, S::ShareCommit))
        }),
        cow("replace/no-undo", "the end of read-only", counts, omitting(&[S::SetReadWrite])),
    ]
}

/// What is done in another order.
fn orders() -> Vec<Twin> {
    use Step as S;
    vec![
        // Who waits must have closed: for the old writers, by a level of its own.
        cow("replace/read-only-after-the-waits", "read-only during the waits", LOST, |play| {
            let waits = [S::SetReadOnly, S::WaitReservations, S::WaitNocowWriters, S::WaitOrdered];
            let rest = without(Role::Replace, &waits);
            play.replace([&waits[..], &[S::SetReadWrite, S::SetReadOnly], &rest].concat())
        }),
        cow(
            "replace/ordered-before-reservations",
            "the wait for reservations being before the one for ordered extents",
            LOST,
            |play| play.replace(moved(Role::Replace, S::WaitOrdered, S::WaitReservations)),
        ),
        nocow(
            "replace/ordered-before-nocow-writers",
            "the wait for NOCOW writers being before the one for ordered extents",
            "race",
            |play| play.replace(moved(Role::Replace, S::WaitOrdered, S::WaitNocowWriters)),
        ),
        cow(
            "replace/commit-before-ordered",
            "the wait for ordered extents being before the commit",
            LOST,
            |play| play.replace(moved(Role::Replace, S::Commit, S::WaitOrdered)),
        ),
        cow("replace/root-before-commit", "the commit being before the commit root is read", LOST, |play| {
            play.replace(moved(Role::Replace, S::ReadRoot, S::Commit))
        }),
        cow("replace/read-write-first", "the cursor moving before read-write", LOST, |play| {
            play.replace(moved(Role::Replace, S::SetReadWrite, S::MoveCursor))
        }),
        cow("replace/reservation-ends-first", RESERVATION_LAST, LOST, reservation_ends_first),
        nocow(
            "replace/nocow-writer-ends-first",
            "the ordered extent being added before the NOCOW writer ends",
            "race",
            |play| play.writer(moved(Role::Nocow, S::EndNocow, S::AddOrdered)),
        ),
        cow("replace/ordered-finished-first", REF_FIRST, LOST, ordered_finished_first),
    ]
}

fn transactions() -> Vec<Twin> {
    use Step as S;
    vec![
        transaction(
            "transaction/no-wait-for-handles",
            "the wait for handles",
            "C3: a commit root is one transaction's state",
            |t| t.committer(without(Role::Committer, &[S::WaitEmpty])),
        ),
        transaction(
            "transaction/left-before-queueing",
            "the last ref being queued before the handle ends",
            "C3: a commit root is one transaction's state",
            |t| t.joiner(moved(Role::Joiner, S::Leave, S::PublishSecond)),
        ),
        transaction(
            "transaction/opened-before-the-refs-are-taken",
            "the refs being taken before the transaction opens",
            "C3: a commit root is one transaction's state",
            |t| t.committer(moved(Role::Committer, S::Open, S::Drain)),
        ),
        // The assertion of T2.
        transaction("transaction/no-commit-lock", "the lock that one commit holds", "panic", |t| {
            t.committed_twice().committer(without(Role::Committer, &[S::Lock, S::Unlock]))
        }),
    ]
}

/// What the specification sees in an execution in which nothing is lost: `docs/specification.md`.
pub fn specification_twins() -> Vec<Twin> {
    use Step as S;
    vec![
        compared(
            "specification/no-wait-for-reservations",
            "the wait for reservations",
            omitting(&[S::WaitReservations]),
        ),
        compared(
            "specification/no-wait-for-ordered",
            "the wait for ordered extents",
            omitting(&[S::WaitOrdered]),
        ),
        compared("specification/no-commit", "the commit", omitting(&[S::Commit])),
        compared("specification/reservation-ends-first", RESERVATION_LAST, reservation_ends_first),
        compared("specification/ordered-finished-first", REF_FIRST, ordered_finished_first),
        compared("specification/cursor-before-copy", "the copy before the cursor moves", |play| {
            play.replace(moved(Role::Replace, S::MoveCursor, S::Copy))
        }),
        // Under the reservation, which the drain waits for: so nothing is lost.
        compared(
            "specification/write-before-ordered",
            "the ordered extent being added before the I/O",
            |play| {
                let first = [S::Reserve, S::ReadCursor, S::Write];
                play.writer([&first[..], &without(Role::Cow, &first)].concat())
            },
        ),
    ]
}

const RESERVATION_LAST: &str = "the ordered extent being added before the reservation ends";
const REF_FIRST: &str = "the delayed ref being queued before the ordered extent is finished";

fn reservation_ends_first(play: Play) -> Play {
    play.writer(moved(Role::Cow, Step::EndReservation, Step::AddOrdered))
}

fn ordered_finished_first(play: Play) -> Play {
    play.writer(moved(Role::Cow, Step::FinishOrdered, Step::Join))
}

/// A replace that leaves `steps` out.
fn omitting(steps: &[Step]) -> impl Fn(Play) -> Play {
    move |play| play.replace(without(Role::Replace, steps))
}

fn cow(name: &str, left_out: &str, expect: &str, change: impl Fn(Play) -> Play) -> Twin {
    by_hand(name, left_out, expect, change(Play::of(Role::Cow)), None)
}

fn nocow(name: &str, left_out: &str, expect: &str, change: impl Fn(Play) -> Play) -> Twin {
    by_hand(name, left_out, expect, change(Play::of(Role::Nocow)), None)
}

fn compared(name: &str, left_out: &str, change: impl Fn(Play) -> Play) -> Twin {
    by_hand(name, left_out, "specification", change(Play::of(Role::Cow)), Some(Report::AtTheEnd))
}

fn by_hand(name: &str, left_out: &str, expect: &str, play: Play, report: Option<Report>) -> Twin {
    let (of, roles) = play.model();
    let twin = Twin::new(name).of(of).left_out(left_out).roles(&roles).expect(expect);
    twin.body(move || play.run(report))
}

fn transaction(
    name: &str,
    left_out: &str,
    expect: &str,
    change: impl Fn(Transaction) -> Transaction,
) -> Twin {
    let changed = change(Transaction::new());
    let (of, roles) = changed.model();
    let twin = Twin::new(name).of(of).left_out(left_out).roles(&roles).expect(expect);
    twin.body(move || changed.run())
}
