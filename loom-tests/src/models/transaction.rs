//! Of `src/transaction.rs` and `src/extent_tree.rs`: a commit root is the state after one transaction, of
//! all its handles and of no later one. Argued in `docs/transaction.md`.

use blockgate::{CommitRoot, DelayedRef, LogicalRange, Shards, TransactionId, Transactions};
use loom_harness::{Model, Twin, expect_unwind, unwind_now};

use super::Plays;
use crate::engine::{Note, check, reached};
use crate::stage::{Empty, Play, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("transaction/2-joiners+committer")
            .theorem("C2 to C4: a commit root has the refs of all handles of its transaction, and no others.")
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .plays(joiners_against_committers(2, 1)),
        Model::new("transaction/joiner+2-committers")
            .theorem("C1, T2: commits at once are done one after the other; commit roots never go back.")
            .must_reach(&["in-the-root", "lands-in-the-next", "nothing-to-do"])
            .weight(3)
            .plays(joiners_against_committers(1, 2)),
        Model::new("transaction/reader")
            .theorem(
                "T1: a reader has one transaction's root, all of it, and none that is older than one it has read.",
            )
            .must_reach(&["old-root", "new-root"])
            .plays(reader()),
        Model::new("transaction/failed-commit")
            .theorem("C5: once a commit failed, everyone that waits and everyone that comes learns of it.")
            .must_reach(&["joined-before", "refused-at-joining", "refused-at-committing", "fails-first"])
            .plays(failing_commit()),
        Model::new("transaction/unwinding-commit")
            .theorem("C5: a commit that unwinds has failed.")
            .must_reach(&["joined-before", "refused-at-joining"])
            .plays(unwinding_commit()),
        Model::new("transaction/dropped-handle")
            .theorem("C2: a handle dropped unfinished ends, and what it pushed stands.")
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .plays(dropped_handle()),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("transaction/commit-inside-a-handle")
            .of("transaction/2-joiners+committer")
            .left_out("ending one's own handle before the commit")
            .expect("deadlock")
            .plays(commit_inside_a_handle()),
    ]
}

struct Joined {
    transactions: Transactions,
    /// By joiner: in which transaction what it queued has landed.
    landed: [Note<TransactionId>; 2],
    /// By committer: the root of its commit.
    roots: [Note<CommitRoot>; 2],
}

impl Joined {
    fn new(shards: usize) -> Self {
        let transactions = Transactions::new(Shards::new(shards));
        Self { transactions, landed: Default::default(), roots: Default::default() }
    }

    fn stage() -> Empty<Self> {
        stage(&[]).world(|| Self::new(3))
    }

    fn join_and_end(&self, number: usize) {
        let mut handle = self.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(block(number)));
        self.landed[number].set(handle.end());
    }

    fn commit(&self, number: usize) {
        let committed = self.transactions.commit().expect("nothing fails");
        if committed.changes.is_empty() {
            reached("nothing-to-do");
        }
        let now = self.transactions.commit_root().transaction();
        check(now >= committed.root.transaction(), "T2: commit roots never go back", || format!("{now}"));
        self.roots[number].set(committed.root);
    }

    fn end(mut self) {
        check(self.transactions.leaked() == 0, "every handle ends", String::new);
        let (last, pending) = self.transactions.pending();
        let landed = self.landed.each_mut().map(Note::take);
        for root in self.roots.iter_mut().filter_map(Note::take).chain([last.clone()]) {
            check_root(&root, &landed);
        }
        let all = last.with(&pending.fold()).expect("the refs fit");
        let joined = landed.iter().flatten().count();
        check(all.len() == joined, "D1: each delayed ref is applied exactly once", || format!("{all:?}"));
    }
}

/// The root has the refs of the handles of its transaction and of earlier ones, and no others.
fn check_root(root: &CommitRoot, landed: &[Option<TransactionId>; 2]) {
    for (number, landed) in landed.iter().enumerate() {
        let Some(landed) = landed else { continue };
        let is_there = root.get(block(number).start()).is_some();
        let should = *landed <= root.transaction();
        reached(if should { "in-the-root" } else { "lands-in-the-next" });
        check(is_there == should, "C3: a root is one transaction's state", || {
            let (block, transaction) = (block(number), root.transaction());
            format!("{block} is part of {landed}; in the root of {transaction}: {is_there}")
        });
    }
}

