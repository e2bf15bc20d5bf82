#![cfg(not(any(loom, traceset)))]
//! The target of a replace on std threads: an error names the device and the bytes that it is about, what is in doubt is
//! copied again, a call that hangs holds its own thread alone, and a device that will not do is refused.

mod support;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc;

use blockgate::sync::Mutex;
use blockgate::volume::{Policy, ReplaceError, WhyInDoubt};
use blockgate::{
    CancelToken, CopyError, Device, Frozen, LogicalRange, MemoryDevice, Overwrite, Shards, Volume,
};
use support::{
    Call, Counter, Hooked, KIB, UNIT, is_flush, is_write, panics, pattern, range, read, told, within_a_minute,
};

const GROUP: u64 = 64 * KIB;
const LENGTH: u64 = 2 * GROUP;

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(LENGTH).expect("small")))
}

fn volume_on(source: Arc<dyn Device>) -> Volume {
    // One shard: addresses are then handed out from the lowest.
    let builder = Volume::builder(UNIT).shards(Shards::new(1));
    builder.group(range(0, GROUP)).group(range(GROUP, GROUP)).build(source).expect("a good layout")
}

/// One extent, committed.
fn write(volume: &Volume) -> LogicalRange {
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    volume.commit().expect("commits");
    extent
}

/// A device that fails the next write, once it is told to.
fn fragile() -> (Arc<Hooked>, Arc<Counter>) {
    let faults = Arc::new(Counter::default());
    let left = Arc::clone(&faults);
    let device = Hooked::new(LENGTH, move |call| {
        if is_write(call) && left.get() > 0 {
            left.one_less();
            return Err(io::Error::other("the cable is loose"));
        }
        Ok(())
    });
    (device, faults)
}

fn in_doubt(error: &ReplaceError) -> Option<(LogicalRange, &WhyInDoubt)> {
    match error {
        ReplaceError::InDoubt { extent, why } => Some((*extent, why)),
        _ => None,
    }
}

// ---- What is in doubt.

/// An in-place write behind the cursor fails on the source; its caller goes on to `finish`, or drops it.
#[test]
fn a_write_that_fails_on_the_source_puts_its_bytes_in_doubt_and_no_others() {
    for goes_on in [false, true] {
        let ((source, faults), target) = (fragile(), memory());
        let volume = volume_on(source.clone());
        let extent = write(&volume);
        let mut replace = volume.start_replace(target.clone(), Policy::CopyThenClone).expect("starts");
        replace.run().expect("replaces");
        let write = volume.begin_nocow(extent).expect("its only reference");
        faults.next();
        let half = write.write_at(0, &[9; 2048]).expect_err("the source fails");
        assert!(told(&half).contains("the cable is loose"));
        source.memory.write_at(extent.start(), &[9; 100]).expect("and yet some bytes went out");
        if goes_on {
            write.finish();
        } else {
            drop(write);
        }
        assert_ne!(read(&*source, extent), read(&*target, extent), "so the check below can fail");

        let error = replace.finish().expect_err("they may differ");
        let (doubted, why) = in_doubt(&error).expect("in doubt, and not failed");
        assert!(extent.contains(&doubted) && matches!(why, WhyInDoubt::SourceFailed | WhyInDoubt::GivenUp));
        assert!(told(&error).contains("may differ on the two devices"), "{error}");
        assert_eq!(replace.run().expect("copies again").len(), 1, "the one group");
        replace.finish().expect("finishes");
        assert_eq!(read(&*source, extent), read(&*target, extent));
    }
}

/// The target is trusted where its group is still to be copied.
#[test]
fn a_doubt_ahead_of_the_copy_is_settled_by_it() {
    let ((source, faults), target) = (fragile(), memory());
    let volume = volume_on(source.clone());
    let extent = write(&volume);
    let mut replace = volume.start_replace(target.clone(), Policy::CloneAlways).expect("starts");
    faults.next();
    assert!(volume.overwrite(extent, &[9; 100]).is_err(), "the source fails");
    assert_eq!(replace.run().expect("copies all").len(), 2, "each group once");
    replace.finish().expect("finishes");
    assert_eq!(read(&*source, extent), read(&*target, extent));
}

