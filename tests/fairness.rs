#![cfg(not(any(loom, traceset)))]
//! Commits are fair and shared, counted on real threads: nothing here looks at a clock. Every number is of
//! commits, so a slow machine changes none of them; the devices' flush sleeps, so that commits take a while.

#![allow(clippy::disallowed_methods, reason = "a device sleeps, and not what is tested")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use blockgate::sync::Mutex;
use blockgate::volume::{Policy, WriteError};
use blockgate::{CommitError, CommitRoot, LogicalRange, MemoryDevice, Volume};
use support::{Call, Counter, Hooked, KIB, UNIT, range, within_a_minute};

const GROUP: u64 = 1024 * KIB;
const GROUPS: u64 = 4;

/// So many commits may complete from a call to its return. Two is what the lemma allows a thread that waits;
/// the rest is for a thread that the system does not run just before it begins to wait.
const MOST: u64 = 20;

fn volume() -> Volume {
    let device = Hooked::new(GROUPS * GROUP, |call| {
        if call == Call::Flush {
            std::thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    });
    let groups = (0..GROUPS).map(|group| range(group * GROUP, GROUP));
    groups.fold(Volume::builder(UNIT), blockgate::VolumeBuilder::group).build(device).expect("a volume")
}

fn completed(volume: &Volume) -> u64 {
    volume.commit_root().transaction().0
}

/// Does `act`, and notes how many commits completed meanwhile.
fn noted<R>(volume: &Volume, most: &Counter, act: impl FnOnce() -> R) -> R {
    let before = completed(volume);
    let result = act();
    most.at_least(completed(volume) - before);
    result
}

fn write(volume: &Volume) -> Option<LogicalRange> {
    match volume.write(&[7; 512]) {
        Ok(extent) => Some(extent),
        // Pinned until the commit that is at work is complete.
        Err(WriteError::NoSpace { .. }) => {
            std::thread::yield_now();
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Writes an extent and deletes it.
fn write_and_delete(volume: &Volume, overtaken: &Counter) {
    if let Some(extent) = noted(volume, overtaken, || write(volume)) {
        noted(volume, overtaken, || volume.delete(extent)).expect("it was written");
    }
}

#[test]
fn a_writer_beside_a_thread_that_commits_all_the_time() {
    const COMMITS: u64 = 1000;
    let (overtaken, writes) = within_a_minute("a writer beside a committer", || {
        let volume = volume();
        let (overtaken, writes, is_over) = (Counter::default(), Counter::default(), Counter::default());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while is_over.get() == 0 {
                    write_and_delete(&volume, &overtaken);
                    writes.next();
                }
            });
            for _ in 0..COMMITS {
                volume.commit().expect("commits");
            }
            is_over.next();
        });
        (overtaken.get(), writes.get())
    });
    println!("{writes} writes beside {COMMITS} commits; overtaken by at most {overtaken}");
    assert!(overtaken <= MOST, "a writer waited for {overtaken} commits");
    assert!(writes >= COMMITS / MOST, "{writes} writes beside {COMMITS} commits");
}

#[test]
fn two_threads_that_write_and_commit() {
    const ROUNDS: u64 = 500;
    let overtaken = within_a_minute("two committers", || {
        let (volume, overtaken) = (volume(), Counter::default());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        write_and_delete(&volume, &overtaken);
                        noted(&volume, &overtaken, || volume.commit()).expect("commits");
                    }
                });
            }
        });
        overtaken.get()
    });
    println!("two threads that write and commit: overtaken by at most {overtaken} commits");
    assert!(overtaken <= MOST, "a thread waited for {overtaken} commits");
}

#[test]
fn a_replace_beside_a_committer_and_a_writer() {
    // So that it ends where it is not fair.
    const COMMITS: u64 = 3000;
    let commits = within_a_minute("a replace beside a committer", || {
        let (volume, is_over) = (volume(), Counter::default());
        let target = Arc::new(MemoryDevice::new(usize::try_from(GROUPS * GROUP).expect("small")));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while is_over.get() == 0 {
                    write_and_delete(&volume, &Counter::default());
                }
            });
            scope.spawn(|| {
                for _ in 0..COMMITS {
                    volume.commit().expect("commits");
                    if is_over.get() > 0 {
                        break;
                    }
                }
            });
            let before = completed(&volume);
            let mut replace = volume.start_replace(target, Policy::CopyThenClone).expect("nothing replaces");
            replace.run().expect("nothing fails");
            let commits = completed(&volume) - before;
            is_over.next();
            commits
        })
    });
    println!("a replace of {GROUPS} groups took {commits} commits");
    assert!(commits <= GROUPS * MOST, "it took {commits} commits");
}

const COMMITTERS: u64 = 8;
const ROUNDS: u64 = 100;

/// Each of the threads writes and commits, round after round. Returns how many commits that took.
fn commits_of_durable_writes(
    commit: impl Fn(&Volume) -> Result<CommitRoot, CommitError> + Send + Sync + 'static,
) -> u64 {
    within_a_minute("eight committers", move || {
        let volume = volume();
        let write_and_commit = || {
            let extent = volume.write(&[7; 512]).expect("there is space");
            let root = commit(&volume).expect("commits");
            assert_eq!(root.get(extent.start()).map(|item| item.extent), Some(extent));
        };
        std::thread::scope(|scope| {
            for _ in 0..COMMITTERS {
                scope.spawn(|| (0..ROUNDS).for_each(|_| write_and_commit()));
            }
        });
        completed(&volume)
    })
}

#[test]
fn threads_that_ask_for_a_commit_share_one() {
    let (commits, writes) = (commits_of_durable_writes(Volume::commit), COMMITTERS * ROUNDS);
    println!("{writes} durable writes of {COMMITTERS} threads took {commits} commits");
    assert!(commits * 3 <= writes, "it took {commits} commits");
}

#[test]
fn twin_threads_that_commit_under_a_lock_share_none() {
    let lock = Mutex::new(());
    let commits = commits_of_durable_writes(move |volume| {
        let _committing = lock.lock();
        volume.commit()
    });
    assert_eq!(commits, COMMITTERS * ROUNDS);
}

/// Each thread has one extent of a volume that is full, and writes it anew: what it deleted is free when its commit
/// returns, whichever thread led it, and the commit was booked once.
#[test]
fn what_a_shared_commit_freed_is_free_for_each_that_shares_it() {
    let (commits, booked) = within_a_minute("committers of a full volume", || {
        let booked = Arc::new(Counter::default());
        let counted = Arc::clone(&booked);
        let device = MemoryDevice::new(usize::try_from(COMMITTERS * UNIT).expect("small"));
        let builder = Volume::builder(UNIT).group(range(0, COMMITTERS * UNIT)).persist(move |_, _| {
            counted.next();
            Ok(())
        });
        let mut volume = builder.build(Arc::new(device)).expect("a volume");
        let extents: Vec<_> = (0..COMMITTERS).map(|_| volume.write(&[7]).expect("there is space")).collect();
        let write_anew = |extent| {
            volume.delete(extent).expect("it was written");
            volume.commit().expect("commits");
            volume.write(&[7]).expect("what was deleted is free")
        };
        std::thread::scope(|scope| {
            for extent in extents {
                scope.spawn(move || (0..ROUNDS).fold(extent, |extent, _| write_anew(extent)));
            }
        });
        assert_eq!(volume.check(), Ok(()));
        (completed(&volume), booked.get())
    });
    println!("{} extents of a full volume were written anew in {commits} commits", COMMITTERS * ROUNDS);
    assert_eq!(booked, commits);
}
