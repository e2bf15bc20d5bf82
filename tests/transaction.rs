#![cfg(not(any(loom, traceset)))]
//! `Transactions` on std threads: C1 to C8 and T1 to T4 under contention, failures, panics, leaks.

mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc;

use blockgate::extent_tree::{Changes, RefError};
use blockgate::sync::Mutex;
use blockgate::transaction::CommitSteps;
use blockgate::{CommitRoot, DelayedRef, Gate, LogicalRange, Shards, TransactionId, Transactions};
use support::{Counter, panics, range, told, within_a_minute};

fn extent(number: u64) -> LogicalRange {
    range(number * 8, 8)
}

fn insert<S>(transactions: &Transactions<S>, number: u64) -> TransactionId {
    let mut handle = transactions.join().expect("runs");
    handle.push(DelayedRef::add(extent(number)));
    handle.end()
}

fn numbers(root: &CommitRoot) -> Vec<u64> {
    root.extents_in(range(0, u64::MAX)).map(|extent| extent.start() / 8).collect()
}

/// Pairs of extents (`2n`, `2n + 1`), of which a root has one and not the other.
fn torn_pairs(root: &CommitRoot) -> usize {
    let mut halves = BTreeMap::<u64, u64>::new();
    for number in numbers(root) {
        *halves.entry(number / 2).or_default() += 1;
    }
    halves.values().filter(|count| **count == 1).count()
}

fn insert_pair(transactions: &Transactions, pair: u64) -> TransactionId {
    let mut handle = transactions.join().expect("runs");
    handle.push(DelayedRef::add(extent(2 * pair)));
    std::hint::spin_loop();
    handle.push(DelayedRef::add(extent(2 * pair + 1)));
    handle.end()
}

/// What the tasks of the stress test tell each other.
#[derive(Default)]
struct Stage {
    transactions: Transactions,
    roots: Mutex<Vec<CommitRoot>>,
    told: Mutex<Vec<(u64, TransactionId)>>,
    writers_over: Counter,
}

const WRITERS: u64 = 2;
const PAIRS: usize = 2_000;

impl Stage {
    fn write(&self, writer: u64) {
        let _end = self.writers_over.next_at_end();
        let mut told = Vec::new();
        // Until commits have run at the same time.
        while told.len() < PAIRS || self.roots.lock().len() < 4 {
            let pair = WRITERS * told.len() as u64 + writer;
            told.push((pair, insert_pair(&self.transactions, pair)));
        }
        self.told.lock().extend(told);
    }

    fn commit(&self) {
        let mut last = TransactionId(0);
        while self.writers_over.get() < WRITERS {
            let root = self.transactions.commit().expect("commits");
            assert!(root.transaction() > last, "T2: each commit has a number of its own");
            last = root.transaction();
            if last.0.is_multiple_of(4) {
                self.roots.lock().push(root);
            }
        }
    }

    fn read(&self) {
        let mut last = self.transactions.commit_root();
        while self.writers_over.get() < WRITERS {
            let root = self.transactions.commit_root();
            assert!(root.transaction() >= last.transaction(), "T2: the commit root went back");
            assert!(root.len() >= last.len(), "T2");
            last = root;
        }
    }
}

#[test]
fn a_transaction_is_in_a_commit_root_wholly_or_not_at_all() {
    let mut stage = within_a_minute("writers, committers and a reader", || {
        let stage = Stage::default();
        std::thread::scope(|scope| {
            let stage = &stage;
            (0..WRITERS).for_each(|writer| drop(scope.spawn(move || stage.write(writer))));
            (0..2).for_each(|_| drop(scope.spawn(|| stage.commit())));
            scope.spawn(|| stage.read());
        });
        stage
    });
    let last = stage.transactions.commit().expect("commits");
    let (told, mut roots) = (stage.told.into_inner_by_lock(), stage.roots.into_inner_by_lock());
    roots.sort_by_key(CommitRoot::transaction);
    roots.push(last);
    for root in &roots[roots.len().saturating_sub(20)..] {
        assert_eq!(torn_pairs(root), 0, "C3, T1");
        let wrong = told.iter().filter(|(pair, transaction)| {
            let has = root.get(extent(2 * pair).start()).is_some();
            has != (*transaction <= root.transaction())
        });
        assert_eq!(wrong.count(), 0, "the end of a handle told another transaction");
    }
    assert_eq!(roots.last().map(CommitRoot::len), Some(told.len() * 2));
    assert_eq!(stage.transactions.leaked(), 0);
    assert!(stage.transactions.pending().1.is_empty());
}

/// `Mutex` of the facade has no `into_inner`.
trait IntoInner<T> {
    fn into_inner_by_lock(self) -> T;
}

