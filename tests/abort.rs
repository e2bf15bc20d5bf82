#![cfg(not(any(loom, traceset)))]
//! After a commit has failed, every call that would change something says so, and so does every wait; reading goes on.

mod support;

use std::sync::Arc;

use blockgate::{
    BlockGroup, BlockGroupId, CommitError, DelayedRef, Frozen, LogicalRange, MemoryDevice, OrderedExtents,
    Overwrite, Policy, ReadOnly, ReplaceError, ReserveError, Shards, TransactionHandle, Transactions, Volume,
    WriteError,
};
use support::{Call, Counter, Hooked, UNIT, broken, panics, pattern, range, read, within_a_minute};

/// Groups of this length, two of them.
const GROUP: u64 = 8 * UNIT;

/// How a commit fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Persist,
    Flush,
    Panic,
}

const FAULTS: [Fault; 3] = [Fault::Persist, Fault::Flush, Fault::Panic];

/// A volume whose commits fail from a certain moment on.
struct Failing {
    volume: Volume,
    fails: Arc<Counter>,
    fault: Fault,
    /// Of one reference, and of two, both committed.
    own: LogicalRange,
    shared: LogicalRange,
}

impl Failing {
    fn new(fault: Fault) -> Self {
        let fails = Arc::new(Counter::default());
        let (in_flush, in_persist) = (Arc::clone(&fails), Arc::clone(&fails));
        let device = Hooked::new(2 * GROUP, move |call| match fault {
            Fault::Flush if call == Call::Flush && in_flush.get() > 0 => broken(),
            _ => Ok(()),
        });
        let persist = move |_: &_, _: &_| match fault {
            Fault::Persist if in_persist.get() > 0 => Err("the disk is full".into()),
            Fault::Panic if in_persist.get() > 0 => panic!("in the step"),
            _ => Ok(()),
        };
        let builder = Volume::builder(UNIT).shards(Shards::new(2)).persist(persist);
        let builder = builder.group(range(0, GROUP)).group(range(GROUP, GROUP));
        let volume = builder.build(device).expect("a good layout");
        let [own, shared] = [1, 2].map(|seed| volume.write(&pattern(seed, UNIT)).expect("space"));
        volume.add_reference(shared).expect("it exists");
        volume.commit().expect("not yet");
        Self { volume, fails, fault, own, shared }
    }

    /// Fails a commit. Returns what every later call is to say.
    fn abort(&self) -> String {
        self.fails.next();
        let commit = || self.volume.commit();
        match self.fault {
            Fault::Panic => assert!(panics(|| drop(commit()))),
            _ => assert!(commit().is_err()),
        }
        commit().expect_err("it has failed").to_string()
    }

    fn set_read_only(&self) -> Vec<ReadOnly<'_>> {
        self.volume.groups().iter().map(|group| group.block_group().set_read_only()).collect()
    }

    /// Every public call that would change something, by name, and what it says.
    fn calls(&self) -> Vec<(&'static str, String)> {
        let (volume, own, shared) = (&self.volume, self.own, self.shared);
        vec![
            ("write", of_write(volume.write(&[9]))),
            ("begin_cow", of_write(volume.begin_cow(UNIT).and_then(blockgate::CowWrite::finish))),
            ("wait_begin_cow", of_write(volume.wait_begin_cow(UNIT).and_then(blockgate::CowWrite::finish))),
            ("overwrite", of_write(volume.overwrite(own, &[9]))),
            ("overwrite, shared", of_write(volume.overwrite(shared, &[9]))),
            ("overwrite, nothing", of_write(volume.overwrite(own, &[]))),
            ("begin_nocow", of_write(volume.begin_nocow(own).map(blockgate::NocowWrite::finish))),
            ("begin_nocow, shared", of_write(volume.begin_nocow(shared).map(blockgate::NocowWrite::finish))),
            ("delete", of_write(volume.delete(own))),
            ("add_reference", of_write(volume.add_reference(own))),
            ("change_references", of_write(volume.change_references(&[DelayedRef::drop(shared)]))),
            ("change_references, none", of_write(volume.change_references(&[]))),
            ("commit", of_commit(volume.commit())),
            ("snapshot", of_commit(volume.snapshot())),
            ("freeze", of_commit(volume.freeze().wait_writers().wait_ordered().commit())),
            ("drain", of_commit(self.drain())),
            ("start_replace", of_replace(volume.start_replace(memory(), Policy::CloneAlways))),
        ]
    }

    fn drain(&self) -> Result<(), CommitError> {
        let group = &self.volume.groups()[0];
        let quiet = Frozen::freeze(group.block_group()).wait_writers();
        quiet.wait_ordered(group.ordered_extents()).commit(&self.volume).map(drop)
    }
}

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(2 * GROUP).expect("small")))
}

fn of_write<T>(outcome: Result<T, WriteError>) -> String {
    match outcome {
        Ok(_) => "succeeds".into(),
        Err(WriteError::Commit(error)) => error.to_string(),
        Err(other) => format!("another error: {other}"),
    }
}

fn of_commit<T>(outcome: Result<T, CommitError>) -> String {
    outcome.map_or_else(|error| error.to_string(), |_| "succeeds".into())
}

fn of_replace<T>(outcome: Result<T, ReplaceError>) -> String {
    match outcome {
        Ok(_) => "succeeds".into(),
        Err(ReplaceError::Commit(error)) => error.to_string(),
        Err(other) => format!("another error: {other}"),
    }
}