fn block(number: usize) -> LogicalRange {
    LogicalRange::new(number as u64 * 4096, 4096).expect("a range")
}

fn joiners_against_committers(joiners: usize, committers: usize) -> Play {
    let mut cast = Joined::stage().main("committer", |world| world.commit(0));
    for number in 1..committers {
        cast = cast.role("committer", move |world| world.commit(number));
    }
    for number in 0..joiners {
        cast = cast.role("joiner", move |world| world.join_and_end(number));
    }
    cast.end(Joined::end)
}

fn commit_inside_a_handle() -> Play {
    let commit = |world: &Joined| {
        let _handle = world.transactions.join().expect("runs");
        drop(world.transactions.commit());
    };
    unjudged().world(|| Joined::new(1)).main("committer", commit).end(drop)
}

fn reader() -> Play {
    let joined_twice = || {
        let world = Joined::new(3);
        world.join_and_end(0);
        world.join_and_end(1);
        world
    };
    let cast = stage(&[]).world(joined_twice).main("committer", |world| world.commit(0));
    cast.role("reader", read_twice).end(Joined::end)
}

fn read_twice(world: &Joined) {
    let (first, second) = (world.transactions.commit_root(), world.transactions.commit_root());
    check(first.transaction() <= second.transaction(), "T2: commit roots never go back", String::new);
    for root in [first, second] {
        let whole = if root.transaction() == TransactionId(0) { 0 } else { 2 };
        reached(["old-root", "part", "new-root"][root.len()]);
        check(root.len() == whole, "T1: a root is one transaction's state", || format!("{root:?}"));
    }
}

fn failing_commit() -> Play {
    let fail = |world: &Joined| {
        let failed = world.transactions.commit_with(|_, _| Err("the device is full".into()));
        check(failed.is_err(), "a commit that fails says so", String::new);
        if world.transactions.commit_root().transaction() == TransactionId(0) {
            reached("fails-first");
        }
        check_aborted(&world.transactions);
        check(world.transactions.commit().is_err(), ABORTED, String::new);
    };
    let commit = |world: &Joined| match world.transactions.commit() {
        Ok(_) => reached("commits-first"),
        Err(_) => reached("refused-at-committing"),
    };
    Joined::stage().main("committer", fail).role("joiner", try_join).role("committer", commit).end(drop)
}

const ABORTED: &str = "C5: an abort is final";

fn check_aborted(transactions: &Transactions) {
    check(transactions.join().is_err(), ABORTED, String::new);
}

fn try_join(world: &Joined) {
    match world.transactions.join() {
        Ok(handle) => {
            handle.end();
            reached("joined-before");
        }
        Err(_) => reached("refused-at-joining"),
    }
}

fn unwinding_commit() -> Play {
    let unwind = |world: &Joined| {
        expect_unwind(|| world.transactions.commit_with(|_, _| unwind_now()).map(drop));
        check_aborted(&world.transactions);
    };
    Joined::stage().main("committer", unwind).role("joiner", try_join).end(drop)
}

fn dropped_handle() -> Play {
    let commit = |world: &Joined| _ = world.transactions.commit().expect("nothing fails");
    // As unwinding does it. (Loom shares one `panicking()` among all roles, and so poisons the locks of the
    // others.)
    let drop_it = |world: &Joined| {
        let mut handle = world.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(block(0)));
        drop(handle);
    };
    let end = |mut world: Joined| {
        let (root, pending) = world.transactions.pending();
        reached(if root.is_empty() { "lands-in-the-next" } else { "in-the-root" });
        let all = root.with(&pending.fold()).expect("the refs fit");
        check(all.len() == 1, "C2: what was pushed stands", || format!("{all:?}"));
    };
    Joined::stage().main("committer", commit).role("joiner", drop_it).end(end)
}