impl<T: Default> IntoInner<T> for Mutex<T> {
    fn into_inner_by_lock(self) -> T {
        std::mem::take(&mut self.lock())
    }
}

#[test]
fn twin_of_two_handles_one_may_be_committed() {
    let transactions = Transactions::default();
    insert(&transactions, 0);
    let root = transactions.commit().expect("commits");
    insert(&transactions, 1);
    assert_eq!(torn_pairs(&root), 1, "the check above would have seen it");
}

#[test]
fn commits_at_once_all_have_what_ended_before() {
    within_a_minute("committers", || {
        let transactions = Transactions::default();
        for round in 0..500 {
            std::thread::scope(|scope| {
                for task in 0..4 {
                    let transactions = &transactions;
                    scope.spawn(move || {
                        let number = round * 4 + task;
                        let transaction = insert(transactions, number);
                        let root = transactions.commit().expect("commits");
                        assert!(root.transaction() >= transaction);
                        assert!(root.get(extent(number).start()).is_some(), "C2, C3");
                    });
                }
            });
        }
        assert_eq!(transactions.commit_root().len(), 2000);
        let TransactionId(commits) = transactions.commit_root().transaction();
        assert!((500..=2000).contains(&commits), "C1: at most one for each call, and one for each round");
    });
}

#[test]
fn who_joins_while_a_commit_persists_does_not_wait_and_lands_in_the_next() {
    within_a_minute("a joiner beside a commit", || {
        let (start, may_join) = mpsc::channel();
        let (joined, has_joined) = mpsc::channel();
        let channels = Mutex::new((start, has_joined));
        let transactions = with_step(move |root| {
            // Of the first commit: it does not go on before the joiner has joined, pushed and ended.
            if numbers(root) == [0] {
                let (start, has_joined) = &*channels.lock();
                start.send(()).expect("the joiner lives");
                assert_eq!(has_joined.recv(), Ok(TransactionId(2)), "C4");
            }
            Ok(())
        });
        assert_eq!(insert(&transactions, 0), TransactionId(1));
        std::thread::scope(|scope| {
            let transactions = &transactions;
            scope.spawn(move || {
                may_join.recv().expect("the commit has begun");
                joined.send(insert(transactions, 1)).expect("the commit waits for it");
            });
            assert_eq!(numbers(&transactions.commit().expect("commits")), [0], "C3");
        });
        assert_eq!(numbers(&transactions.commit_root()), [0]);
        assert_eq!(numbers(&transactions.commit().expect("commits")), [0, 1]);
    });
}

/// By hand: a commit whose gate is closed until all is durable.
#[test]
fn twin_a_joiner_waits_for_a_step_under_a_closed_gate() {
    let gate = Gate::default();
    let (joined, has_joined) = mpsc::channel();
    std::thread::scope(|scope| {
        let closed = gate.close();
        closed.wait_empty();
        scope.spawn(|| {
            let _inside = gate.wait_enter().expect("it is opened, not sealed");
            joined.send(()).expect("received below");
        });
        // Here the commit flushes.
        assert!(gate.enter().is_err() && has_joined.try_recv().is_err());
        drop(closed);
        has_joined.recv().expect("it joins afterwards");
    });
}

#[test]
fn a_commit_waits_for_the_handles_of_its_transaction() {
    within_a_minute("a commit", || {
        let transactions = Transactions::default();
        let mut handle = transactions.join().expect("runs");
        let (done, is_done) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| done.send(numbers(&transactions.commit().expect("commits"))));
            (0..1000).for_each(|_| std::thread::yield_now());
            assert!(is_done.try_recv().is_err(), "committed under a handle");
            handle.push(DelayedRef::add(extent(5)));
            // A handle may end on another thread.
            scope.spawn(|| drop(handle));
        });
        assert_eq!(is_done.recv(), Ok(vec![5]), "C2");
    });
}

type Step = Box<dyn Fn(&CommitRoot) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync>;

/// A commit's step of a test's own.
struct Steps(Step);

impl CommitSteps for Steps {
    fn before_switch(&self, root: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.0)(root)
    }
}

fn with_step(
    step: impl Fn(&CommitRoot) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
) -> Transactions<Steps> {
    Transactions::with_steps(Shards::default(), Steps(Box::new(step)))
}

/// Transactions whose commits fail as soon as they are told to.
#[derive(Default)]
struct Failing(Mutex<Option<Failure>>);

impl CommitSteps for Failing {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        let how = *self.0.lock();
        match how {
            Some(Failure::Persist) => Err("disk full".into()),
            Some(Failure::Panic) => panic!("in a step"),
            _ => Ok(()),
        }
    }
}

