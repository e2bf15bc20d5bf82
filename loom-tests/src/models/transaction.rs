//! Of `src/transaction.rs` and `src/extent_tree.rs`: a commit root is the state after one transaction, of
//! all its handles and of no later one. Argued in `docs/transaction.md`.

use std::error::Error;

use blockgate::extent_tree::Changes;
use blockgate::sync::Monitor;
use blockgate::transaction::CommitSteps;
use blockgate::{
    CommitError, CommitRoot, DelayedRef, LogicalRange, Shards, TransactionHandle, TransactionId, Transactions,
};
use loom_harness::{Model, Twin, expect_unwind, unwind_now};

use super::Plays;
use crate::engine::{Handed, Note, check, reached};
use crate::stage::{Curtain, Empty, Play, Raised, Stage, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("transaction/2-joiners+committer")
            .theorem("C2 to C4: a commit root has the refs of all handles of its transaction, and no others.")
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .plays(joiners_against_committers(2, 1)),
        Model::new("transaction/2-pushers+committer")
            .theorem("D4: what is pushed without a handle is in the root of its transaction, and pairs are in one.")
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .plays(pushers_against_committer()),
        Model::new("transaction/joiner+2-committers")
            .theorem("C1, T2: commits at once are done one after the other; commit roots never go back.")
            .must_reach(&["in-the-root", "lands-in-the-next"])
            .weight(3)
            .plays(joiners_against_committers(1, 2)),
        Model::new("transaction/3-committers")
            .theorem("C6: threads that ask while a commit is at work share the next; it has all that they ended.")
            .must_reach(&["shared", "one-each"])
            .weight(5)
            .plays(three_committers()),
        Model::new("transaction/waiting-joiner")
            .theorem("C7: a thread that waits to join is overtaken by the commit that it waits for, and no other.")
            .must_reach(&["waits", "joins-at-once"])
            .weight(3)
            .plays(waiting_joiner(stage(&[]), Transactions::join)),
        Model::new("transaction/waiting-committer")
            .theorem("C7: a thread that waits to commit is overtaken by the commit at work, and no other.")
            .must_reach(&["waits", "leads", "is-served"])
            .plays(waiting_committer(stage(&[]), by_turn, |world| world.transactions.waiting_to_commit())),
        Model::new("transaction/reader")
            .theorem(
                "T1: a reader has one transaction's root, all of it, and none that is older than one it has read.",
            )
            .must_reach(&["old-root", "new-root"])
            .plays(reader()),
        Model::new("transaction/failed-commit")
            .theorem("C5: once a commit failed, everyone that waits and everyone that comes learns of it.")
            .must_reach(&["joined-before", "joined-while-it-persists", "refused-at-joining"])
            .weight(3)
            .plays(failing_commit()),
        Model::new("transaction/failed-push")
            .theorem("C5: once a commit failed, what is pushed without a handle is refused.")
            .must_reach(&["pushed-before", "pushed-while-it-persists", "refused"])
            .plays(failing_push()),
        Model::new("transaction/failed-refs")
            .theorem("C4, C5: a commit whose refs do not fit never opens; a thread that waits to join learns of it.")
            .must_reach(&["joined-before", "refused-at-joining"])
            .plays(failing_refs()),
        Model::new("transaction/failed-commit+waiter")
            .theorem("C5: a thread that waits for something of the embedder's is woken when a commit fails.")
            .must_reach(&["learns-at-once", "is-woken"])
            .plays(waiting_for_something_else(stage(&[]), Wakes::Yes)),
        Model::new("transaction/unwinding-commit")
            .theorem("C5: a commit that unwinds has failed.")
            .must_reach(&["joined-before", "joined-while-it-persists", "refused-at-joining"])
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
        Twin::new("transaction/abort-wakes-nobody")
            .of("transaction/failed-commit+waiter")
            .left_out("the wake-up of threads that wait for something of the embedder's")
            .expect("deadlock")
            .plays(waiting_for_something_else(unjudged(), Wakes::No)),
        Twin::new("transaction/joiners-race")
            .of("transaction/waiting-joiner")
            .left_out("being let in by the commit that opens")
            .expect(NOT_OVERTAKEN)
            // It learns of the opening, and then joins like every other thread.
            .plays(waiting_joiner(unjudged(), |transactions| {
                transactions.join()?.end();
                transactions.join()
            })),
        Twin::new("transaction/committers-race")
            .of("transaction/waiting-committer")
            .left_out("being served by the next commit")
            .expect(NOT_OVERTAKEN)
            // As with a lock that each thread takes when it can.
            .plays(waiting_committer(unjudged(), by_lock, |world| world.lock.lock().1)),
    ]
}

