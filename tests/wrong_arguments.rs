#![cfg(not(any(loom, traceset)))]
//! A wrong argument hurts its caller only: no call makes a later commit fail, takes another's space, or gives up
//! a target.

mod support;

use std::sync::{Arc, mpsc};

use blockgate::delayed_ref::FoldedRef;
use blockgate::sync::Mutex;
use blockgate::volume::{Overwrite, Policy, WriteError};
use blockgate::{
    BlockGroup, BlockGroupId, DelayedRef, ExtentTree, LogicalRange, MemoryDevice, Shards, TransactionId,
    Transactions, Volume,
};
use support::{Counter, KIB, UNIT, pattern, range, within_a_minute};

const LENGTH: u64 = 64 * KIB;

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(LENGTH).expect("small")))
}

fn volume() -> Volume {
    let builder = Volume::builder(UNIT).shards(Shards::new(1)).group(range(0, LENGTH));
    builder.build(memory()).expect("a good layout")
}

/// The volume goes on: it commits, and every byte is counted once.
fn goes_on(mut volume: Volume, extents: &[LogicalRange]) {
    let root = volume.commit().unwrap_or_else(|error| panic!("the commit failed: {error}"));
    assert_eq!(root.extents_in(range(0, LENGTH)).collect::<Vec<_>>(), extents);
    volume.commit().expect("once more");
    volume.check().expect("each byte is counted once");
}

#[test]
fn a_double_delete_is_refused() {
    for is_committed in [false, true] {
        let volume = volume();
        let extent = volume.write(&[1]).expect("space");
        if is_committed {
            volume.commit().expect("commits");
        }
        volume.delete(extent).expect("one reference");
        let error = volume.delete(extent).expect_err("there is no reference left");
        assert!(error.to_string().contains("has no reference"), "{error}");
        goes_on(volume, &[]);
    }
}

#[test]
fn what_is_no_extent_is_refused() {
    let volume = volume();
    let extent = volume.write(&pattern(1, 2 * UNIT)).expect("space");
    let (half, free) = (range(extent.start(), UNIT), range(8 * UNIT, UNIT));
    for wrong in
        [half, free, range(extent.start() + 1, UNIT), range(extent.start(), 3 * UNIT), range(free.start(), 1)]
    {
        assert!(volume.delete(wrong).is_err(), "delete {wrong}");
        assert!(volume.add_reference(wrong).is_err(), "clone {wrong}");
        assert!(volume.overwrite(wrong, &[1]).is_err(), "overwrite {wrong}");
        assert!(volume.begin_nocow(wrong).is_err(), "write in place to {wrong}");
        let write = volume.begin_cow(UNIT).expect("space");
        assert!(write.finish_instead_of(wrong).is_err(), "finish instead of {wrong}");
    }
    goes_on(volume, &[extent]);
}

#[test]
fn a_clone_of_free_space_takes_nobodys_reservation() {
    let volume = volume();
    let write = volume.begin_cow(UNIT).expect("space");
    let free = range(8 * UNIT, UNIT);
    assert!(volume.add_reference(free).is_err());
    assert!(volume.delete(free).is_err());
    volume.commit().expect("nothing was queued");
    let extent = write.finish().expect("its space is still reserved");
    goes_on(volume, &[extent]);
}

#[test]
fn an_unfinished_extent_cannot_be_referred_to() {
    let volume = volume();
    let write = volume.begin_cow(UNIT).expect("space");
    assert!(volume.add_reference(write.extent()).is_err());
    assert!(volume.delete(write.extent()).is_err());
    assert!(volume.overwrite(write.extent(), &[1]).is_err());
    volume.commit().expect("nothing was queued");
    let other = volume.begin_cow(UNIT).expect("space");
    assert!(!other.extent().overlaps(&write.extent()), "its space was given out twice");
    drop(other);
    let extent = write.finish().expect("finishes");
    goes_on(volume, &[extent]);
}

#[test]
fn data_that_does_not_fit_marks_no_target() {
    let volume = volume();
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    replace.run().expect("replaces");
    assert!(volume.overwrite(extent, &pattern(2, UNIT + 1)).is_err());
    let write = volume.begin_nocow(extent).expect("read-write");
    assert!(write.write_at(1, &pattern(2, UNIT)).is_err());
    drop(write);
    replace.finish().expect("not a byte was sent to either device");
}

