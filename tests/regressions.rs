#![cfg(not(any(loom, traceset)))]
//! What was wrong once, one test each: mostly devices that fail at an awkward moment.

mod support;

use std::io;
use std::sync::Arc;

use blockgate::sync::Mutex;
use blockgate::volume::{Overwrite, Policy, WriteError};
use blockgate::{
    BlockGroup, BlockGroupId, DelayedRef, Device, LogicalRange, MemoryDevice, ReserveError, Shards,
    Transactions, Volume,
};
use support::{Call, Counter, Hooked, KIB, UNIT, broken, is_flush, is_write, panics, pattern, range, read};

const LENGTH: u64 = 64 * KIB;

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(LENGTH).expect("small")))
}

fn volume_on(source: Arc<dyn Device>, groups: u64) -> Volume {
    let length = LENGTH / groups;
    let add = |builder: blockgate::volume::VolumeBuilder, index| builder.group(range(index * length, length));
    (0..groups).fold(Volume::builder(UNIT), add).build(source).expect("a good layout")
}

/// The old device is given back although the new one misses a write.
#[test]
fn a_target_that_fails_after_the_finish_is_not_retired_to() {
    let volume_and_target = |k| {
        let target = Hooked::failing_at(LENGTH, k, is_write, broken);
        (volume_on(memory(), 1), target)
    };
    let (mut volume, target) = volume_and_target(1);
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let mut replace = volume.start_replace(target, Policy::default()).expect("starts");
    replace.run().expect("replaces");
    replace.finish().expect("finishes");
    drop(replace);
    let _ = volume.overwrite(extent, &pattern(2, UNIT)).expect("safe on the source");
    let _ = volume.retire_source();
    assert_eq!(read(&**volume.source(), extent), pattern(2, UNIT), "a write that was acknowledged is lost");
}

/// A device with a volatile cache: what was written since the last flush is lost where a flush fails.
struct Cached {
    memory: MemoryDevice,
    unflushed: Mutex<Vec<(u64, Vec<u8>)>>,
    flushes: support::Counter,
    fails_at: u64,
}

impl Device for Cached {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.memory.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut old = vec![0; data.len()];
        self.memory.read_at(offset, &mut old)?;
        self.unflushed.lock().push((offset, old));
        self.memory.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        let lost = std::mem::take(&mut *self.unflushed.lock());
        if self.flushes.next() != self.fails_at {
            return Ok(());
        }
        for (offset, old) in lost.iter().rev() {
            self.memory.write_at(*offset, old)?;
        }
        broken()
    }

    fn length(&self) -> io::Result<u64> {
        self.memory.length()
    }
}

/// `Device::flush` says: "what was written before may be lost then". That is also what writers wrote
/// behind the cursor, which no retry of the group copies again.
#[test]
fn a_target_that_failed_a_flush_is_not_retired_to() {
    // The flushes of the copy of each of two groups, of the finish, and of the retirement.
    for fails_at in 0..4 {
        let target = Arc::new(Cached {
            memory: MemoryDevice::new(usize::try_from(LENGTH).expect("small")),
            unflushed: Mutex::default(),
            flushes: support::Counter::default(),
            fails_at,
        });
        let mut volume = volume_on(memory(), 2);
        let extent = volume.write(&pattern(1, UNIT)).expect("space");
        let mut replace = volume.start_replace(target, Policy::default()).expect("starts");
        let first = replace.next_group();
        let _ = volume.overwrite(extent, &pattern(2, UNIT)).expect("safe on the source");
        let finished = first.and_then(|_| replace.run()).and_then(|_| replace.finish());
        let finished = finished.or_else(|_| replace.run().and_then(|_| replace.finish()));
        assert_eq!(finished.is_err(), fails_at < 3, "flush {fails_at} failed");
        drop(replace);
        assert!(volume.retire_source().is_err());
        assert_eq!(read(&**volume.source(), extent), pattern(2, UNIT));
    }
}