fn may_fail() -> Transactions<Failing> {
    Transactions::with_steps(Shards::default(), Failing::default())
}

/// Makes the next commit fail, whichever thread leads it.
fn fail(transactions: &Transactions<Failing>, how: Failure) -> String {
    *transactions.steps().0.lock() = Some(how);
    if how == Failure::Refs {
        transactions.join().expect("runs").push(DelayedRef::drop(extent(99)));
    }
    commit_until_refused(transactions)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Failure {
    Refs,
    Persist,
    Panic,
}

#[test]
fn every_later_join_and_commit_reports_the_failed_one() {
    for how in [Failure::Refs, Failure::Persist, Failure::Panic] {
        within_a_minute("a task that waits for a failing commit", move || {
            let mut transactions = may_fail();
            insert(&transactions, 0);
            let _ = transactions.commit().expect("commits");
            let held = transactions.join().expect("runs");
            let texts: Vec<_> = std::thread::scope(|scope| {
                let failing = scope.spawn(|| fail(&transactions, how));
                let joiners: Vec<_> =
                    (0..3).map(|_| scope.spawn(|| join_until_refused(&transactions))).collect();
                let committers: Vec<_> =
                    (0..3).map(|_| scope.spawn(|| commit_until_refused(&transactions))).collect();
                held.end();
                let all = [failing].into_iter().chain(joiners).chain(committers);
                all.map(|task| task.join().expect("no panic")).collect()
            });
            assert!(texts.windows(2).all(|two| two[0] == two[1]), "C5: {texts:?}");
            assert_eq!(numbers(&transactions.commit_root()), [0], "the last commit root stands");
            assert_eq!(told(&transactions.join().unwrap_err()), texts[0], "no transaction runs any more");
            assert_eq!(transactions.leaked(), 0);
        });
    }
}

fn join_until_refused(transactions: &Transactions<Failing>) -> String {
    loop {
        match transactions.join() {
            Ok(handle) => drop(handle),
            Err(error) => return told(&error),
        }
    }
}

fn commit_until_refused(transactions: &Transactions<Failing>) -> String {
    loop {
        let mut outcome = Ok(());
        // The commit that panics is told to this thread by the next call.
        panics(|| outcome = transactions.commit().map(drop));
        if let Err(error) = outcome {
            return told(&error);
        }
    }
}

#[test]
fn an_error_says_what_happened_and_has_its_cause() {
    let transactions = may_fail();
    let text = fail(&transactions, Failure::Refs);
    assert!(text.contains("the last commit root stands") && text.contains("dropped once"), "{text}");
    let error = transactions.join().unwrap_err();
    assert!(matches!(error.ref_error(), Some(RefError::Unbalanced { change: -1, .. })));
    assert!(std::error::Error::source(&error).is_some());

    let transactions = may_fail();
    fail(&transactions, Failure::Persist);
    let error = transactions.join().unwrap_err();
    assert_eq!(error.ref_error(), None);
    assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("disk full"));
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let mut transactions = Transactions::default();
    let mut handle = transactions.join().expect("runs");
    (0..100).for_each(|number| handle.push(DelayedRef::add(extent(number))));
    handle.push(DelayedRef::add(range(4, 8)));
    handle.end();
    let error = transactions.commit().unwrap_err();
    assert!(matches!(error.ref_error(), Some(RefError::Overlaps { .. })), "{error}");
    assert!(transactions.commit_root().is_empty(), "T4");
    assert_eq!(transactions.pending().0.transaction(), TransactionId(0));
}

#[test]
fn a_snapshot_does_not_change_while_commits_go_on() {
    let transactions = Transactions::default();
    let mut kept = Vec::new();
    for number in 0..200 {
        insert(&transactions, number);
        kept.push(transactions.commit().expect("commits"));
    }
    let mut handle = transactions.join().expect("runs");
    (0..200).for_each(|number| handle.push(DelayedRef::drop(extent(number))));
    handle.end();
    assert!(transactions.commit().expect("commits").is_empty());
    for (number, root) in (0..).zip(&kept) {
        assert_eq!(numbers(root), (0..=number).collect::<Vec<_>>(), "T1");
    }
}

/// How many extents came and went between two commits.
#[derive(Default)]
struct CountsCancelled(Counter);

impl CommitSteps for CountsCancelled {
    fn before_switch(&self, _: &CommitRoot, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.add(changes.cancelled.len() as u64);
        Ok(())
    }
}

