//! What breaks without each step of the protocol: red twins composed by hand, and the models without a
//! twin, which are green. The diagrams of all twins are in `docs/counterexamples/`; every other step left
//! out, and every swap of two, is in `docs/mutants.md`.

use loom_harness::{Model, Twin};

use super::Plays;
use crate::protocol::replace::ReplaceByHand;
use crate::protocol::role::Role;
use crate::protocol::step::Step;
use crate::protocol::transaction::TransactionByHand;
use crate::stage::{COUNTS, Compare};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("replace/by-hand-cow")
            .theorem("The protocol composed from public parts misses no extent of a COW writer.")
            .must_reach(&["refused", "waited-reservation", "waited-ordered", "both-devices"])
            .plays(ReplaceByHand::of(Role::Cow).play(Compare::AtOnce)),
        Model::new("replace/by-hand-nocow")
            .theorem("The protocol composed from public parts copies nothing that a NOCOW writer is writing.")
            .must_reach(&["refused", "waited-nocow", "waited-ordered", "both-devices"])
            .plays(ReplaceByHand::of(Role::Nocow).play(Compare::AtOnce)),
        Model::new("replace/by-hand-2-cow-in-one-shard")
            .theorem("The same, of two COW writers that share every word and every lock.")
            .must_reach(&["refused", "waited-reservation", "waited-ordered", "both-devices"])
            .long_under_loom()
            .weight(500)
            .plays(two_in_one_shard().play(Compare::AtOnce)),
        Model::new("replace/by-hand-cow-twice")
            .theorem("The same, of a COW writer that writes twice, before the copy or after it.")
            .must_reach(&["refused", "waited-reservation", "waited-ordered", "both-devices"])
            .plays(twice(Role::Cow.program().into()).play(Compare::AtOnce)),
        Model::new("replace/by-hand-cow+committer")
            .theorem("The same beside a thread that commits: the drain's commit begins after its waits.")
            .must_reach(&["refused", "waited-ordered", "both-devices"])
            .plays(ReplaceByHand::of(Role::Cow).with_committer().play(Compare::AtOnce)),
        Model::new("replace/by-hand-commit-unless-none-runs")
            .theorem(
                "The same of a drain that does not commit where the root lists every ref that was queued.",
            )
            .must_reach(&["refused", "waited-ordered", "both-devices", "none-runs", "commits"])
            .plays(unless_none_runs().play(Compare::AtOnce)),
        Model::new("transaction/by-hand")
            .theorem(
                "C2 to C4: a commit composed from a gate, a queue and a tree has all of a handle or none.",
            )
            .must_reach(&["in-the-root", "lands-in-the-next", "waited", "waited-to-enter"])
            .plays(TransactionByHand::new().play()),
        Model::new("transaction/by-hand-2-committers")
            .theorem("C1: of two commits at once, neither returns before what ended is in the root.")
            .must_reach(&["in-the-root"])
            .plays(TransactionByHand::new().committed_twice().play()),
    ]
}

fn unless_none_runs() -> ReplaceByHand {
    let replace = Role::Replace.replacing(Step::Commit, Step::CommitUnlessNoneRuns);
    ReplaceByHand::of(Role::Cow).with_committer().replace(replace)
}

fn two_in_one_shard() -> ReplaceByHand {
    ReplaceByHand::of(Role::Cow).writers(2).in_one_shard()
}

/// A COW writer that does `again` after its program.
fn twice(again: Vec<Step>) -> ReplaceByHand {
    ReplaceByHand::of(Role::Cow).writes_again(again)
}

/// What a copy that misses an extent is called.
const LOST: &str = "lost extent";