/// In place the tail of the extent stays; moved, it is lost.
#[test]
fn an_overwrite_of_the_start_keeps_the_rest() {
    let volume = volume_on(memory(), 2);
    let old = volume.write(&pattern(1, 2 * UNIT)).expect("space");
    let _read_only = volume.groups()[0].block_group().set_read_only();
    let Overwrite::Moved(new) = volume.overwrite(old, &pattern(2, UNIT)).expect("writes") else {
        panic!("in place in a read-only group");
    };
    let (found, wanted) = (read(&**volume.source(), new), read(&**volume.source(), old));
    assert!(found[4096..] == wanted[4096..], "the rest of the extent is gone");
}

/// In place it would work for months, and the first freeze would abort the commit.
#[test]
fn an_overwrite_of_a_part_is_refused() {
    let volume = volume_on(memory(), 2);
    let extent = volume.write(&pattern(1, 2 * UNIT)).expect("space");
    volume.commit().expect("commits");
    let part = range(extent.start() + UNIT, UNIT);
    let errors = [
        volume.overwrite(part, &[2]).err(),
        volume.delete(part).map(drop).err(),
        volume.add_reference(part).map(drop).err(),
    ];
    for error in errors {
        let error = error.expect("refused");
        assert!(matches!(error, WriteError::NotAnExtent { found, .. } if found == extent), "{error}");
        assert!(error.to_string().contains("name it as a whole"), "{error}");
    }
    assert_eq!(volume.commit().expect("commits").len(), 1);
}

/// "`SpaceError` if it is not reserved": one byte is not what was reserved.
#[test]
fn only_whole_units_are_released() {
    let whole = range(0, 4 * UNIT);
    let group =
        BlockGroup::with_shards(BlockGroupId(0), whole, UNIT, blockgate::Shards::new(1)).expect("aligned");
    let all = group.reserve(4 * UNIT).expect("space").hand_over();
    let _ = group.release(range(all.start() + 1, 3 * UNIT));
    let misaligned: Vec<LogicalRange> = std::iter::from_fn(|| match group.reserve(UNIT) {
        Ok(reservation) => Some(reservation.hand_over()),
        Err(ReserveError::NoSpace { .. }) => None,
        Err(other) => panic!("{other}"),
    })
    .filter(|extent| !extent.is_aligned(UNIT))
    .collect();
    assert_eq!(misaligned, [], "allocated in multiples of the alignment");
}

/// "Commits: makes what the new commit root lists durable on the devices."
#[test]
fn a_commit_makes_in_place_writes_durable() {
    let flushed = Arc::new(support::Counter::default());
    let seen = Arc::clone(&flushed);
    let source = Hooked::new(LENGTH, move |call: Call| {
        seen.add(u64::from(is_flush(call)));
        Ok(())
    });
    let volume = volume_on(source, 1);
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    volume.commit().expect("commits");
    let before = flushed.get();
    let _ = volume.overwrite(extent, &pattern(2, UNIT)).expect("in place");
    volume.commit().expect("commits");
    assert!(flushed.get() > before, "the device was not flushed after the overwrite");
}

/// Writes all, and then fails once: a lost acknowledgement.
struct Late(MemoryDevice, Arc<support::Counter>);
impl Device for Late {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)?;
        if self.1.next() == 1 { broken() } else { Ok(()) }
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
}

/// The bytes of an in-place write that failed are unknown, but they must be the same on both devices.
#[test]
fn a_failed_write_behind_the_cursor_does_not_part_the_devices() {
    let target = memory();
    let late = Arc::new(support::Counter::default());
    let source = Late(MemoryDevice::new(usize::try_from(LENGTH).expect("small")), Arc::clone(&late));
    let mut volume = volume_on(Arc::new(source), 1);
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let mut replace = volume.start_replace(target, Policy::default()).expect("starts");
    replace.run().expect("replaces");
    assert!(volume.overwrite(extent, &pattern(2, UNIT)).is_err());
    let before = read(&**volume.source(), extent);
    let finished = replace.finish();
    drop(replace);
    if finished.is_ok() {
        let _ = volume.retire_source();
    }
    assert!(read(&**volume.source(), extent) == before, "the bytes changed by retiring the source");
}

