#![cfg(not(any(loom, traceset)))]
//! `Volume` through its public API: every error, devices that fail or panic, cancelling, giving up.

mod support;

use std::io;
use std::sync::{Arc, Weak, mpsc};

use blockgate::replace::{CopyFigures, Side};
use blockgate::sync::Mutex;
use blockgate::volume::{BuildError, Overwrite, Policy, ReplaceError, VolumeBuilder, WhyInDoubt, WriteError};
use blockgate::{
    CancelToken, CopyError, DelayedRef, Device, Frozen, LogicalRange, MemoryDevice, Shards, SharedBlockGroup,
    Volume,
};
use support::{
    Call, Counter, Hooked, KIB, UNIT, broken, is_flush, is_read, is_write, panics, pattern, range, read,
    told, within_a_minute,
};

const GROUP: u64 = 64 * KIB;
const GROUPS: u64 = 3;
const LENGTH: u64 = GROUP * GROUPS;

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(LENGTH).expect("small")))
}

fn volume_on(source: Arc<dyn Device>) -> Volume {
    // One shard: addresses are then handed out from the lowest.
    let builder = Volume::builder(UNIT).shards(Shards::new(1));
    let add = |builder: VolumeBuilder, index| builder.group(range(index * GROUP, GROUP));
    (0..GROUPS).fold(builder, add).build(source).expect("a good layout")
}

/// Fills group after group with extents of one unit, each with the pattern of its address.
fn fill(volume: &Volume, groups: u64) -> Vec<LogicalRange> {
    let extents = (0..groups * GROUP / UNIT).map(|_| {
        let write = volume.begin_cow(UNIT).expect("space");
        write.write_at(0, &pattern(write.extent().start(), UNIT)).expect("writes");
        write.finish().expect("no commit failed")
    });
    extents.collect()
}

fn is_filled(device: &dyn Device, extents: &[LogicalRange]) -> bool {
    extents.iter().all(|extent| read(device, *extent) == pattern(extent.start(), extent.len()))
}

fn free(volume: &Volume) -> u64 {
    volume.groups().iter().map(|group| group.block_group().figures().free).sum()
}

// ---- Building.

#[test]
fn a_bad_layout_is_refused() {
    let built = |ranges: &[LogicalRange], alignment, length| {
        let builder = ranges.iter().fold(Volume::builder(alignment), |builder, range| builder.group(*range));
        builder.build(Arc::new(MemoryDevice::new(length))).err()
    };
    assert!(matches!(built(&[], 1, 0), Some(BuildError::NoGroups)));
    let overlapping = [range(8, 8), range(0, 9)];
    assert!(matches!(built(&overlapping, 1, 99), Some(BuildError::Overlap { one, other })
        if one == range(0, 9) && other == range(8, 8)));
    assert!(matches!(built(&[range(0, 9)], 2, 99), Some(BuildError::Alignment(_))));
    assert!(matches!(built(&[range(0, 8)], 0, 99), Some(BuildError::Alignment(_))));
    let too_small = built(&[range(8, 8), range(0, 8)], 1, 15);
    assert!(matches!(too_small, Some(BuildError::DeviceTooSmall { length: 15, needed: 16 })));
    assert!(built(&[range(8, 8), range(0, 8)], 8, 16).is_none(), "in any order");

    let mute = Hooked::new(LENGTH, |call| if call == Call::Length { broken() } else { Ok(()) });
    let error = Volume::builder(UNIT).group(range(0, GROUP)).build(mute).err();
    assert!(matches!(error, Some(BuildError::Device(_))));
}

#[test]
fn build_errors_say_what_is_wrong() {
    let alignment = blockgate::BlockGroup::new(blockgate::BlockGroupId(0), range(0, 9), 2).unwrap_err();
    for (error, hint) in [
        (BuildError::NoGroups, "add one with VolumeBuilder::group"),
        (BuildError::Overlap { one: range(0, 9), other: range(8, 8) }, "[0, 9) and [8, 16) overlap"),
        (BuildError::Alignment(alignment), "align its start and length"),
        (BuildError::DeviceTooSmall { length: 15, needed: 16 }, "has 15 bytes, the block groups need 16"),
        (BuildError::Device(io::Error::other("gone")), "gone"),
    ] {
        assert!(told(&error).contains(hint), "{}", told(&error));
    }
}

// ---- Writing.