#[test]
fn references_are_counted_as_a_map_would() {
    let mut transactions = Transactions::with_steps(Shards::default(), CountsCancelled::default());
    let (mut model, mut random) = (BTreeMap::<u64, u64>::new(), fastrand::Rng::with_seed(11));
    for _ in 0..200 {
        let mut handle = transactions.join().expect("runs");
        for _ in 0..random.usize(..40) {
            let number = random.u64(..30);
            let references = model.entry(number).or_default();
            if *references > 0 && random.bool() {
                *references -= 1;
                handle.push(DelayedRef::drop(extent(number)));
            } else {
                *references += 1;
                handle.push(DelayedRef::add(extent(number)));
            }
        }
        handle.end();
        let root = transactions.commit().expect("commits");
        model.retain(|_, references| *references > 0);
        let in_tree = numbers(&root).into_iter().map(|number| {
            let item = root.get(extent(number).start()).expect("listed");
            (number, item.references)
        });
        assert!(in_tree.eq(model.clone()), "T3");
    }
    assert!(transactions.steps().0.get() > 0, "nothing ever came and went between two commits");
    assert_eq!(transactions.leaked(), 0);
}

#[test]
fn leaked_handles_are_counted() {
    let mut transactions = Transactions::default();
    std::mem::forget(transactions.join());
    std::mem::forget(transactions.join());
    assert_eq!(transactions.leaked(), 2);
}

#[test]
fn a_very_large_handle_is_one_transaction() {
    let transactions = Arc::new(Transactions::default());
    let mut handle = transactions.join().expect("runs");
    (0..5000).for_each(|number| handle.push(DelayedRef::add(extent(number))));
    assert!(transactions.commit_root().is_empty());
    assert_eq!(handle.end(), TransactionId(1));
    assert_eq!(transactions.commit().expect("commits").len(), 5000);
}

/// Two threads push in turn, so into two shards in turn; one that visits shard after shard would find the second ref of
/// a pair without the first. Whether commits meet them depends on the system, so there are many: until so many have
/// taken some refs and not all.
#[test]
fn what_is_pushed_without_a_handle_is_in_the_root_with_all_that_came_before() {
    within_a_minute("threads that push one after the other, and commits", || {
        const MEETINGS: u64 = 30_000;
        let transactions = Transactions::new(Shards::new(Shards::MAX));
        let (turn, is_over) = (Counter::default(), Counter::default());
        std::thread::scope(|scope| {
            let (transactions, turn, is_over) = (&transactions, &turn, &is_over);
            let push = move |index| {
                while is_over.get() == 0 {
                    let number = turn.get();
                    if number % 2 == index {
                        transactions.push(DelayedRef::add(extent(number))).expect("no commit fails");
                        turn.next();
                    } else {
                        std::thread::yield_now();
                    }
                }
            };
            (0..2).for_each(|index| drop(scope.spawn(move || push(index))));
            let _end = is_over.next_at_end();
            let (mut listed, mut meetings) = (0, 0);
            while meetings < MEETINGS {
                let root = transactions.commit().expect("commits");
                let end = root.len() as u64;
                // Only what is new: of so many extents, numbered from 0, those are the last.
                let new = root.extents_in(range(extent(listed).start(), 8 * (end - listed).max(1)));
                assert_eq!(new.count() as u64, end - listed, "D4: a root has a gap");
                meetings += u64::from(end > listed);
                listed = end;
            }
        });
    });
}

#[test]
fn after_an_abort_nothing_can_be_pushed() {
    let transactions = Transactions::default();
    transactions.push(DelayedRef::drop(extent(0))).expect("nobody looks");
    let failed = transactions.commit().expect_err("there is nothing to drop");
    let add = DelayedRef::add(extent(1));
    for refused in [transactions.push(add), transactions.push_all(&[add, add])] {
        assert_eq!(refused.expect_err("C5").to_string(), failed.to_string());
    }
}

/// What a handle queues has no seal: it has joined, and no call of its own can be refused.
#[test]
fn twin_what_a_handle_pushes_after_an_abort_is_lost() {
    let (closed, is_closed) = mpsc::channel();
    let (joined, has_joined) = mpsc::channel();
    let has_joined = Mutex::new(has_joined);
    let mut transactions = with_step(move |_| {
        closed.send(()).expect("the other thread listens");
        has_joined.lock().recv().expect("it joins");
        Err("disk full".into())
    });
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| transactions.commit().is_err());
        is_closed.recv().expect("the commit comes to its step");
        let mut handle = transactions.join().expect("it has opened");
        joined.send(()).expect("the commit listens");
        assert!(commit.join().expect("no panic"), "it fails");
        handle.push(DelayedRef::add(extent(0)));
    });
    let (root, refs) = transactions.pending();
    assert_eq!((root.len(), refs.len()), (0, 1), "it waits for a commit that will not come");
}