#[test]
fn an_empty_write_sends_nothing() {
    let volume = volume();
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    replace.run().expect("replaces");
    let write = volume.begin_nocow(extent).expect("read-write");
    write.write_at(UNIT, &[]).expect("nothing fits anywhere");
    drop(write);
    assert_eq!(volume.overwrite(extent, &[]).expect("nothing to do"), Overwrite::InPlace);
    replace.finish().expect("not a byte was sent to either device");
}

#[test]
fn what_was_split_is_no_extent_any_more() {
    for is_committed in [false, true] {
        let volume = volume();
        let whole = volume.write(&pattern(1, 4 * UNIT)).expect("space");
        if is_committed {
            volume.commit().expect("commits");
        }
        let halves = [range(whole.start(), 2 * UNIT), range(whole.start() + 2 * UNIT, 2 * UNIT)];
        let split = [DelayedRef::drop(whole), DelayedRef::add(halves[0]), DelayedRef::add(halves[1])];
        volume.change_references(&split).expect("the halves are of the whole");
        for wrong in [whole, range(whole.start(), UNIT), range(whole.start() + UNIT, 2 * UNIT)] {
            assert!(volume.delete(wrong).is_err(), "delete {wrong}");
            assert!(volume.add_reference(wrong).is_err(), "clone {wrong}");
        }
        volume.delete(halves[0]).expect("it is an extent now");
        goes_on(volume, &[halves[1]]);
    }
}

#[test]
fn a_batch_with_a_wrong_change_does_nothing() {
    let volume = volume();
    let (one, other) = (volume.write(&[1]).expect("space"), volume.write(&[2]).expect("space"));
    let free = range(8 * UNIT, UNIT);
    let part = range(other.start(), UNIT / 2);
    for wrong in [
        DelayedRef::drop(one),
        DelayedRef::add(free),
        DelayedRef::add(part),
        DelayedRef::add(range(LENGTH, UNIT)),
    ] {
        assert!(
            volume.change_references(&[DelayedRef::drop(one), DelayedRef::drop(other), wrong]).is_err(),
            "{wrong:?}"
        );
    }
    volume.change_references(&[]).expect("nothing to do");
    goes_on(volume, &[one, other]);
}

/// Many at once, in place and not: the one that comes second learns of it, and no commit fails.
#[test]
fn threads_that_delete_the_same_extents_hurt_nobody() {
    let volume = volume();
    let extents: Vec<_> = (0..8).map(|_| volume.write(&[1]).expect("space")).collect();
    let deleted = Counter::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for extent in &extents {
                    deleted.add(u64::from(volume.delete(*extent).is_ok()));
                    volume.commit().expect("no delete makes it fail");
                }
            });
        }
    });
    assert_eq!(deleted.get(), 8);
    goes_on(volume, &[]);
}

/// Calls `act` while a commit has taken the delete of an extent, and has not switched the root.
fn while_a_delete_is_taken(act: fn(&Volume, LogicalRange)) {
    within_a_minute("a commit", move || {
        let ((is_persisting, persisting), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel());
        let channels = Mutex::new((is_persisting, may_go_on));
        let builder = Volume::builder(UNIT).group(range(0, LENGTH)).persist(move |root, _| {
            if root.transaction() == TransactionId(2) {
                let (is_persisting, may_go_on) = &*channels.lock();
                is_persisting.send(())?;
                may_go_on.recv()?;
            }
            Ok(())
        });
        let volume = builder.build(memory()).expect("a good layout");
        let extent = volume.write(&[1]).expect("space");
        volume.commit().expect("commits");
        volume.delete(extent).expect("one reference");
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| volume.commit());
            persisting.recv().expect("the commit is at its step");
            act(&volume, extent);
            go_on.send(()).expect("the commit waits");
            assert!(commit.join().expect("no panic").is_ok());
        });
        goes_on(volume, &[]);
    });
}