/// Also one that the drain waits for: it fails before the copy, which has its bytes from the source.
#[test]
fn a_doubt_that_comes_while_the_copy_waits_is_settled_by_it() {
    let (source, (target, faults)) = (memory(), fragile());
    let volume = volume_on(source.clone());
    let extent = write(&volume);
    let mut replace = volume.start_replace(target.clone(), Policy::CloneAlways).expect("starts");
    let in_flight = volume.begin_nocow(extent).expect("its only reference");
    std::thread::scope(|scope| {
        let replacing = scope.spawn(|| replace.run().expect("copies all").len());
        while volume.groups()[0].block_group().read_only_levels() == 0 {
            std::thread::yield_now();
        }
        // Time enough for a copy that looks for doubts before it waits.
        (0..1000).for_each(|_| std::thread::yield_now());
        faults.next();
        in_flight.write_at(0, &[9; 100]).expect("the source has it");
        in_flight.finish();
        assert_eq!(replacing.join().expect("no panic"), 2, "each group once");
    });
    replace.finish().expect("finishes");
    assert_eq!(read(&*source, extent), read(&*target, extent));
}

/// After `finish` too: it can be run again, and finished again.
#[test]
fn a_doubt_after_the_end_is_copied_again_or_refuses_the_retirement() {
    for is_copied in [true, false] {
        let (source, (target, faults)) = (memory(), fragile());
        let mut volume = volume_on(source.clone());
        let extent = write(&volume);
        let mut replace = volume.start_replace(target.clone(), Policy::CopyThenClone).expect("starts");
        replace.run().expect("replaces");
        replace.finish().expect("finishes");
        faults.next();
        assert_eq!(volume.overwrite(extent, &[9; 100]).expect("the source has it"), Overwrite::InPlace);
        if is_copied {
            replace.run().expect("copies again");
            replace.finish().expect("finishes again");
        }
        assert_eq!(replace.progress(), (volume.groups().len(), volume.groups().len()), "each group once");
        drop(replace);
        let retired = volume.retire_source();
        assert_eq!(retired.is_ok(), is_copied);
        if let Err(error) = retired {
            let (doubted, why) = in_doubt(&error).expect("in doubt");
            assert!(doubted.overlaps(&extent) && matches!(why, WhyInDoubt::TargetFailed(_)));
            assert!(told(&error).contains("the cable is loose"), "{}", told(&error));
        }
        let mut kept = vec![0; 4096];
        volume.read(extent.start(), &mut kept).expect("whichever device it is");
        assert_eq!((&kept[..100], &kept[100..]), (&[9; 100][..], &pattern(1, UNIT)[100..]));
    }
}

// ---- Errors that misbehave.

/// Its text panics, on whatever thread makes it.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Unspeakable {}

#[test]
fn a_failure_whose_text_panics_does_not_vanish() {
    let target =
        Hooked::new(LENGTH, |call| if is_flush(call) { Err(io::Error::other(Unspeakable)) } else { Ok(()) });
    let volume = volume_on(memory());
    write(&volume);
    let mut replace = volume.start_replace(target, Policy::default()).expect("starts");
    assert!(replace.run().is_err(), "the copy flushes");
    assert!(replace.run().is_err(), "and it stays failed");
    drop(replace);
    assert!(volume.start_replace(memory(), Policy::default()).is_ok());
}

/// By hand: the text is kept, and made under the lock of what keeps it.
#[test]
fn twin_a_failure_that_is_kept_as_text_vanishes() {
    let failure = Mutex::new(None::<String>);
    assert!(panics(|| *failure.lock() = Some(io::Error::other(Unspeakable).to_string())));
    assert_eq!(*failure.lock(), None, "the next flush would be the first");
}

// ---- A source that cannot be read.

fn scratched() -> Arc<Hooked> {
    let bad = range(UNIT, UNIT);
    // A hook is asked where a read begins: one of several units begins at the first of them.
    Hooked::new(LENGTH, move |call| match call {
        Call::Read(at) if at == bad.start() || at == 0 => Err(io::Error::other("scratched")),
        _ => Ok(()),
    })
}