#[test]
fn data_of_any_length_is_found_again() {
    let mut volume = volume_on(memory());
    for length in [1, UNIT - 1, UNIT, UNIT + 1, 3 * UNIT, GROUP] {
        let data = pattern(length, length);
        let extent = volume.write(&data).expect("space");
        assert_eq!(extent.len(), length.next_multiple_of(UNIT));
        let mut found = vec![0; data.len()];
        volume.read(extent.start(), &mut found).expect("reads");
        assert!(found == *data, "{length} bytes");
    }
    volume.commit().expect("commits");
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let mut volume = volume_on(memory());
    let error = volume.write(&[]).unwrap_err();
    assert!(matches!(error, WriteError::Length { length: 0, alignment: UNIT }));
    assert!(error.to_string().contains("a positive multiple of 4096"), "{error}");
    assert!(matches!(volume.begin_cow(UNIT + 1).err(), Some(WriteError::Length { .. })));

    let huge = vec![1; usize::try_from(GROUP + 1).expect("small")];
    let error = volume.write(&huge).unwrap_err();
    assert!(matches!(error, WriteError::NoSpace { largest: GROUP, read_only: 0, .. }), "{error}");
    assert!(matches!(volume.begin_cow(1 << 63).err(), Some(WriteError::NoSpace { .. })));
    assert_eq!(free(&volume), LENGTH, "nothing was taken");
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn only_what_fits_is_written() {
    let volume = volume_on(memory());
    let write = volume.begin_cow(UNIT).expect("space");
    for (offset, length) in [(0, UNIT + 1), (1, UNIT), (UNIT, 1), (u64::MAX, 1), (UNIT + 1, 0)] {
        let error = write.write_at(offset, &pattern(0, length)).unwrap_err();
        assert!(matches!(error, WriteError::BeyondExtent { .. }), "{error}");
        assert!(error.to_string().contains(&format!("offset {offset}")), "{error}");
    }
    write.write_at(UNIT, &[]).expect("nothing fits anywhere");
    write.write_at(UNIT - 1, &[7]).expect("the last byte");
    assert_eq!(read(&**volume.source(), write.extent()).last(), Some(&7));
}

#[test]
fn what_lies_in_no_group_is_refused() {
    let volume = Volume::builder(UNIT)
        .group(range(GROUP, GROUP))
        .group(range(2 * GROUP, GROUP))
        .build(memory())
        .expect("a good layout");
    let crossing = range(2 * GROUP - UNIT, 2 * UNIT);
    for outside in [range(0, UNIT), range(3 * GROUP, UNIT), crossing, range(0, u64::MAX)] {
        let errors = [
            volume.begin_nocow(outside).err(),
            volume.overwrite(outside, &[1]).err(),
            volume.delete(outside).err(),
            volume.add_reference(outside).err(),
        ];
        for error in errors {
            let error = error.expect("refused");
            assert!(matches!(error, WriteError::Outside { extent } if extent == outside), "{error}");
            assert!(error.to_string().contains(&outside.to_string()), "{error}");
        }
    }
}

#[test]
fn a_read_only_group_is_passed_over() {
    let volume = volume_on(memory());
    let groups = volume.groups();
    let first = groups[0].block_group().set_read_only();
    let extent = volume.write(&[1]).expect("another group");
    assert_eq!(extent.start(), GROUP);
    let _others = (groups[1].block_group().set_read_only(), groups[2].block_group().set_read_only());
    let error = volume.write(&[1]).unwrap_err();
    assert!(matches!(error, WriteError::NoSpace { read_only: 3, largest: 0, .. }));
    assert!(error.to_string().contains("3 block groups are read-only for now: try again later"), "{error}");
    drop(first);
    assert_eq!(volume.write(&[1]).expect("read-write again").start(), 0);
}

/// Nine groups of one unit, and one of several, of which all but the last are full, each of one extent.
fn nearly_full() -> (Volume, LogicalRange, Vec<LogicalRange>) {
    let unit = |index| range(index * UNIT, UNIT);
    let builder = (0..9).map(unit).fold(Volume::builder(UNIT), VolumeBuilder::group);
    let last = range(9 * UNIT, 4 * UNIT);
    let volume = builder.group(last).build(memory()).expect("fits");
    let begin = || volume.begin_cow(UNIT).expect("space");
    let extents: Vec<_> = (0..10).map(|_| begin().finish().expect("queued")).collect();
    volume.commit().expect("commits");
    (volume, last, extents)
}

fn delete_and_commit(volume: &Volume, extent: LogicalRange) {
    volume.delete(extent).expect("it is live");
    volume.commit().expect("commits");
}

/// Each write is the first of its thread. One keeps the fourth group full until it is given up.
#[test]
fn a_first_write_passes_over_full_groups() {
    let (volume, last, extents) = nearly_full();
    let begin = || volume.begin_cow(UNIT).expect("space");
    let first = || std::thread::scope(|scope| scope.spawn(begin).join().expect("no panic"));

    delete_and_commit(&volume, extents[3]);
    let fourth = first();
    assert_eq!(fourth.extent(), extents[3], "where a commit freed space");
    assert!(last.contains(&first().finish().expect("queued")), "the only one with room");
    drop(fourth);
    assert_eq!(first().finish().expect("queued"), extents[3], "where space was given back");
    assert!(last.contains(&first().finish().expect("queued")), "the only one with room");
    delete_and_commit(&volume, extents[5]);
    assert_eq!(first().extent(), extents[5], "where a commit freed space");
}

/// A thread remembers a group for eight volumes at most: of nine in turn, some take each other's place.
#[test]
fn volumes_that_take_each_others_place_in_a_threads_memory_pass_over_full_groups() {
    let volumes: Vec<_> = (0..9).map(|_| nearly_full()).collect();
    for (volume, _, extents) in &volumes {
        let fourth = {
            delete_and_commit(volume, extents[3]);
            volume.begin_cow(UNIT).expect("space")
        };
        let in_the_last = volume.begin_cow(UNIT).expect("space");
        drop(fourth);
        drop(in_the_last); // the last place where space was given back
    }
    for (volume, last, _) in &volumes {
        let write = volume.begin_cow(UNIT).expect("space");
        assert!(last.contains(&write.extent()), "it looked at the groups before: {write:?}");
    }
}

/// By hand: a search that begins at the first group, whatever other searches have found.
#[test]
fn twin_a_search_from_the_first_group_meets_all_the_full_ones() {
    let (volume, ..) = nearly_full();
    for _ in 0..2 {
        let found = volume.groups().iter().position(|group| group.block_group().reserve(UNIT).is_ok());
        assert_eq!(found, Some(9), "after nine that are full");
    }
}

/// Each may lie where the one before it lay.
#[test]
fn a_volume_inherits_nothing_from_one_that_is_gone() {
    for _ in 0..100 {
        let builder =
            (0..2).map(|index| range(index * UNIT, UNIT)).fold(Volume::builder(UNIT), VolumeBuilder::group);
        let volume = builder.build(memory()).expect("fits");
        let starts = [0; 2].map(|_| volume.begin_cow(UNIT).expect("space").finish().expect("queued").start());
        assert_eq!(starts, [0, UNIT], "a new thread of a volume begins at its first group");
    }
}

/// A pass that found no room is not repeated while none came about; and is when some did, in whichever way.
#[test]
fn a_full_volume_refuses_until_space_is_free() {
    let builder =
        (0..3).map(|index| range(index * UNIT, UNIT)).fold(Volume::builder(UNIT), VolumeBuilder::group);
    let volume = builder.build(memory()).expect("fits");
    let writes: Vec<_> = (0..3).map(|_| volume.begin_cow(UNIT).expect("space")).collect();
    let is_full = || {
        let refused =
            |_| matches!(volume.begin_cow(UNIT), Err(WriteError::NoSpace { largest: 0, read_only: 0, .. }));
        (0..2).all(refused)
    };
    assert!(is_full());
    let extents: Vec<_> = writes.into_iter().map(|write| write.finish().expect("queued")).collect();
    assert!(is_full() && volume.commit().is_ok() && is_full());

    for extent in &extents {
        volume.delete(*extent).expect("it is live");
        assert!(is_full(), "not before the commit");
        volume.commit().expect("commits");
        let write = volume.begin_cow(UNIT).expect("a commit freed it");
        assert!(is_full());
        drop(write);
        let write = volume.begin_cow(UNIT).expect("it was given back");
        let _ = write.finish().expect("queued");
        assert!(is_full());
        volume.commit().expect("commits");
    }
    let scrub = volume.groups()[0].block_group().set_read_only();
    assert!(is_full(), "no opening gives it room");
    drop(scrub);
    let scrub = volume.groups()[0].block_group().set_read_only();
    for _ in 0..2 {
        assert!(matches!(volume.begin_cow(UNIT), Err(WriteError::NoSpace { read_only: 1, .. })));
    }
    drop(scrub);
    assert!(is_full());
    assert!(matches!(volume.begin_cow(UNIT + 1), Err(WriteError::Length { .. })), "not for want of space");
}

/// A group stays read-only meanwhile.
#[test]
fn a_writer_that_waits_gets_space_that_a_commit_frees() {
    let builder =
        (0..2).map(|index| range(index * UNIT, UNIT)).fold(Volume::builder(UNIT), VolumeBuilder::group);
    let volume = builder.build(memory()).expect("fits");
    let scrub = volume.groups()[0].block_group().set_read_only();
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    volume.commit().expect("commits");
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let volume = &volume;
        scope.spawn(move || sender.send(volume.wait_begin_cow(UNIT).map(|write| write.extent())));
        volume.delete(extent).expect("it is live");
        let found = receiver.recv_timeout(std::time::Duration::from_millis(20));
        assert!(found.is_err(), "before the commit it waits");
        volume.commit().expect("commits");
        let found = receiver.recv_timeout(std::time::Duration::from_secs(10));
        drop(scrub);
        assert_eq!(found.expect("it does not wait for the scrub").expect("space"), extent);
    });
}