#[test]
fn what_a_commit_has_taken_is_known_before_the_root_is_switched() {
    while_a_delete_is_taken(|volume, extent| {
        assert!(matches!(volume.delete(extent), Err(WriteError::NoReference { .. })));
        assert!(matches!(volume.add_reference(extent), Err(WriteError::NoReference { .. })));
        assert!(matches!(volume.overwrite(extent, &[2]), Err(WriteError::NoReference { .. })));
    });
}

#[test]
fn twin_the_commit_root_does_not_know_what_a_commit_has_taken() {
    while_a_delete_is_taken(|volume, extent| {
        let root = volume.commit_root();
        assert_eq!(root.get(extent.start()).map(|item| item.references), Some(1));
    });
}

/// The same changes unchecked, as a handle of one's own transactions pushes them: each makes the commit fail.
#[test]
fn twin_unchecked_changes_abort() {
    let (whole, half, free) = (range(0, 2 * UNIT), range(0, UNIT), range(8 * UNIT, UNIT));
    for wrong in
        [DelayedRef::drop(whole), DelayedRef::drop(half), DelayedRef::drop(free), DelayedRef::add(half)]
    {
        let transactions = Transactions::default();
        let mut handle = transactions.join().expect("runs");
        handle.push_all(&[DelayedRef::add(whole), DelayedRef::add(whole), DelayedRef::drop(whole)]);
        handle.push_all(&[DelayedRef::drop(whole), wrong]);
        if wrong == DelayedRef::add(half) {
            handle.push(DelayedRef::add(whole)); // so that it is a part of something
        }
        handle.end();
        assert!(transactions.commit().is_err(), "{wrong:?}");
    }
}

/// A group in which a writer has reserved an extent, and a range of it that is free.
fn reserved() -> (BlockGroup, LogicalRange, LogicalRange) {
    let group = BlockGroup::with_shards(BlockGroupId(0), range(0, LENGTH), UNIT, Shards::new(1));
    let group = group.expect("aligned");
    let extent = group.reserve(UNIT).expect("space").hand_over();
    (group, extent, range(8 * UNIT, UNIT))
}

/// What a commit would book of an unchecked clone of free space.
#[test]
fn twin_a_clone_of_free_space_takes_a_reservation() {
    let (group, extent, free) = reserved();
    group.book_inserted(free).expect("as many bytes are reserved, for another");
    assert!(group.book_inserted(extent).is_err(), "the commit of the honest writer fails");
}

/// The same of a clone that was deleted in its transaction: the commit books it, and panics after the switch.
#[test]
fn twin_a_clone_of_free_space_that_was_deleted_cannot_be_unpinned() {
    let (group, _, free) = reserved();
    group.book_cancelled(free).expect("as many bytes are reserved, for another");
    assert!(group.unpin(free).is_err(), "it was free all the time");
}

/// The same of an extent that its writer has not finished.
#[test]
fn twin_an_unfinished_extent_that_was_deleted_is_given_out_again() {
    let (group, extent, _) = reserved();
    group.book_cancelled(extent).expect("it is reserved");
    group.unpin(extent).expect("the commit is complete");
    let others: Vec<_> =
        std::iter::from_fn(|| group.reserve(UNIT).ok()).map(blockgate::Reservation::hand_over).collect();
    assert!(others.contains(&extent), "two writers have it");
}

/// An extent and its half came and went between two commits: booked as they are listed, and not byte by byte.
#[test]
fn twin_extents_that_came_and_went_are_freed_twice() {
    let (group, whole) = {
        let (group, first, _) = reserved();
        group.reserve(UNIT).expect("space").hand_over();
        (group, range(first.start(), 2 * UNIT))
    };
    let gone = [range(whole.start(), UNIT), whole].map(|extent| FoldedRef { extent, change: 0 });
    let changes = ExtentTree::new().apply(&gone).expect("nothing is left of them");
    assert_eq!(changes.bytes_cancelled(), [whole]);
    let booked = changes.cancelled.iter().try_for_each(|extent| group.book_cancelled(*extent));
    assert!(booked.is_err(), "the second time");
}

#[test]
fn twin_one_byte_that_was_sent_marks_the_target() {
    let volume = volume();
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    replace.run().expect("replaces");
    let write = volume.begin_nocow(extent).expect("read-write");
    write.write_at(0, &[2]).expect("it fits");
    drop(write);
    assert!(replace.finish().is_err(), "given up halfway");
}