/// A volume with one extent, of whose four units the first two cannot be read; and that extent.
fn volume_on_scratches() -> (Volume, LogicalRange) {
    let volume = volume_on(scratched());
    let extent = volume.write(&pattern(1, 4 * UNIT)).expect("space");
    assert_eq!(extent, range(0, 4 * UNIT));
    (volume, extent)
}

#[test]
fn what_cannot_be_read_is_skipped_by_choice_and_listed() {
    let ((volume, extent), target) = (volume_on_scratches(), memory());
    let mut replace = volume.start_replace(target.clone(), Policy::default()).expect("starts");
    replace.skip_unreadable();
    let summaries = replace.run().expect("saves what can be saved");
    assert_eq!(summaries[0].unreadable, [range(0, 2 * UNIT)]);
    assert_eq!(summaries[1].unreadable, []);
    replace.finish().expect("finishes");
    let (lost, saved) = (read(&*target, range(0, 2 * UNIT)), read(&*target, range(2 * UNIT, 2 * UNIT)));
    assert!(lost.iter().all(|byte| *byte == 0));
    assert_eq!(saved[..], pattern(1, extent.len())[2 * 4096..]);
}

#[test]
fn twin_without_the_choice_the_replace_stops_there() {
    let (volume, _) = volume_on_scratches();
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    for _ in 0..2 {
        let error = replace.run().expect_err("it cannot be read");
        assert!(matches!(error, ReplaceError::Copy(CopyError::Device { address: 0, .. })), "{error}");
    }
    assert!(matches!(replace.finish(), Err(ReplaceError::Incomplete { passed: 0, .. })));
}

// ---- A target that hangs.

#[test]
fn a_call_that_hangs_holds_its_own_thread_and_the_device() {
    within_a_minute("a target that hangs", || {
        let (has_begun, begun) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let gates = Mutex::new((has_begun, released));
        let writes = Counter::default();
        let target = Hooked::new(LENGTH, move |call| {
            if is_write(call) && writes.next() == 0 {
                let (has_begun, released) = &*gates.lock();
                has_begun.send(()).expect("received below");
                released.recv().expect("sent below");
            }
            Ok(())
        });
        let mut volume = volume_on(memory());
        std::thread::scope(|scope| {
            let replace = volume.start_replace(target.clone(), Policy::CloneAlways).expect("starts");
            let volume = &volume;
            let first = scope.spawn(move || volume.write(&[1; 100]).expect("the source has it"));
            begun.recv().expect("the first write of the target hangs");

            volume.write(&[2; 100]).expect("another writer goes on");
            volume.commit().expect("so does a commit");
            let (has_it, handed_back) = mpsc::channel();
            scope.spawn(move || has_it.send(replace.give_up()).expect("received below"));
            while volume.start_replace(memory(), Policy::default()).is_err() {
                std::thread::yield_now();
            }
            assert!(handed_back.try_recv().is_err(), "a call is still in the device");
            release.send(()).expect("received by the target");
            handed_back.recv().expect("handed back after the call");
            let extent = first.join().expect("the writer never noticed");
            assert_eq!(read(&*target, extent)[..100], [1; 100], "what it wrote is there by then");
        });
        assert_eq!(volume.check(), Ok(()));
    });
}

/// By hand: a source whose flush flushes the target too.
#[test]
fn twin_a_commit_that_flushes_the_target_hangs_with_it() {
    within_a_minute("a target that hangs", || {
        let ((has_begun, begun), (release, released)) = (mpsc::channel(), mpsc::channel());
        let gates = Mutex::new((has_begun, released));
        let target = Hooked::new(LENGTH, move |call| {
            if is_flush(call) {
                let (has_begun, released) = &*gates.lock();
                has_begun.send(()).expect("received below");
                released.recv().expect("sent below");
            }
            Ok(())
        });
        let volume =
            volume_on(Hooked::new(LENGTH, move |call| if is_flush(call) { target.flush() } else { Ok(()) }));
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| volume.commit().map(drop));
            begun.recv().expect("the flush hangs");
            assert!(!commit.is_finished());
            release.send(()).expect("received by the target");
            assert!(commit.join().expect("no panic").is_ok());
        });
    });
}