#[track_caller]
fn all_say(calls: &[(&'static str, String)], reason: &str) {
    let others: Vec<_> = calls.iter().filter(|(_, said)| said != reason).collect();
    assert!(others.is_empty(), "{reason}, but: {others:#?}");
}

/// Fills the volume. Nothing of it is committed.
fn fill(volume: &Volume) {
    while let Ok(extent) = volume.write(&[3]) {
        assert_eq!(extent.len(), UNIT);
    }
}

#[test]
fn every_call_says_that_a_commit_has_failed() {
    for fault in FAULTS {
        let failing = Failing::new(fault);
        let reason = failing.abort();
        assert!(reason.contains("open"), "it says what to do: {reason}");
        all_say(&failing.calls(), &reason);
    }
}

#[test]
fn every_call_says_so_where_no_space_is_left() {
    for fault in FAULTS {
        let failing = Failing::new(fault);
        fill(&failing.volume);
        let reason = failing.abort();
        all_say(&failing.calls(), &reason);
    }
}

#[test]
fn every_call_says_so_where_each_group_is_read_only() {
    within_a_minute("a call after a commit that failed", || {
        for fault in FAULTS {
            let failing = Failing::new(fault);
            let read_only = failing.set_read_only();
            let reason = failing.abort();
            all_say(&failing.calls(), &reason);
            drop(read_only);
        }
    });
}

#[test]
fn before_the_failure_no_call_says_so() {
    let failing = Failing::new(Fault::Persist);
    for (call, said) in failing.calls() {
        assert!(said == "succeeds" || said.starts_with("another error"), "{call}: {said}");
    }
}

/// The write paths of before, over the parts: they ask the group and the references, and not whether a commit has failed.
#[test]
fn twin_by_hand_an_in_place_write_goes_on_and_a_full_group_names_its_space() {
    let group = BlockGroup::new(BlockGroupId(0), range(0, UNIT), UNIT).expect("aligned");
    let (ordered, transactions) = (OrderedExtents::default(), Transactions::default());
    let extent = group.reserve(UNIT).expect("space").hand_over();
    transactions.push(DelayedRef::add(extent)).expect("runs");
    transactions.commit().expect("commits");
    transactions.push(DelayedRef::drop(range(UNIT, UNIT))).expect("runs"); // it never was
    assert!(transactions.commit().is_err());

    let admission = group.begin_nocow().expect("read-write");
    let write = ordered.add(extent);
    drop(admission);
    assert_eq!(transactions.is_exclusive(extent), Ok(true), "it would be written to");
    write.finish();
    assert!(matches!(group.reserve(UNIT), Err(ReserveError::NoSpace { .. })), "delete something, it says");
    assert!(transactions.failure().is_some(), "what a volume looks at");
}

#[test]
fn a_replace_at_work_says_so_and_can_be_given_up() {
    let failing = Failing::new(Fault::Persist);
    let mut replace = failing.volume.start_replace(memory(), Policy::CopyThenClone).expect("starts");
    replace.next_group().expect("copies");
    let reason = failing.abort();
    assert_eq!(of_replace(replace.next_group()), reason);
    assert_eq!(of_replace(replace.run()), reason);
    drop(replace.give_up());
}

/// What is committed can be read, and stays as it is.
#[test]
fn what_is_committed_stays_as_it_is() {
    for fault in FAULTS {
        let mut failing = Failing::new(fault);
        let in_flight = failing.volume.begin_cow(UNIT).expect("space");
        failing.abort();
        assert!(matches!(in_flight.finish(), Err(WriteError::Commit(_))));
        failing.calls();
        let root = failing.volume.commit_root();
        assert_eq!((root.transaction().0, root.len()), (1, 2));
        for (seed, extent) in [(1, failing.own), (2, failing.shared)] {
            assert_eq!(read(&**failing.volume.source(), extent), pattern(seed, UNIT));
        }
        failing.volume.check().expect("no token is leaked");
    }
}

#[test]
fn a_writer_that_waits_for_a_group_is_woken() {
    within_a_minute("a writer beside a commit that fails", || {
        for fault in FAULTS {
            let failing = Failing::new(fault);
            let read_only = failing.set_read_only();
            let waits = Counter::default();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    waits.next();
                    of_write(failing.volume.wait_begin_cow(UNIT).map(drop))
                });
                while waits.get() == 0 {
                    std::thread::yield_now();
                }
                let reason = failing.abort();
                assert_eq!(waiting.join().expect("no panic"), reason);
            });
            drop(read_only);
        }
    });
}

#[test]
fn a_thread_that_waits_to_join_is_woken() {
    within_a_minute("a joiner beside a commit that fails", || {
        let (transactions, extent) = (Transactions::default(), range(0, UNIT));
        let mut handle = transactions.join().expect("runs");
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| of_commit(transactions.commit()));
            let join = scope.spawn(|| {
                // Once the commit has closed.
                while let Ok(handle) = transactions.join() {
                    handle.end();
                }
                of_commit(transactions.join().map(TransactionHandle::end))
            });
            while transactions.waiting_to_join() == 0 {
                std::thread::yield_now();
            }
            handle.push(DelayedRef::drop(extent)); // it never was
            handle.end();
            assert_eq!(commit.join().expect("no panic"), join.join().expect("no panic"));
        });
    });
}

/// In place or not, and nobody is told that it is done.
#[test]
fn an_overwrite_changes_no_committed_byte() {
    let failing = Failing::new(Fault::Persist);
    assert_eq!(failing.volume.overwrite(failing.own, &[9]).expect("in place"), Overwrite::InPlace);
    let before = read(&**failing.volume.source(), failing.own);
    failing.abort();
    assert!(failing.volume.overwrite(failing.own, &pattern(4, UNIT)).is_err());
    assert_eq!(read(&**failing.volume.source(), failing.own), before);
}
