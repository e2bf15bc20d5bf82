//! Of `src/transaction.rs` and `src/extent_tree.rs`: a commit root is the state after one transaction, of
//! all its handles and of no later one. Argued in `docs/transaction.md`.

use std::error::Error;
use std::sync::Arc;

use blockgate::extent_tree::Changes;
use blockgate::sync::Monitor;
use blockgate::transaction::CommitSteps;
use blockgate::{
    CommitError, CommitRoot, DelayedRef, LogicalRange, Shards, TransactionHandle, TransactionId, Transactions,
};
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
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .weight(3)
            .body(|| joiners_against_committers(1, 2)),
        Model::new("transaction/3-committers")
            .theorem(
                "C6: who asks while a commit is at work shares the next, whose root has all that he ended.",
            )
            .roles(&["committer", "writer, then committer", "writer, then committer"])
            .must_reach(&["shared", "one-each"])
            .weight(3)
            .body(three_committers),
        Model::new("transaction/waiting-joiner")
            .theorem(
                "C7: a thread that waits to join is overtaken by the commit that it waits for, and no other.",
            )
            .roles(&["holder of a handle", "committer, twice", "joiner"])
            .must_reach(&["waits", "joined-at-once"])
            .weight(3)
            .body(|| waiting_joiner(Transactions::join)),
        Model::new("transaction/waiting-committer")
            .theorem("C7: a thread that waits to commit is overtaken by the commit at work, and no other.")
            .roles(&["committer, twice", "committer"])
            .must_reach(&["waits", "led-by-the-waiter", "served"])
            .body(|| waiting_committer(commit_by_turn, |world| world.transactions.waiting_to_commit())),
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
            .must_reach(&[
                "joined-before",
                "joined-while-it-persists",
                "told-at-joining",
                "told-at-committing",
            ])
            .body(failing_commit),
        Model::new("transaction/failed-refs")
            .theorem(
                "C4, C5: a commit whose refs do not fit never opens the gate; who waits to join is told.",
            )
            .roles(&["committer", "joiner"])
            .must_reach(&["joined-before", "told-at-joining"])
            .body(failing_refs),
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
        Twin::new("transaction/joiners-race")
            .of("transaction/waiting-joiner")
            .left_out("being let in by the commit that opens")
            .roles(&["holder of a handle", "committer, twice", "joiner"])
            .expect(NOT_OVERTAKEN)
            // It learns of the opening, and then joins as every other thread.
            .body(|| {
                waiting_joiner(|transactions| {
                    transactions.join()?.end();
                    transactions.join()
                });
            }),
        Twin::new("transaction/committers-race")
            .of("transaction/waiting-committer")
            .left_out("being served by the next commit")
            .roles(&["committer, twice", "committer"])
            .expect(NOT_OVERTAKEN)
            // As with a lock that each thread takes when it can.
            .body(|| waiting_committer(commit_by_lock, |world| world.lock.lock().1)),
    ]
}

const NOT_OVERTAKEN: &str = "C7: a thread that waits is overtaken by at most one commit";

struct World {
    transactions: Transactions,
    /// What each joiner queued, and in which transaction it landed.
    landed: [Note<Option<TransactionId>>; 3],
    /// The root that each committer got.
    committed: [Note<Option<TransactionId>>; 3],
    /// A lock of commits, for a twin: whether it is taken, and how many threads wait for it.
    lock: Monitor<(bool, usize)>,
}

impl World {
    fn new() -> Arc<Self> {
        begin(&[], &[]);
        Arc::new(Self {
            transactions: Transactions::new(Shards::new(3)),
            landed: Default::default(),
            committed: Default::default(),
            lock: Monitor::new((false, 0)),
        })
    }

    fn join_and_end(&self, number: usize) {
        let mut handle = self.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(block(number)));
        self.landed[number].set(Some(handle.end()));
    }

    fn commit(&self) {
        let root = self.transactions.commit().expect("nothing fails");
        self.check_root(&root);
        let now = self.transactions.commit_root().transaction();
        check(now >= root.transaction(), "T2: commit roots never go back", || format!("{now}"));
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

/// A world in which the first commit starts two more roles, in a step of its own: they ask while it is at work,
/// or later.
struct Shared {
    transactions: Transactions<StartsRoles>,
    committed: [Note<Option<TransactionId>>; 2],
}

#[derive(Default)]
struct StartsRoles(Note<Option<Arc<Shared>>>);

impl CommitSteps for StartsRoles {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(world) = self.0.get() {
            self.0.set(None);
            for number in 0..2 {
                role(&world, move |world| world.write_and_commit(number), Shared::end);
            }
        }
        Ok(())
    }
}

impl Shared {
    fn write_and_commit(&self, number: usize) {
        let mut handle = self.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(block(number)));
        drop(handle);
        let root = self.transactions.commit().expect("nothing fails");
        check(root.get(block(number).start()).is_some(), SERVED, || {
            format!("{} is not in the root of {}", block(number), root.transaction())
        });
        self.committed[number].set(Some(root.transaction()));
    }

    fn end(self) {
        let [one, other] = self.committed.each_ref().map(Note::get);
        reached(if one == other { "shared" } else { "one-each" });
        let last = self.transactions.commit_root().transaction();
        check(one.max(other) == Some(last), "C6: no commit is in vain", || format!("{one:?}, {other:?}"));
    }
}

const SERVED: &str = "C6: a commit serves only threads that asked before it closed";