/// At each stage, on the way out too, also of a freeze inside another.
#[test]
fn a_freeze_of_the_volume_nests_and_is_undone() {
    let volume = volume_on(memory());
    let levels =
        || volume.groups().iter().map(|group| group.block_group().read_only_levels()).collect::<Vec<_>>();
    let first = volume.freeze();
    let second = volume.freeze().wait_writers().wait_ordered().commit().expect("commits");
    let one = volume.groups()[1].block_group().set_read_only();
    assert_eq!(levels(), [2, 3, 2]);
    assert!(matches!(volume.write(&[1]), Err(WriteError::NoSpace { read_only: 3, .. })));
    drop(first);
    drop(one);
    assert_eq!(levels(), [1; 3], "the second still has its own");
    drop(second);
    drop(volume.freeze().wait_writers());
    drop(volume.freeze().wait_writers().wait_ordered());
    assert_eq!(levels(), [0; 3]);
    assert!(volume.write(&[1]).is_ok());
}

/// The wait begins while all groups are read-only, and ends with the freeze.
#[test]
fn a_writer_waits_for_the_end_of_a_freeze() {
    let volume = volume_on(memory());
    let frozen = volume.freeze();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| volume.wait_begin_cow(UNIT).map(|write| write.extent()));
        drop(frozen);
        assert!(writer.join().expect("no panic").is_ok());
    });
    let full = volume.wait_begin_cow(LENGTH);
    assert!(matches!(full, Err(WriteError::NoSpace { read_only: 0, .. })), "no group is to be waited for");
}

#[test]
fn an_overwrite_moves_where_the_group_is_read_only() {
    let mut volume = volume_on(memory());
    let old = volume.write(&pattern(1, UNIT)).expect("space");
    volume.commit().expect("commits");
    assert_eq!(volume.overwrite(old, &pattern(2, UNIT)).expect("writes"), Overwrite::InPlace);
    assert_eq!(read(&**volume.source(), old), pattern(2, UNIT));

    let read_only = volume.groups()[0].block_group().set_read_only();
    let error = volume.begin_nocow(old).expect_err("refused");
    assert!(error.to_string().contains("read-only: write to another group, or later"), "{error}");
    let Overwrite::Moved(new) = volume.overwrite(old, &pattern(3, UNIT)).expect("elsewhere") else {
        panic!("in place in a read-only group");
    };
    drop(read_only);
    assert_eq!(read(&**volume.source(), old), pattern(2, UNIT), "as the copier found it");
    assert_eq!(read(&**volume.source(), new), pattern(3, UNIT));
    let root = volume.commit().expect("commits");
    assert_eq!(root.extents_in(range(0, LENGTH)).collect::<Vec<_>>(), [new]);
    assert_eq!(volume.check(), Ok(()));
}

/// The drain of a group waits for its own writes in flight, so they must be found there, and its own level refuses.
#[test]
fn a_write_in_flight_is_one_of_its_own_group() {
    let volume = volume_on(memory());
    let in_flight =
        || volume.groups().iter().map(|group| group.ordered_extents().in_flight()).collect::<Vec<_>>();
    let writes: Vec<_> = (0..GROUPS).map(|_| volume.begin_cow(GROUP).expect("space")).collect();
    assert_eq!(in_flight(), [1, 1, 1]);
    let extents: Vec<_> = writes.into_iter().map(|write| write.finish().expect("no commit failed")).collect();
    for (index, extent) in extents.iter().enumerate() {
        let mut one = [0; 3];
        one[index] = 1;
        let write = volume.begin_nocow(*extent).expect("read-write, and nobody else's");
        assert_eq!(in_flight(), one);
        write.finish();
        let _read_only = volume.groups()[index].block_group().set_read_only();
        let is_refused = |extent| matches!(volume.begin_nocow(extent), Err(WriteError::ReadOnly(_)));
        assert_eq!(extents.iter().map(|extent| usize::from(is_refused(*extent))).collect::<Vec<_>>(), one);
    }
}