// ---- Devices that will not do.

/// Steps 1 to 5 of the drain of each group, by hand: nothing is asked of the target but to be written.
fn copy_by_hand(volume: &Volume, target: &dyn Device) -> Result<(), CopyError> {
    volume.groups().iter().try_for_each(|group| {
        let quiet = Frozen::freeze(group.block_group()).wait_writers();
        let committed = quiet.wait_ordered(group.ordered_extents()).commit(volume).expect("commits");
        committed.copy(&**volume.source(), target, &CancelToken::default()).map(drop)
    })
}

#[test]
fn the_source_is_no_target() {
    let device = memory();
    let volume = volume_on(device.clone());
    let error = volume.start_replace(device, Policy::default()).expect_err("refused");
    assert!(matches!(error, ReplaceError::SameDevice), "{error}");
    assert!(volume.start_replace(memory(), Policy::default()).is_ok(), "another device");
}

#[test]
fn twin_by_hand_a_copy_onto_the_source_succeeds() {
    let device = memory();
    let volume = volume_on(device.clone());
    write(&volume);
    copy_by_hand(&volume, &*device).expect("and there is one copy of everything, as before");
}

#[test]
fn one_target_is_of_one_replace() {
    let target = memory();
    let (one, other) = (volume_on(memory()), volume_on(memory()));
    let replace = one.start_replace(target.clone(), Policy::default()).expect("starts");
    let error = other.start_replace(target.clone(), Policy::default()).expect_err("refused");
    assert!(matches!(error, ReplaceError::TargetInUse), "{error}");
    drop(replace.give_up());
    assert!(other.start_replace(target, Policy::default()).is_ok(), "it was given up");
}

#[test]
fn twin_by_hand_two_copies_onto_one_target_overwrite_each_other() {
    let target = memory();
    let (one, other) = (volume_on(memory()), volume_on(memory()));
    let extent = write(&one);
    assert_eq!(other.write(&pattern(2, UNIT)).expect("space"), extent);
    for volume in [&one, &other] {
        copy_by_hand(volume, &*target).expect("nothing fails");
    }
    assert_ne!(read(&**one.source(), extent), read(&*target, extent));
}

/// A device whose length changes.
struct Shrinking(MemoryDevice, Counter);

impl Device for Shrinking {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(LENGTH - self.1.get())
    }
}

fn shrinking() -> Arc<Shrinking> {
    Arc::new(Shrinking(MemoryDevice::new(usize::try_from(LENGTH).expect("small")), Counter::default()))
}

#[test]
fn a_target_that_shrank_is_not_finished_and_not_taken_over() {
    for shrinks_before_finish in [true, false] {
        let target = shrinking();
        let mut volume = volume_on(memory());
        let mut replace = volume.start_replace(target.clone(), Policy::default()).expect("starts");
        replace.run().expect("replaces");
        if shrinks_before_finish {
            target.1.add(UNIT);
            let error = replace.finish().expect_err("too small now");
            assert!(matches!(error, ReplaceError::TargetTooSmall { needed: LENGTH, .. }), "{error}");
            continue;
        }
        replace.finish().expect("it has its length");
        drop(replace);
        target.1.add(UNIT);
        assert!(matches!(volume.retire_source(), Err(ReplaceError::TargetTooSmall { .. })));
        volume.write(&[1]).expect("the volume stays on its source");
    }
}

#[test]
fn twin_by_hand_a_copy_does_not_see_that_the_target_shrank() {
    let (volume, target) = (volume_on(memory()), shrinking());
    write(&volume);
    target.1.add(UNIT);
    copy_by_hand(&volume, &*target).expect("no extent is where it ends");
    let builder = Volume::builder(UNIT).group(range(0, LENGTH));
    assert!(builder.build(target).is_err(), "no volume can go on there");
}