const NOT_OVERTAKEN: &str = "C7: a thread that waits is overtaken by at most one commit";

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

    /// Two refs that belong together, of the extents `2 * number` and the next.
    fn push_two(&self, number: usize) {
        let refs = [2 * number, 2 * number + 1].map(|number| DelayedRef::add(block(number)));
        self.landed[number].set(self.transactions.push_all(&refs).expect("no commit fails"));
    }

    fn commit(&self, number: usize) {
        let root = self.transactions.commit().expect("nothing fails");
        let now = self.transactions.commit_root().transaction();
        check(now >= root.transaction(), "T2: commit roots never go back", || format!("{now}"));
        self.roots[number].set(root);
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

fn pushers_against_committer() -> Play {
    let end = |mut world: Joined| {
        let (root, pending) = world.transactions.pending();
        for (number, landed) in world.landed.each_mut().map(Note::take).into_iter().enumerate() {
            let there = [0, 1].map(|half| root.get(block(2 * number + half).start()).is_some());
            let should = landed.is_some_and(|landed| landed <= root.transaction());
            reached(if should { "in-the-root" } else { "lands-in-the-next" });
            check(there == [should; 2], "D4: a root has all of a transaction's refs", || {
                format!("part of {landed:?}; in the root of {}: {there:?}", root.transaction())
            });
        }
        let all = root.with(&pending.fold()).expect("the refs fit");
        check(all.len() == 4, "D1: each delayed ref is applied exactly once", || format!("{all:?}"));
    };
    // C2: nobody has written to these extents.
    let cast =
        stage(&[]).waiving(&["C2"]).world(|| Joined::new(3)).main("committer", |world| world.commit(0));
    cast.role("pusher", |world| world.push_two(0)).role("pusher", |world| world.push_two(1)).end(end)
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

/// The first commit starts the other roles, in a step of its own: they ask while it is at work, or later.
struct Shared {
    transactions: Transactions<StartsRoles>,
    /// By role: the transaction whose root it got.
    committed: [Note<TransactionId>; 2],
}

/// The main thread's: it leads the first commit.
#[derive(Default)]
struct StartsRoles {
    curtain: Handed<Curtain<Shared>>,
    raised: Handed<Raised>,
}

impl CommitSteps for StartsRoles {
    fn before_switch(&self, root: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        if root.transaction() == TransactionId(1) {
            self.raised.put(self.curtain.take().raise());
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
        self.committed[number].set(root.transaction());
    }

    fn end(mut self) {
        let [one, other] = self.committed.each_mut().map(Note::take);
        reached(if one == other { "shared" } else { "one-each" });
        let last = self.transactions.commit_root().transaction();
        check(one.max(other) == Some(last), "C6: no commit is in vain", || format!("{one:?}, {other:?}"));
    }
}

const SERVED: &str = "C6: a commit serves only threads that asked before it closed";

fn three_committers() -> Play {
    let world = || Shared {
        transactions: Transactions::with_steps(Shards::new(1), StartsRoles::default()),
        committed: Default::default(),
    };
    let commit = |world: &Shared, curtain: Curtain<Shared>| {
        world.transactions.steps().curtain.put(curtain);
        let _ = world.transactions.commit().expect("nothing fails");
        world.transactions.steps().raised.take()
    };
    let cast = stage(&[]).world(world).main_around("committer", commit);
    cast.role("writer, then committer", |world| world.write_and_commit(0))
        .role("writer, then committer", |world| world.write_and_commit(1))
        .end(Shared::end)
}

/// The first commit cannot take the refs before the holder's handle has ended. A thread that waits to join by
/// then is to join the second transaction, however many commits come.
fn waiting_joiner(
    stage: Stage,
    join: fn(&Transactions) -> Result<TransactionHandle<'_>, CommitError>,
) -> Play {
    let hold = |world: &Overtaken, curtain: Curtain<Overtaken>| {
        let handle = world.transactions.join().expect("runs");
        let raised = curtain.raise();
        if world.transactions.waiting_to_join() == 1 {
            world.expected.set(TransactionId(2));
        }
        handle.end();
        raised
    };
    let commit_twice = |world: &Overtaken| {
        for _ in 0..2 {
            let _ = world.transactions.commit().expect("nothing fails");
        }
    };
    let join = move |world: &Overtaken| {
        let handle = join(&world.transactions).expect("no commit fails");
        world.reached.set(handle.end());
    };
    let end = |mut world: Overtaken| {
        reached(if world.check() { "waits" } else { "joins-at-once" });
    };
    let cast = stage.world(Overtaken::new).main_around("holder of a handle", hold);
    cast.role("committer, twice", commit_twice).role("joiner", join).end(end)
}

/// What a thread that waits is to get, and what it got.
struct Overtaken {
    transactions: Transactions,
    /// Set if it was seen waiting.
    expected: Note<TransactionId>,
    reached: Note<TransactionId>,
    /// The last commit of the other thread.
    last: Note<TransactionId>,
    /// For a twin, a lock of commits: whether it is taken, and how many threads wait for it.
    lock: Monitor<(bool, usize)>,
}

impl Overtaken {
    fn new() -> Self {
        Self {
            transactions: Transactions::new(Shards::new(3)),
            expected: Note::default(),
            reached: Note::default(),
            last: Note::default(),
            lock: Monitor::new((false, 0)),
        }
    }

    /// Whether it was seen waiting.
    fn check(&mut self) -> bool {
        let (expected, reached) = (self.expected.take(), self.reached.take());
        let is_late = expected.is_some() && reached > expected;
        check(!is_late, NOT_OVERTAKEN, || format!("expected {expected:?}, reached {reached:?}"));
        expected.is_some()
    }
}

/// A thread that waits when a commit is complete is served by the next one, whichever thread leads it.
fn waiting_committer(
    stage: Stage,
    commit: fn(&Overtaken) -> TransactionId,
    waiting: fn(&Overtaken) -> usize,
) -> Play {
    let commit_twice = move |world: &Overtaken| {
        let first = commit(world);
        if waiting(world) == 1 {
            world.expected.set(TransactionId(first.0 + 1));
        }
        world.last.set(commit(world));
    };
    let end = |mut world: Overtaken| {
        let last = world.last.take();
        let is_last = world.transactions.commit_root().transaction();
        reached(if last == Some(is_last) { "is-served" } else { "leads" });
        if world.check() {
            reached("waits");
        }
    };
    let cast = stage.world(Overtaken::new).main("committer, twice", commit_twice);
    cast.role("committer", move |world| world.reached.set(commit(world))).end(end)
}

fn by_turn(world: &Overtaken) -> TransactionId {
    world.transactions.commit().expect("nothing fails").transaction()
}

fn by_lock(world: &Overtaken) -> TransactionId {
    world.lock.lock().1 += 1;
    world.lock.wait_until(|lock| (!lock.0).then(|| *lock = (true, lock.1 - 1)));
    let transaction = by_turn(world);
    let mut lock = world.lock.lock();
    lock.0 = false;
    lock.notify_all();
    transaction
}

/// The first commit fails, whichever thread leads it.
struct Failing {
    transactions: Transactions<Fails>,
}

struct Fails(fn() -> Result<(), Box<dyn Error + Send + Sync>>);

impl CommitSteps for Fails {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.0)()
    }
}

impl Failing {
    fn stage(how: fn() -> Result<(), Box<dyn Error + Send + Sync>>) -> Empty<Self> {
        // C2: nobody has written to what is pushed.
        stage(&[])
            .waiving(&["C2"])
            .world(move || Self { transactions: Transactions::with_steps(Shards::new(3), Fails(how)) })
    }

    fn try_join(&self) {
        match self.transactions.join().map(TransactionHandle::end) {
            Ok(TransactionId(1)) => reached("joined-before"),
            Ok(_) => reached("joined-while-it-persists"),
            Err(_) => reached("refused-at-joining"),
        }
    }

    fn try_push(&self) {
        match self.transactions.push(DelayedRef::add(block(1))) {
            Ok(TransactionId(1)) => reached("pushed-before"),
            Ok(_) => reached("pushed-while-it-persists"),
            Err(_) => reached("refused"),
        }
    }

    fn fail(&self) {
        check(self.transactions.commit().is_err(), "a commit that fails says so", String::new);
        self.check_aborted();
    }

    fn check_aborted(&self) {
        check(self.transactions.join().is_err(), ABORTED, String::new);
        check(self.transactions.push(DelayedRef::add(block(2))).is_err(), ABORTED, String::new);
        check(self.transactions.commit().is_err(), ABORTED, String::new);
        let root = self.transactions.commit_root().transaction();
        check(root == TransactionId(0), "C4: what failed is never switched to", || format!("{root}"));
    }
}

const ABORTED: &str = "C5: an abort is final";

fn failing_commit() -> Play {
    let commit = |world: &Failing| {
        check(world.transactions.commit().is_err(), "C5: every commit learns of it", String::new);
    };
    let cast = Failing::stage(|| Err("the device is full".into())).main("committer", Failing::fail);
    cast.role("joiner", Failing::try_join).role("committer", commit).end(drop)
}

fn failing_push() -> Play {
    let cast = Failing::stage(|| Err("the device is full".into())).main("committer", Failing::fail);
    cast.role("pusher", Failing::try_push).end(drop)
}

fn failing_refs() -> Play {
    let with_a_ref_too_many = || {
        let world = Failing { transactions: Transactions::with_steps(Shards::new(3), Fails(|| Ok(()))) };
        let mut handle = world.transactions.join().expect("runs");
        handle.push(DelayedRef::drop(block(0)));
        drop(handle);
        world
    };
    let join = |world: &Failing| match world.transactions.join().map(TransactionHandle::end) {
        Ok(transaction) => {
            check(transaction == TransactionId(1), "C4: it opens after the refs fit, or never", || {
                format!("joined {transaction}")
            });
            reached("joined-before");
        }
        Err(_) => reached("refused-at-joining"),
    };
    // D1: what is dropped was not added, which is why it fails.
    let cast = stage(&[]).waiving(&["C2", "D1"]).world(with_a_ref_too_many).main("committer", Failing::fail);
    cast.role("joiner", join).end(drop)
}

/// How often threads that wait for something of the embedder's were woken; and whether a commit that fails wakes them.
struct Wakeable(Monitor<u64>, Wakes);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakes {
    Yes,
    No,
}

impl CommitSteps for Wakeable {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err("the device is full".into())
    }

    fn aborted(&self) {
        if self.1 == Wakes::Yes {
            let mut wakes = self.0.lock();
            *wakes += 1;
            wakes.notify_all();
        }
    }
}

fn waiting_for_something_else(stage: Stage, wakes: Wakes) -> Play {
    let world = move || Transactions::with_steps(Shards::new(1), Wakeable(Monitor::new(0), wakes));
    let fail = |transactions: &Transactions<Wakeable>| {
        check(transactions.commit().is_err(), ABORTED, String::new);
    };
    // In that order: what is counted after the look ends the wait.
    let wait = |transactions: &Transactions<Wakeable>| {
        let Wakeable(wakes, _) = transactions.steps();
        let seen = *wakes.lock();
        if transactions.failure().is_some() {
            return reached("learns-at-once");
        }
        wakes.wait_until(|wakes| (*wakes != seen).then_some(()));
        check(transactions.failure().is_some(), "C5: the reason is there", String::new);
        reached("is-woken");
    };
    stage.world(world).main("committer", fail).role("waiter", wait).end(drop)
}

fn unwinding_commit() -> Play {
    let unwind = |world: &Failing| {
        expect_unwind(|| world.transactions.commit().map(drop));
        world.check_aborted();
    };
    Failing::stage(|| unwind_now()).main("committer", unwind).role("joiner", Failing::try_join).end(drop)
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