/// Runs `waits` beside an in-place write of the last group, and returns whether it returned after the write was over.
fn waits_for_the_last_group(waits: impl FnOnce(&Volume) + Send) -> bool {
    let volume = volume_on(memory());
    let extents = fill(&volume, GROUPS);
    volume.commit().expect("commits");
    let write = volume.begin_nocow(extents[extents.len() - 1]).expect("read-write");
    let is_over = Counter::default();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            waits(&volume);
            is_over.get() == 1
        });
        // Time enough for one that does not wait.
        (0..1000).for_each(|_| std::thread::yield_now());
        is_over.next();
        write.finish();
        waiter.join().expect("no panic")
    })
}

#[test]
fn what_waits_for_in_place_writes_waits_for_those_of_each_group() {
    assert!(waits_for_the_last_group(|volume| drop(volume.snapshot().expect("no commit failed"))), "V8");
    assert!(waits_for_the_last_group(|volume| drop(volume.freeze().wait_writers().wait_ordered())));
    let last = range(LENGTH - UNIT, UNIT);
    assert!(waits_for_the_last_group(|volume| assert!(volume.add_reference(last).is_ok())), "V6");
    let both = [DelayedRef::add(range(0, UNIT)), DelayedRef::add(last)];
    assert!(waits_for_the_last_group(|volume| assert!(volume.change_references(&both).is_ok())), "V6");
}

#[test]
fn twin_what_waits_for_the_first_group_alone_returns_before_the_write_is_over() {
    let waits = |volume: &Volume| {
        let group = &volume.groups()[0];
        let _ = group.ordered_extents().wait_range(group.block_group().range());
    };
    assert!(!waits_for_the_last_group(waits));
}

