//! Of `src/transaction.rs` and `src/extent_tree.rs`: a commit root is the state after one transaction, of
//! all its handles and of no later one. Argued in `docs/transaction.md`.

use std::sync::Arc;

use blockgate::{CommitRoot, DelayedRef, LogicalRange, Shards, TransactionId, Transactions};
use loom_harness::{Model, Twin, check, reached};

use crate::support::{Note, begin, compare_nothing, last, role};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("transaction/2-joiners+committer")
            .theorem("C2 to C4: a commit root has the refs of all handles of its transaction, and no others.")
            .roles(&["committer", "joiner", "joiner"])
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .body(|| joiners_against_committers(2, 1)),
        Model::new("transaction/joiner+2-committers")
            .theorem("C1, T2: commits at once are done one after the other; commit roots never go back.")
            .roles(&["committer", "committer", "joiner"])
            .must_reach(&["in-the-root", "lands-in-the-next", "nothing-to-do"])
            .weight(3)
            .body(|| joiners_against_committers(1, 2)),
        Model::new("transaction/reader")
            .theorem(
                "T1: a reader has one transaction's root, all of it, and none that is older than he knows.",
            )
            .roles(&["committer", "reader"])
            .must_reach(&["old-root", "new-root"])
            .body(reader),
        Model::new("transaction/failed-commit")
            .theorem("C5: once a commit failed, everyone who waits and everyone who comes is told so.")
            .roles(&["committer", "joiner", "committer"])
            .must_reach(&["joined-before", "told-at-joining", "told-at-committing", "fails-first"])
            .body(failing_commit),
        Model::new("transaction/unwinding-commit")
            .theorem("C5: a commit that unwinds has failed.")
            .roles(&["committer", "joiner"])
            .must_reach(&["joined-before", "told-at-joining"])
            .body(unwinding_commit),
        Model::new("transaction/dropped-handle")
            .theorem("C2: a handle dropped unfinished ends, and what it pushed stands.")
            .roles(&["committer", "joiner"])
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .body(dropped_handle),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("transaction/commit-inside-a-handle")
            .of("transaction/2-joiners+committer")
            .left_out("ending one's own handle before the commit")
            .roles(&["committer"])
            .expect("deadlock")
            .body(|| {
                compare_nothing();
                let transactions = Transactions::new(Shards::new(1));
                let _handle = transactions.join().expect("runs");
                drop(transactions.commit());
            }),
    ]
}

struct World {
    transactions: Transactions,
    /// What each joiner queued, and in which transaction it landed.
    landed: [Note<Option<TransactionId>>; 2],
}

impl World {
    fn new() -> Arc<Self> {
        begin(&[], &[]);
        Arc::new(Self { transactions: Transactions::new(Shards::new(3)), landed: Default::default() })
    }

    fn join_and_end(&self, number: usize) {
        let mut handle = self.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(block(number)));
        self.landed[number].set(Some(handle.end()));
    }

    fn commit(&self) {
        let committed = self.transactions.commit().expect("nothing fails");
        if committed.changes.is_empty() {
            reached("nothing-to-do");
        }
        self.check_root(&committed.root);
        let now = self.transactions.commit_root().transaction();
        check(now >= committed.root.transaction(), "T2: commit roots never go back", || format!("{now}"));
    }

    /// The root has the refs of the handles of its transaction and of earlier ones, and no others.
    fn check_root(&self, root: &CommitRoot) {
        for (number, landed) in self.landed.iter().enumerate() {
            let is_there = root.get(block(number).start()).is_some();
            match landed.get() {
                Some(landed) => {
                    let should = landed <= root.transaction();
                    reached(if should { "in-the-root" } else { "lands-in-the-next" });
                    check(is_there == should, "C3: a root is one transaction's state", || {
                        format!(
                            "{} is part of {landed}; in the root of {}: {is_there}",
                            block(number),
                            root.transaction()
                        )
                    });
                }
                // Its refs may be there: the handle has ended, and the joiner not noted it yet.
                None => reached("not-ended"),
            }
        }
    }

    fn end(mut self) {
        check(self.transactions.leaked() == 0, "every handle ends", String::new);
        let (root, pending) = self.transactions.pending();
        self.check_root(&root);
        let all = root.with(&pending.fold()).expect("the refs fit");
        let joined = self.landed.iter().filter(|landed| landed.get().is_some()).count();
        check(all.len() == joined, "D1: each delayed ref is applied exactly once", || format!("{all:?}"));
    }
}

fn block(number: usize) -> LogicalRange {
    LogicalRange::new(number as u64 * 4096, 4096).expect("a range")
}

fn joiners_against_committers(joiners: usize, committers: usize) {
    let world = World::new();
    for _ in 1..committers {
        role(&world, World::commit, World::end);
    }
    for number in 0..joiners {
        role(&world, move |world| world.join_and_end(number), World::end);
    }
    world.commit();
    last(world, World::end);
}

fn reader() {
    let world = World::new();
    world.join_and_end(0);
    world.join_and_end(1);
    let read = |world: &World| {
        let (first, second) = (world.transactions.commit_root(), world.transactions.commit_root());
        check(first.transaction() <= second.transaction(), "T2: commit roots never go back", String::new);
        for root in [first, second] {
            let whole = if root.transaction() == TransactionId(0) { 0 } else { 2 };
            reached(["old-root", "part", "new-root"][root.len()]);
            check(root.len() == whole, "T1: a root is one transaction's state", || format!("{root:?}"));
        }
    };
    role(&world, read, World::end);
    world.commit();
    last(world, World::end);
}

fn failing_commit() {
    let world = World::new();
    role(&world, try_join, drop);
    let commit = |world: &World| match world.transactions.commit() {
        Ok(_) => reached("commits-first"),
        Err(_) => reached("told-at-committing"),
    };
    role(&world, commit, drop);
    let failed = world.transactions.commit_with(|_, _| Err("the device is full".into()));
    check(failed.is_err(), "a commit that fails says so", String::new);
    if world.transactions.commit_root().transaction() == TransactionId(0) {
        reached("fails-first");
    }
    check(world.transactions.join().is_err(), "C5: an abort is for ever", String::new);
    check(world.transactions.commit().is_err(), "C5: an abort is for ever", String::new);
    last(world, drop);
}

fn try_join(world: &World) {
    match world.transactions.join() {
        Ok(handle) => {
            handle.end();
            reached("joined-before");
        }
        Err(_) => reached("told-at-joining"),
    }
}

fn unwinding_commit() {
    let world = World::new();
    role(&world, try_join, drop);
    loom_harness::expect_unwind(|| {
        world.transactions.commit_with(|_, _| loom_harness::unwind_now()).map(drop)
    });
    check(world.transactions.join().is_err(), "C5: an abort is for ever", String::new);
    last(world, drop);
}

fn dropped_handle() {
    let world = World::new();
    // As unwinding does. (Loom shares one `panicking()` among all roles, and so poisons others' locks.)
    let drop_it = |world: &World| {
        let mut handle = world.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(block(0)));
        drop(handle);
    };
    let end = |mut world: World| {
        let (root, pending) = world.transactions.pending();
        reached(if root.is_empty() { "lands-in-the-next" } else { "in-the-root" });
        let all = root.with(&pending.fold()).expect("the refs fit");
        check(all.len() == 1, "C2: what was pushed stands", || format!("{all:?}"));
    };
    role(&world, drop_it, end);
    let _ = world.transactions.commit().expect("nothing fails");
    last(world, end);
}