fn three_committers() {
    begin(&[], &[]);
    let transactions = Transactions::with_steps(Shards::new(1), StartsRoles::default());
    let world = Arc::new(Shared { transactions, committed: Default::default() });
    world.transactions.steps().0.set(Some(Arc::clone(&world)));
    let _ = world.transactions.commit().expect("nothing fails");
    last(world, Shared::end);
}

/// The first commit cannot take the refs before the holder's handle has ended. Who waits to join by then has
/// to join the second transaction, however many commits come.
fn waiting_joiner(join: fn(&Transactions) -> Result<TransactionHandle<'_>, CommitError>) {
    let world = World::new();
    let handle = world.transactions.join().expect("runs");
    let commit = |world: &World| {
        for _ in 0..2 {
            let _ = world.transactions.commit().expect("nothing fails");
        }
    };
    let join = move |world: &World| {
        let handle = join(&world.transactions).expect("no commit fails");
        world.landed[0].set(Some(handle.end()));
    };
    let end = |world: World| {
        let (landed, waits) = (world.landed[0].get(), world.committed[0].get().is_some());
        reached(if waits { "waits" } else { "joined-at-once" });
        check(!waits || landed <= Some(TransactionId(2)), NOT_OVERTAKEN, || format!("{landed:?}"));
    };
    role(&world, commit, end);
    role(&world, join, end);
    if world.transactions.waiting_to_join() == 1 {
        world.committed[0].set(Some(TransactionId(1)));
    }
    handle.end();
    last(world, end);
}

/// Who waits when a commit is complete is served by the next one, whoever leads it.
fn waiting_committer(commit: fn(&World) -> CommitRoot, waiting: fn(&World) -> usize) {
    let world = World::new();
    let commit_once = move |world: &World| world.committed[0].set(Some(commit(world).transaction()));
    // The other thread's commit, where it waits.
    let end = |world: World| {
        let [by, expected, _] = world.committed.each_ref().map(Note::get);
        if expected.is_some() {
            reached("waits");
            check(by == expected, NOT_OVERTAKEN, || format!("{expected:?} was next, and {by:?} served it"));
        }
        reached(if by == world.committed[2].get() { "served" } else { "led-by-the-waiter" });
    };
    role(&world, commit_once, end);
    let first = commit(&world).transaction();
    if waiting(&world) == 1 {
        world.committed[1].set(Some(TransactionId(first.0 + 1)));
    }
    world.committed[2].set(Some(commit(&world).transaction()));
    last(world, end);
}

fn commit_by_turn(world: &World) -> CommitRoot {
    world.transactions.commit().expect("nothing fails")
}

fn commit_by_lock(world: &World) -> CommitRoot {
    world.lock.lock().1 += 1;
    world.lock.wait_until(|lock| (!lock.0).then(|| *lock = (true, lock.1 - 1)));
    let root = commit_by_turn(world);
    let mut lock = world.lock.lock();
    lock.0 = false;
    lock.notify_all();
    root
}

/// The first commit, whoever leads it, fails as this says.
struct FirstFails {
    transactions: Transactions<Fails>,
}

struct Fails(fn() -> Result<(), Box<dyn Error + Send + Sync>>);

impl CommitSteps for Fails {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.0)()
    }
}

impl FirstFails {
    fn new(how: fn() -> Result<(), Box<dyn Error + Send + Sync>>) -> Arc<Self> {
        // D1: where a ref does not fit, the commit fails.
        begin(&[], &["D1"]);
        Arc::new(Self { transactions: Transactions::with_steps(Shards::new(3), Fails(how)) })
    }

    fn try_join(&self) {
        match self.transactions.join().map(TransactionHandle::end) {
            Ok(TransactionId(1)) => reached("joined-before"),
            Ok(_) => reached("joined-while-it-persists"),
            Err(_) => reached("told-at-joining"),
        }
    }

    fn check_aborted(&self) {
        check(self.transactions.join().is_err(), "C5: an abort is permanent", String::new);
        check(self.transactions.commit().is_err(), "C5: an abort is permanent", String::new);
        let root = self.transactions.commit_root().transaction();
        check(root == TransactionId(0), "C4: what failed is never switched to", || format!("{root}"));
    }
}

fn failing_commit() {
    let world = FirstFails::new(|| Err("the device is full".into()));
    role(&world, FirstFails::try_join, drop);
    let commit = |world: &FirstFails| {
        check(world.transactions.commit().is_err(), "C5: everyone is told", String::new);
        reached("told-at-committing");
    };
    role(&world, commit, drop);
    check(world.transactions.commit().is_err(), "a commit that fails says so", String::new);
    world.check_aborted();
    last(world, drop);
}

fn failing_refs() {
    let world = FirstFails::new(|| Ok(()));
    let mut handle = world.transactions.join().expect("runs");
    handle.push(DelayedRef::drop(block(0)));
    drop(handle);
    let join = |world: &FirstFails| match world.transactions.join().map(TransactionHandle::end) {
        Ok(transaction) => {
            check(transaction == TransactionId(1), "C4: the gate opens after the refs fit, or never", || {
                format!("joined {transaction}")
            });
            reached("joined-before");
        }
        Err(_) => reached("told-at-joining"),
    };
    role(&world, join, drop);
    check(world.transactions.commit().is_err(), "a commit that fails says so", String::new);
    world.check_aborted();
    last(world, drop);
}

fn unwinding_commit() {
    let world = FirstFails::new(|| loom_harness::unwind_now());
    role(&world, FirstFails::try_join, drop);
    loom_harness::expect_unwind(|| world.transactions.commit().map(drop));
    world.check_aborted();
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