#[test]
fn deleted_space_is_reused_only_after_the_commit() {
    let mut volume = volume_on(memory());
    let extents = fill(&volume, GROUPS);
    volume.commit().expect("commits");
    volume.delete(extents[5]).expect("deletes");
    assert!(volume.write(&[1]).is_err(), "a crash would bring it back");
    volume.commit().expect("commits");
    assert_eq!(volume.write(&[1]).expect("free now"), extents[5]);
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn the_last_reference_frees() {
    let mut volume = volume_on(memory());
    let extent = volume.write(&[1]).expect("space");
    volume.add_reference(extent).expect("references");
    volume.delete(extent).expect("drops one");
    volume.commit().expect("commits");
    assert_eq!(free(&volume), LENGTH - UNIT);
    volume.delete(extent).expect("drops the other");
    volume.commit().expect("commits");
    assert_eq!(free(&volume), LENGTH);
    let gone = volume.write(&[1]).expect("space");
    volume.delete(gone).expect("before it was ever committed");
    volume.commit().expect("commits");
    assert_eq!(free(&volume), LENGTH);
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn a_failed_write_gives_its_space_back() {
    for k in 0..4 {
        let mut volume = volume_on(Hooked::failing_at(LENGTH, k, is_write, broken));
        let outcomes: Vec<_> = (0..5).map(|_| volume.write(&[1; 4096])).collect();
        let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(matches!(failed[..], [WriteError::Device(_)]));
        let text = told(failed[0]);
        assert!(text.contains("the device failed: replace it: the disk is broken"), "{text}");
        assert_eq!(free(&volume), LENGTH - 4 * UNIT);
        volume.commit().expect("a failed write is no failed commit");
        assert_eq!(volume.check(), Ok(()));
    }
}

#[test]
fn a_failed_overwrite_keeps_the_reference() {
    let mut volume = volume_on(Hooked::failing_at(LENGTH, 1, is_write, broken));
    let extent = volume.write(&[1; 4096]).expect("the first write");
    assert!(matches!(volume.overwrite(extent, &[2]), Err(WriteError::Device(_))));
    assert_eq!(volume.commit().expect("commits").len(), 1);
    assert_eq!(volume.overwrite(extent, &[3]).expect("the third write"), Overwrite::InPlace);
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn a_write_that_is_given_up_leaves_nothing() {
    let mut volume = volume_on(memory());
    let kept = volume.write(&[1]).expect("space");
    drop(volume.begin_cow(UNIT).expect("space"));
    drop(volume.begin_nocow(kept).expect("read-write"));
    assert!(panics(|| {
        let _writes = (volume.begin_cow(UNIT), volume.begin_nocow(kept));
        panic!("the writer fails");
    }));
    assert_eq!(free(&volume), LENGTH - UNIT);
    assert_eq!(volume.groups()[0].ordered_extents().in_flight(), 0);
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn leaks_are_found() {
    let leaks: [fn(&Volume); 3] = [
        |volume| std::mem::forget(volume.begin_cow(UNIT)),
        |volume| std::mem::forget(volume.begin_nocow(volume.write(&[1]).expect("space"))),
        |volume| std::mem::forget(volume.groups()[1].block_group().set_read_only()),
    ];
    for leak in leaks {
        let mut volume = volume_on(memory());
        leak(&volume);
        let defect = volume.check().unwrap_err();
        assert!(defect.to_string().contains("leaked"), "{defect}");
    }
}

/// What a user of a volume can reach says "shared": it cannot book, release or unpin. (So the defects that booking makes are tested inside of `src/volume`.)
#[test]
fn a_volume_hands_out_no_right_to_its_space() {
    let volume = volume_on(memory());
    let group: &SharedBlockGroup = volume.groups()[0].block_group();
    let read_only = group.set_read_only();
    let of_a_guard: &SharedBlockGroup = read_only.group();
    assert!(std::ptr::eq(group, of_a_guard));
}

// ---- Committing.

#[test]
fn a_commit_that_fails_is_sticky_everywhere() {
    let mut volume = volume_on(Hooked::failing_at(LENGTH, 0, is_flush, broken));
    let extent = volume.write(&[1]).expect("space");
    let pending_write = volume.begin_cow(UNIT).expect("space");
    let text = told(&volume.commit().unwrap_err());
    assert!(text.contains("the last commit root stands") && text.contains("the disk is broken"), "{text}");

    assert_eq!(told(&pending_write.finish().unwrap_err()), text);
    assert_eq!(told(&volume.write(&[1]).unwrap_err()), text);
    assert_eq!(told(&volume.delete(extent).unwrap_err()), text);
    assert_eq!(told(&volume.add_reference(extent).unwrap_err()), text);
    assert_eq!(told(&volume.commit().unwrap_err()), text);
    let error = volume.start_replace(memory(), Policy::default()).unwrap_err();
    assert!(matches!(error, ReplaceError::Commit(_)) && told(&error) == text, "{error}");
    assert_eq!(volume.check(), Ok(()), "no group stays read-only, no space is lost but the write's");
}

/// A volume of one unit that is full and flushes onto `log`.
fn logged(log: &Arc<Mutex<Vec<&'static str>>>) -> (VolumeBuilder, Arc<Hooked>) {
    let log = Arc::clone(log);
    let device = Hooked::new(UNIT, move |call| {
        if is_flush(call) {
            log.lock().push("flush");
        }
        Ok(())
    });
    (Volume::builder(UNIT).group(range(0, UNIT)), device)
}

/// When the root that it is given frees an extent, the old root stands, and the space is not free.
#[test]
fn the_step_that_makes_a_root_durable_is_between_the_flush_and_the_switch() {
    let log = Arc::<Mutex<Vec<_>>>::default();
    let (builder, device) = logged(&log);
    let (steps, own) = (Arc::clone(&log), Arc::<Mutex<Weak<Volume>>>::default());
    let volume = Arc::clone(&own);
    let builder = builder.persist(move |root, _| {
        let volume = volume.lock().upgrade().expect("it is committing");
        assert!(volume.commit_root().transaction() < root.transaction(), "switched before");
        assert!(volume.begin_cow(UNIT).is_err(), "free before");
        steps.lock().push("persist");
        Ok(())
    });
    let volume = Arc::new(builder.build(device).expect("fits"));
    *own.lock() = Arc::downgrade(&volume);
    let extent = volume.write(&[1]).expect("space");
    volume.commit().expect("commits");
    delete_and_commit(&volume, extent);
    assert!(volume.begin_cow(UNIT).is_ok(), "free now");
    assert_eq!(*log.lock(), ["flush", "persist", "flush", "persist"]);
}

/// By hand: the root is saved by the thread that has committed. Before it gets there, another one uses the space.
#[test]
fn twin_a_root_that_is_saved_after_the_commit_lists_what_was_overwritten() {
    let (builder, device) = logged(&Arc::default());
    let volume = builder.build(device).expect("fits");
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let saved = volume.commit().expect("commits");
    delete_and_commit(&volume, extent);
    assert_eq!(volume.write(&pattern(2, UNIT)).expect("it is free"), extent);
    // Here the power fails.
    assert_eq!(saved.extents_in(extent).count(), 1);
    assert_ne!(read(&**volume.source(), extent), pattern(1, UNIT));
}

// ---- Replacing.

type Matches = fn(Call) -> bool;

const CALLS_OF_A_COPY: [(Matches, Side); 3] =
    [(is_read, Side::Source), (is_write, Side::Target), (is_flush, Side::Target)];

#[test]
fn both_policies_replace_every_group() {
    for policy in [Policy::CopyThenClone, Policy::CloneAlways] {
        let (source, target) = (memory(), memory());
        let mut volume = volume_on(source.clone());
        let mut extents = fill(&volume, GROUPS - 1);
        let mut replace = volume.start_replace(target.clone(), policy).expect("starts");
        assert_eq!(replace.progress(), (0, 3));
        let before = volume.write(&pattern(1, UNIT)).expect("space");
        assert_eq!(read(&*target, before) == pattern(1, UNIT), policy == Policy::CloneAlways);

        let summaries = replace.run().expect("replaces");
        let copied: Vec<_> = summaries.iter().map(|summary| summary.copied.extents).collect();
        assert_eq!(copied, [16, 16, 1]);
        assert_eq!(summaries[0].copied, CopyFigures { extents: 16, bytes: GROUP });
        assert_eq!((replace.progress(), replace.next_group().expect("is done")), ((3, 3), None));
        extents.push(overwrite_all(&volume, &extents));
        replace.finish().expect("finishes");
        drop(replace);

        let behind = volume.write(&pattern(2, UNIT)).expect("space");
        for extent in extents.iter().chain([&before, &behind]) {
            assert_eq!(read(&*source, *extent), read(&*target, *extent), "{policy:?} {extent}");
        }
        assert_eq!(volume.check(), Ok(()));
    }
}

fn overwrite_all(volume: &Volume, extents: &[LogicalRange]) -> LogicalRange {
    for extent in extents {
        let done = volume.overwrite(*extent, &pattern(!extent.start(), UNIT)).expect("writes");
        assert_eq!(done, Overwrite::InPlace);
    }
    volume.write(&pattern(9, UNIT)).expect("space")
}

/// That the assertions above can fail: without a replace, the target has nothing.
#[test]
fn twin_a_target_that_nobody_copied_to_differs() {
    let (source, target) = (memory(), memory());
    let volume = volume_on(source.clone());
    let extents = fill(&volume, 1);
    assert!(is_filled(&*source, &extents) && !is_filled(&*target, &extents));
}

#[test]
fn the_source_is_retired_and_replaced_again() {
    let devices: Vec<_> = (0..3).map(|_| memory()).collect();
    let mut volume = volume_on(devices[0].clone());
    assert!(matches!(volume.retire_source(), Err(ReplaceError::NotFinished)), "nothing was replaced");
    let mut extents = fill(&volume, 1);
    for pair in devices.windows(2) {
        let mut replace = volume.start_replace(pair[1].clone(), Policy::default()).expect("starts");
        replace.run().expect("replaces");
        replace.finish().expect("finishes");
        drop(replace);
        assert!(matches!(volume.start_replace(memory(), Policy::default()), Err(ReplaceError::NotRetired)));
        let old = volume.retire_source().expect("a replace has finished");
        assert!(volume.retire_source().is_err(), "once");
        assert_eq!(
            Arc::strong_count(&pair[1]),
            2,
            "V11: this test's, and the volume's source: no target is left"
        );
        old.write_at(0, &[0; 4096]).expect("no volume has the old device any more");
        assert!(is_filled(&*pair[1], &extents));
        let write = volume.begin_cow(UNIT).expect("space");
        write.write_at(0, &pattern(write.extent().start(), UNIT)).expect("writes");
        extents.push(write.finish().expect("no commit failed"));
        assert!(!is_filled(&*old, &extents) && is_filled(&*pair[1], &extents), "to the new device alone");
    }
    volume.commit().expect("commits");
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn a_replace_is_refused_while_another_is_at_work() {
    let volume = volume_on(memory());
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    let running = volume.start_replace(memory(), Policy::default()).expect_err("refused");
    assert!(matches!(running, ReplaceError::Running));
    assert!(replace.next_group().expect("replaces").is_some());
    let incomplete = replace.finish().unwrap_err();
    assert!(matches!(incomplete, ReplaceError::Incomplete { passed: 1, groups: 3 }));
    assert_eq!(replace.run().expect("nothing was lost by asking").len(), 2);
    replace.finish().expect("finishes");
    replace.finish().expect("twice is once");
    drop(replace);
    assert!(matches!(volume.start_replace(memory(), Policy::default()), Err(ReplaceError::NotRetired)));
}

#[test]
fn a_target_that_will_not_do_is_refused() {
    let mut volume = volume_on(memory());
    let small = Arc::new(MemoryDevice::new(100));
    let error = volume.start_replace(small, Policy::default()).expect_err("refused");
    assert!(matches!(error, ReplaceError::TargetTooSmall { length: 100, needed: LENGTH }));
    let mute = Hooked::failing_at(LENGTH, 0, |call| call == Call::Length, broken);
    let error = volume.start_replace(mute, Policy::default()).expect_err("refused");
    assert!(matches!(error, ReplaceError::Target(_)));
    assert!(volume.start_replace(memory(), Policy::default()).is_ok(), "a refusal leaves nothing behind");
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn replace_errors_say_what_to_do() {
    let copy = |side| CopyError::Device { side, address: 4096, error: io::Error::other("broken") };
    for (error, hint) in [
        (ReplaceError::Running, "cancel it, or wait until it has finished"),
        (ReplaceError::NotFinished, "call DeviceReplace::finish first"),
        (ReplaceError::NotRetired, "call Volume::retire_source before you start another"),
        (ReplaceError::TargetTooSmall { length: 1, needed: 2 }, "has 1 bytes, the block groups need 2"),
        (ReplaceError::Target(io::Error::other("gone")), "gone"),
        (ReplaceError::Copy(copy(Side::Target)), "at 4K: replace by another device: broken"),
        (ReplaceError::Copy(copy(Side::Source)), "the source cannot be read at 4K: broken"),
        (ReplaceError::Copy(CopyError::Cancelled), "was cancelled"),
        (ReplaceError::Incomplete { passed: 1, groups: 3 }, "1 of 3 block groups are replaced: call"),
    ] {
        assert!(told(&error).contains(hint), "{}", told(&error));
    }
}

/// Each call of each device that a replace makes fails once: the group is read-write again.
#[test]
fn a_failed_copy_undoes_the_freeze() {
    for (number, (call, side)) in CALLS_OF_A_COPY.into_iter().enumerate() {
        for k in 0..GROUPS {
            let (source, target): (Arc<Hooked>, Arc<Hooked>) = match side {
                Side::Source => {
                    (Hooked::failing_at(LENGTH, k, call, broken), Hooked::new(LENGTH, |_| Ok(())))
                }
                Side::Target => {
                    (Hooked::new(LENGTH, |_| Ok(())), Hooked::failing_at(LENGTH, k, call, broken))
                }
            };
            let mut volume = volume_on(source);
            let extents = fill(&volume, GROUPS);
            let mut replace = volume.start_replace(target.clone(), Policy::default()).expect("starts");
            let failed = usize::from(replace.run().is_err());
            assert!(volume.groups().iter().all(|group| group.block_group().read_only_levels() == 0));
            assert!(volume.begin_nocow(extents[0]).is_ok());
            assert_eq!(failed, 1, "call {k} of {side:?} was never made");
            let is_flush = number == 2;
            assert_eq!(
                replace.run().is_ok(),
                !is_flush,
                "what a flush has lost is lost; all else is copied again"
            );
            drop(replace);
            assert_eq!(volume.check(), Ok(()));
        }
    }
}

#[test]
fn a_failed_read_is_read_again() {
    let (source, target) = (Hooked::failing_at(LENGTH, 1, is_read, broken), memory());
    let volume = volume_on(source);
    let extents = fill(&volume, GROUPS);
    let mut replace = volume.start_replace(target.clone(), Policy::default()).expect("starts");
    let error = replace.run().unwrap_err();
    let ReplaceError::Copy(CopyError::Device { side: Side::Source, address, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!((address, replace.progress()), (GROUP, (1, 3)));
    assert_eq!(replace.run().expect("goes on").len(), 2);
    replace.finish().expect("finishes");
    drop(replace);
    assert!(is_filled(&*target, &extents));
}

/// The writer is safe on the source; it is the replace that must copy again before it finishes.
#[test]
fn a_write_that_fails_on_the_target_is_copied_again() {
    for policy in [Policy::CopyThenClone, Policy::CloneAlways] {
        let at = if policy == Policy::CloneAlways { 0 } else { GROUPS };
        let source = memory();
        let mut volume = volume_on(source.clone());
        let extents = fill(&volume, GROUPS);
        volume.commit().expect("commits");
        let target = Hooked::failing_at(LENGTH, at, is_write, broken);
        let mut replace = volume.start_replace(target.clone(), policy).expect("starts");
        if policy == Policy::CopyThenClone {
            replace.run().expect("replaces");
        }
        assert_eq!(volume.overwrite(extents[3], &[1; 4096]).expect("writes"), Overwrite::InPlace);
        assert_eq!(*read(&*source, extents[3]), [1; 4096]);
        if policy == Policy::CopyThenClone {
            let error = replace.finish().unwrap_err();
            let ReplaceError::InDoubt { extent, why: WhyInDoubt::TargetFailed(_) } = error else {
                panic!("{error}");
            };
            assert_eq!(extent, extents[3]);
        }
        replace.run().expect("copies it, for the first time or again");
        replace.finish().expect("finishes");
        drop(replace);
        assert_eq!(*read(&*target, extents[3]), [1; 4096]);
        volume.retire_source().expect("all is on the target");
        assert_eq!(volume.check(), Ok(()));
    }
}

#[test]
fn a_target_that_cannot_be_flushed_fails_the_replace_alone() {
    let mut volume = volume_on(memory());
    // Each group is flushed by its copy.
    let target = Hooked::failing_at(LENGTH, GROUPS, is_flush, broken);
    let mut replace = volume.start_replace(target, Policy::default()).expect("starts");
    replace.run().expect("replaces");
    volume.write(&[1]).expect("space");
    volume.commit().expect("the source is flushed");
    assert!(replace.finish().is_err());
    drop(replace);
    assert_eq!(volume.check(), Ok(()));
}

// ---- Cancelling, and giving up.

/// Cancels a replace of the first group while step 2 waits for a reservation, or step 3 for a write. Returns the
/// number of the last commit, and whether the replace said why it ended. `replace` is to send its token first.
fn cancelled_while_it_waits(
    step: u32,
    replace: fn(&Volume, &mpsc::Sender<CancelToken>) -> Result<(), ReplaceError>,
) -> (u64, bool) {
    within_a_minute("a replace that is cancelled while it waits", move || {
        let (volume, (sender, token)) = (volume_on(memory()), mpsc::channel());
        let group = volume.groups()[0].block_group();
        let reservation = (step == 2).then(|| group.reserve(UNIT).expect("space"));
        let write = (step == 3).then(|| volume.begin_cow(UNIT).expect("space"));
        std::thread::scope(|scope| {
            let (volume, sender) = (&volume, sender);
            let replaced = scope.spawn(move || replace(volume, &sender));
            let cancel = token.recv().expect("it has begun");
            while group.read_only_levels() == 0 {
                std::thread::yield_now();
            }
            cancel.cancel();
            drop((reservation, write));
            let ended = replaced.join().expect("no panic");
            let is_cancelled = matches!(ended, Err(ReplaceError::Copy(CopyError::Cancelled)));
            (volume.commit_root().transaction().0, is_cancelled)
        })
    })
}

#[test]
fn a_cancel_is_looked_at_between_the_steps() {
    for step in [2, 3] {
        let found = cancelled_while_it_waits(step, |volume, tokens| {
            let mut replace = volume.start_replace(memory(), Policy::default())?;
            tokens.send(replace.cancel_token()).expect("the test listens");
            replace.run().map(drop)
        });
        assert_eq!(found, (0, true), "step {step}: it commits for nothing");
    }
}

/// The drain by itself looks at it when it copies.
#[test]
fn twin_a_drain_by_hand_commits_before_it_looks_at_a_cancel() {
    for step in [2, 3] {
        let found = cancelled_while_it_waits(step, |volume, tokens| {
            let (cancel, group) = (CancelToken::default(), &volume.groups()[0]);
            tokens.send(cancel.clone()).expect("the test listens");
            let frozen = Frozen::freeze(group.block_group()).wait_writers();
            let committed = frozen.wait_ordered(group.ordered_extents()).commit(volume)?;
            Ok(committed.copy(&**volume.source(), &*memory(), &cancel).map(drop)?)
        });
        assert_eq!(found, (1, true), "step {step}");
    }
}

#[test]
fn a_cancelled_replace_stops_and_leaves_nothing() {
    // Before: at the first step. During: while the copy of the second group reads. After: it is too late.
    for k in [None, Some(1)] {
        let token: Arc<Mutex<Option<CancelToken>>> = Arc::default();
        let for_source = Arc::clone(&token);
        let source = Hooked::failing_at(LENGTH, k.unwrap_or(u64::MAX), is_read, move || {
            for_source.lock().iter().for_each(CancelToken::cancel);
            Ok(())
        });
        let mut volume = volume_on(source);
        fill(&volume, GROUPS);
        let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
        *token.lock() = Some(replace.cancel_token());
        if k.is_none() {
            replace.cancel_token().cancel();
        }
        for _ in 0..2 {
            let error = replace.run().unwrap_err();
            assert!(matches!(error, ReplaceError::Copy(CopyError::Cancelled)), "{error}");
        }
        assert_eq!(replace.progress().0 as u64, k.unwrap_or(0));
        assert!(volume.groups().iter().all(|group| group.block_group().read_only_levels() == 0));
        drop(replace);
        let mut again = volume.start_replace(memory(), Policy::default()).expect("starts");
        assert_eq!(again.run().expect("replaces").len(), 3);
        again.cancel_token().cancel();
        again.finish().expect("it is too late to cancel");
        drop(again);
        assert_eq!(volume.check(), Ok(()));
    }
}

#[test]
fn a_replace_that_is_given_up_midway_leaves_room_for_another() {
    for policy in [Policy::CopyThenClone, Policy::CloneAlways] {
        let (abandoned, target) = (memory(), memory());
        let mut volume = volume_on(memory());
        let extents = fill(&volume, GROUPS);
        let mut replace = volume.start_replace(abandoned.clone(), policy).expect("starts");
        replace.next_group().expect("replaces");
        drop(replace);
        let _ = volume.overwrite(extents[0], &pattern(77, UNIT)).expect("writes");
        assert!(is_filled(&*abandoned, &extents[..1]), "nothing is written to a target that was given up");

        let mut replace = volume.start_replace(target.clone(), policy).expect("starts");
        replace.run().expect("replaces");
        replace.finish().expect("finishes");
        drop(replace);
        assert_eq!(read(&*target, extents[0]), pattern(77, UNIT));
        assert!(is_filled(&*target, &extents[1..]));
        assert_eq!(volume.check(), Ok(()));
    }
}

#[test]
fn a_replace_waits_for_the_write_that_was_there() {
    within_a_minute("a replace with a write in flight", || {
        let target = memory();
        let volume = volume_on(memory());
        let write = volume.begin_cow(UNIT).expect("space");
        let (started, has_started) = mpsc::channel();
        let summary = std::thread::scope(|scope| {
            let volume = &volume;
            let target = target.clone();
            let replacing = scope.spawn(move || {
                let mut replace = volume.start_replace(target, Policy::default()).expect("starts");
                started.send(()).expect("received below");
                let summaries = replace.run().expect("replaces");
                replace.finish().expect("finishes");
                drop(replace);
                summaries[0].clone()
            });
            has_started.recv().expect("it starts");
            while volume.groups()[0].block_group().read_only_levels() == 0 {
                std::thread::yield_now();
            }
            write.write_at(0, &pattern(5, UNIT)).expect("writes");
            write.finish().expect("no commit failed");
            replacing.join().expect("no panic")
        });
        assert_eq!(summary.copied, CopyFigures { extents: 1, bytes: UNIT });
        assert_eq!(read(&*target, range(0, UNIT)), pattern(5, UNIT));
    });
}

/// Writers that were admitted before the scrub are waited for by the replace too.
#[test]
fn a_replace_inside_a_scrub_waits_for_writers_of_both_kinds() {
    let volume = volume_on(memory());
    let group = volume.groups()[0].block_group();
    let writers = (group.begin_nocow(), group.reserve(UNIT).expect("space"));
    let _scrub = group.set_read_only();
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    std::thread::scope(|scope| {
        let replacing = scope.spawn(|| replace.next_group().expect("replaces").expect("a group"));
        while group.read_only_levels() < 2 {
            std::thread::yield_now();
        }
        drop(writers);
        let summary = replacing.join().expect("no panic");
        assert!(summary.waited_nocow_writers && summary.waited_reservations);
    });
}

#[test]
fn a_scrub_and_a_replace_nest() {
    let mut volume = volume_on(memory());
    fill(&volume, 1);
    let group = &volume.groups()[0];
    let scrub = Frozen::freeze(group.block_group()).wait_writers().wait_ordered(group.ordered_extents());
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    replace.next_group().expect("replaces");
    assert_eq!(group.block_group().read_only_levels(), 1, "the scrub's");
    let committed = scrub.commit(&volume).expect("commits");
    assert_eq!(committed.extents().count(), 16);
    drop((committed, replace));
    assert_eq!(group.block_group().read_only_levels(), 0);
    assert_eq!(volume.check(), Ok(()));
}

// ---- Devices that panic.

fn burst() -> io::Result<()> {
    panic!("the driver has a bug");
}

#[test]
fn a_panic_of_the_source_undoes_the_write() {
    let mut volume = volume_on(Hooked::failing_at(LENGTH, 1, is_write, burst));
    let extent = volume.write(&[1; 4096]).expect("the first write");
    assert!(panics(|| drop(volume.write(&[2; 4096]))));
    assert_eq!(free(&volume), LENGTH - UNIT);
    volume.commit().expect("a writer that panics is no failed commit");
    assert_eq!(volume.overwrite(extent, &[3]).expect("goes on"), Overwrite::InPlace);
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn a_panic_during_the_copy_undoes_the_freeze() {
    // Of the second group.
    for ((call, side), k) in CALLS_OF_A_COPY.into_iter().zip([1, 1, 1]) {
        let healthy = || Hooked::new(LENGTH, |_| Ok(()));
        let faulty = Hooked::failing_at(LENGTH, k, call, burst);
        let (source, target) = match side {
            Side::Source => (faulty, healthy()),
            Side::Target => (healthy(), faulty),
        };
        let mut volume = volume_on(source);
        let extents = fill(&volume, GROUPS);
        let mut replace = volume.start_replace(target.clone(), Policy::default()).expect("starts");
        assert!(panics(|| drop(replace.run())), "{side:?}");
        assert_eq!(replace.progress(), (1, 3));
        assert!(volume.begin_nocow(extents[0]).is_ok(), "read-write again");
        drop(replace);
        assert_eq!(volume.check(), Ok(()));
        let again = volume.start_replace(memory(), Policy::default());
        assert!(again.expect("starts").run().is_ok());
    }
}

#[test]
fn a_panic_during_the_flush_of_a_commit_is_a_failed_commit() {
    let mut volume = volume_on(Hooked::failing_at(LENGTH, 0, is_flush, burst));
    volume.write(&[1]).expect("space");
    assert!(panics(|| drop(volume.commit())));
    let error = volume.write(&[1]).unwrap_err();
    assert!(error.to_string().ends_with("the thread that committed panicked"), "{error}");
    assert_eq!(volume.check(), Ok(()));
}