/// The seed: what the patch of 2016 describes, in its order. The harness draws the execution with the
/// fewest preemptions, which would be one of a writer that is over before read-only; so this twin fails only
/// where the I/O is in flight from before read-only until after the copy.
pub fn seed() -> Twin {
    use Step as S;
    let program = vec![
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
    cow("replace/seed", what, LOST, |roles| roles.replace(program))
}

pub fn twins() -> Vec<Twin> {
    let mut twins = waits();
    twins.extend(orders());
    twins.extend(several_writes());
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
    let counts = COUNTS;
    vec![
        cow("replace/no-drain", "the drain", LOST, omitting(&drain)),
        cow("replace/no-wait-for-reservations", reservations, LOST, omitting(&[S::WaitReservations])),
        nocow("replace/no-wait-for-nocow-writers", nocow_writers, "race", omitting(&[S::WaitNocowWriters])),
        cow("replace/no-wait-for-ordered-cow", ordered, LOST, omitting(&[S::WaitOrdered])),
        nocow("replace/no-wait-for-ordered-nocow", ordered, "race", omitting(&[S::WaitOrdered])),
        cow("replace/no-commit", "the commit", LOST, omitting(&[S::Commit])),
        cow("replace/commit-only-after-waiting", "the commit where nothing was waited for", LOST, |roles| {
            roles.replace(Role::Replace.replacing(S::Commit, S::CommitIfWaited))
        }),
        cow("replace/shares-the-commit-at-work", "a commit that begins after the waits", LOST, |roles| {
            roles.with_committer().replace(Role::Replace.replacing(S::Commit, S::ShareCommit))
        }),
        cow("replace/no-undo", "the end of read-only", counts, omitting(&[S::SetReadWrite])),
    ]
}

/// What is done in another order.
fn orders() -> Vec<Twin> {
    use Step as S;
    vec![
        // A wait needs a level of read-only: for the old writers, one of its own.
        cow("replace/read-only-after-the-waits", "read-only during the waits", LOST, |roles| {
            let waits = [S::SetReadOnly, S::WaitReservations, S::WaitNocowWriters, S::WaitOrdered];
            let rest = Role::Replace.without(&waits);
            roles.replace([&waits[..], &[S::SetReadWrite, S::SetReadOnly], &rest].concat())
        }),
        cow(
            "replace/ordered-before-reservations",
            "the wait for reservations being before the one for ordered extents",
            LOST,
            |roles| roles.replace(Role::Replace.moving(S::WaitOrdered, S::WaitReservations)),
        ),
        nocow(
            "replace/ordered-before-nocow-writers",
            "the wait for NOCOW writers being before the one for ordered extents",
            "race",
            |roles| roles.replace(Role::Replace.moving(S::WaitOrdered, S::WaitNocowWriters)),
        ),
        cow(
            "replace/commit-before-ordered",
            "the wait for ordered extents being before the commit",
            LOST,
            |roles| roles.replace(Role::Replace.moving(S::Commit, S::WaitOrdered)),
        ),
        cow("replace/root-before-commit", "the commit being before the commit root is read", LOST, |roles| {
            roles.replace(Role::Replace.moving(S::ReadRoot, S::Commit))
        }),
        cow("replace/read-write-first", "the cursor moving before read-write", LOST, |roles| {
            roles.replace(Role::Replace.moving(S::SetReadWrite, S::MoveCursor))
        }),
        cow("replace/reservation-ends-first", RESERVATION_LAST, LOST, reservation_ends_first),
        nocow(
            "replace/nocow-writer-ends-first",
            "the ordered extent being added before the NOCOW writer ends",
            "race",
            |roles| roles.writes(Role::Nocow.moving(S::EndNocow, S::AddOrdered)),
        ),
        cow("replace/ordered-finished-first", REF_FIRST, LOST, ordered_finished_first),
    ]
}

/// What goes wrong only in the second write, or where two writers meet.
fn several_writes() -> Vec<Twin> {
    use Step as S;
    let one_shard = |name, left_out, steps: &[S]| {
        by_hand(name, left_out, LOST, omitting(steps)(two_in_one_shard()), Compare::Nothing)
    };
    vec![
        by_hand(
            "replace/cursor-read-once",
            "reading the cursor again for the second write",
            LOST,
            twice(Role::Cow.without(&[S::ReadCursor])),
            Compare::Nothing,
        ),
        one_shard(
            "replace/no-wait-for-reservations-in-one-shard",
            "the wait for reservations",
            &[S::WaitReservations],
        ),
        one_shard(
            "replace/no-wait-for-ordered-in-one-shard",
            "the wait for ordered extents",
            &[S::WaitOrdered],
        ),
    ]
}

fn transactions() -> Vec<Twin> {
    use Step as S;
    vec![
        transaction(
            "transaction/no-wait-for-handles",
            "the wait for handles",
            "C3: a commit root is one transaction's state",
            |t| t.committer(Role::Committer.without(&[S::WaitHandles])),
        ),
        transaction(
            "transaction/left-before-queueing",
            "the last ref being queued before the handle ends",
            "C3: a commit root is one transaction's state",
            |t| t.joiner(Role::Joiner.moving(S::Leave, S::QueueSecond)),
        ),
        transaction(
            "transaction/opened-before-the-refs-are-taken",
            "the refs being taken before the transaction opens",
            "C3: a commit root is one transaction's state",
            |t| t.committer(Role::Committer.moving(S::OpenTransaction, S::RunRefs)),
        ),
        // The assertion of T2.
        transaction("transaction/no-commit-lock", "the lock that one commit holds", "panic", |t| {
            t.committed_twice().committer(Role::Committer.without(&[S::LockCommits, S::UnlockCommits]))
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
        compared("specification/cursor-before-copy", "the copy before the cursor moves", |roles| {
            roles.replace(Role::Replace.moving(S::MoveCursor, S::Copy))
        }),
        // Under the reservation, which the drain waits for: so nothing is lost. The next one too.
        compared(
            "specification/write-before-ordered",
            "the ordered extent being added before the I/O",
            |roles| {
                let first = [S::BeginReservation, S::ReadCursor, S::Write];
                roles.writes([&first[..], &Role::Cow.without(&first)].concat())
            },
        ),
        compared(
            "specification/finished-before-written",
            "the write before the ordered extent is finished",
            |roles| {
                let last = [S::ReadCursor, S::Write, S::EndReservation];
                roles.writes([&Role::Cow.without(&last), &last[..]].concat())
            },
        ),
    ]
}

const RESERVATION_LAST: &str = "the ordered extent being added before the reservation ends";
const REF_FIRST: &str = "the delayed ref being queued before the ordered extent is finished";

fn reservation_ends_first(roles: ReplaceByHand) -> ReplaceByHand {
    roles.writes(Role::Cow.moving(Step::EndReservation, Step::AddOrdered))
}

fn ordered_finished_first(roles: ReplaceByHand) -> ReplaceByHand {
    roles.writes(Role::Cow.moving(Step::RemoveOrdered, Step::QueueRef))
}

/// A replace that leaves `steps` out.
fn omitting(steps: &[Step]) -> impl Fn(ReplaceByHand) -> ReplaceByHand {
    move |roles| roles.replace(Role::Replace.without(steps))
}

fn cow(
    name: &str,
    left_out: &str,
    expect: &str,
    change: impl FnOnce(ReplaceByHand) -> ReplaceByHand,
) -> Twin {
    by_hand(name, left_out, expect, change(ReplaceByHand::of(Role::Cow)), Compare::Nothing)
}

fn nocow(
    name: &str,
    left_out: &str,
    expect: &str,
    change: impl FnOnce(ReplaceByHand) -> ReplaceByHand,
) -> Twin {
    by_hand(name, left_out, expect, change(ReplaceByHand::of(Role::Nocow)), Compare::Nothing)
}

fn compared(name: &str, left_out: &str, change: impl FnOnce(ReplaceByHand) -> ReplaceByHand) -> Twin {
    by_hand(name, left_out, "specification", change(ReplaceByHand::of(Role::Cow)), Compare::AtTheEnd)
}

fn by_hand(name: &str, left_out: &str, expect: &str, roles: ReplaceByHand, compare: Compare) -> Twin {
    Twin::new(name).of(roles.model_name()).left_out(left_out).expect(expect).plays(roles.play(compare))
}

fn transaction(
    name: &str,
    left_out: &str,
    expect: &str,
    change: impl FnOnce(TransactionByHand) -> TransactionByHand,
) -> Twin {
    let changed = change(TransactionByHand::new());
    Twin::new(name).of(changed.model_name()).left_out(left_out).expect(expect).plays(changed.play())
}