/// A clone shares its extent: writing to it in place writes to both.
#[test]
fn an_overwrite_leaves_the_other_reference_alone() {
    let volume = volume_on(memory(), 2);
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    volume.add_reference(extent).expect("a clone");
    volume.commit().expect("commits");
    let _ = volume.overwrite(extent, &pattern(2, UNIT)).expect("writes");
    assert!(read(&**volume.source(), extent) == pattern(1, UNIT), "the clone has changed too");
}

/// One transaction, from one valid tree to another.
#[test]
fn an_extent_can_be_split_in_one_transaction() {
    let transactions = Transactions::default();
    let mut handle = transactions.join().expect("runs");
    handle.push(DelayedRef::add(range(0, 8)));
    handle.end();
    let _ = transactions.commit().expect("commits");
    let mut handle = transactions.join().expect("runs");
    handle.push(DelayedRef::drop(range(0, 8)));
    handle.push(DelayedRef::add(range(0, 4)));
    handle.push(DelayedRef::add(range(4, 4)));
    handle.end();
    let root = transactions.commit().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(root.len(), 2);
}

/// As splitting alone, which works; what cancels is looked at before what goes.
#[test]
fn an_extent_can_be_split_and_one_half_dropped() {
    let transactions = Transactions::default();
    let mut handle = transactions.join().expect("runs");
    handle.push(DelayedRef::add(range(0, 8)));
    handle.end();
    let _ = transactions.commit().expect("commits");
    let mut handle = transactions.join().expect("runs");
    for change in [
        DelayedRef::drop(range(0, 8)),
        DelayedRef::add(range(0, 4)),
        DelayedRef::add(range(4, 4)),
        DelayedRef::drop(range(0, 4)),
    ] {
        handle.push(change);
    }
    handle.end();
    let root = transactions.commit().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(root.len(), 1);
}

/// Panics at one write, after it has written.
struct Bursting {
    memory: MemoryDevice,
    at: u64,
    writes: Counter,
}

impl Device for Bursting {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.memory.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write_at(offset, data)?;
        assert_ne!(self.writes.next(), self.at, "{:?}: the driver has a bug", Call::Write(offset));
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.memory.length()
    }
}

/// As a write that fails there with an error, which the replace learns of.
#[test]
fn a_panic_behind_the_cursor_does_not_part_the_devices() {
    let memory_of_source = MemoryDevice::new(usize::try_from(LENGTH).expect("small"));
    let source = Bursting { memory: memory_of_source, at: 1, writes: Counter::default() };
    let mut volume = volume_on(Arc::new(source), 1);
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let mut replace = volume.start_replace(memory(), Policy::default()).expect("starts");
    replace.run().expect("replaces");
    assert!(panics(|| drop(volume.overwrite(extent, &pattern(2, UNIT)))));
    let before = read(&**volume.source(), extent);
    let finished = replace.finish().is_ok();
    drop(replace);
    if finished {
        let _ = volume.retire_source();
    }
    assert_eq!(read(&**volume.source(), extent), before, "the bytes changed by retiring the source");
}

/// The halves take the place of the whole: their bytes were used, and are used.
#[test]
fn bytes_that_change_their_extent_are_not_given_out_again() {
    let whole = range(0, 4 * UNIT);
    let builder = Volume::builder(UNIT).shards(Shards::new(1)).group(whole);
    let mut volume = builder.build(memory()).expect("a good layout");
    let extent = volume.write(&pattern(1, 2 * UNIT)).expect("space");
    volume.commit().expect("commits");
    let held = volume.begin_cow(2 * UNIT).expect("space");
    let halves = [range(extent.start(), UNIT), range(extent.start() + UNIT, UNIT)];
    let split = [DelayedRef::drop(extent), DelayedRef::add(halves[0]), DelayedRef::add(halves[1])];
    volume.change_references(&split).expect("the halves are of the whole");
    volume.commit().expect("commits");
    assert!(volume.begin_cow(UNIT).is_err(), "a live half was given out");
    drop(held);
    volume.check().expect("the figures fit the tree");
}
