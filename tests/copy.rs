#![cfg(not(any(loom, traceset)))]
//! What the copy does with runs that are longer than its buffer: each byte comes to its own place, and no other one is
//! written.

mod support;

use std::sync::Arc;

use blockgate::{Device, LogicalRange, MemoryDevice, Policy, Shards, Volume};
use support::{KIB, UNIT, pattern, range, read};

const MIB: u64 = 1024 * KIB;
const GROUP: u64 = 8 * MIB;

/// What the target holds where nothing was copied.
const UNTOUCHED: u8 = 0xEE;

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(2 * GROUP).expect("small")))
}

fn untouched() -> Arc<MemoryDevice> {
    let device = memory();
    let bytes = vec![UNTOUCHED; usize::try_from(2 * GROUP).expect("small")];
    device.write_at(0, &bytes).expect("it is long enough");
    device
}

/// Two groups with extents of these lengths one after the other, each full of its own pattern.
fn volume_with(lengths: &[u64]) -> (Volume, Arc<MemoryDevice>, Vec<LogicalRange>) {
    let source = memory();
    // One shard: addresses are handed out from the lowest.
    let builder =
        Volume::builder(UNIT).shards(Shards::new(1)).group(range(0, GROUP)).group(range(GROUP, GROUP));
    let volume = builder.build(source.clone()).expect("fits");
    let write = |length: &u64| {
        let write = volume.begin_cow(*length).expect("space");
        write.write_at(0, &pattern(write.extent().start(), *length)).expect("writes");
        write.finish().expect("no commit failed")
    };
    let extents = lengths.iter().map(write).collect();
    (volume, source, extents)
}

fn replace(volume: &Volume) -> Arc<MemoryDevice> {
    let target = untouched();
    let mut replace = volume.start_replace(target.clone(), Policy::CopyThenClone).expect("the first");
    replace.run().expect("nothing fails");
    replace.finish().expect("all groups are done");
    target
}

/// The first difference, if there is one.
fn first_difference(target: &dyn Device, extents: &[LogicalRange]) -> Option<LogicalRange> {
    let is_copied = |extent: &LogicalRange| read(target, *extent) == pattern(extent.start(), extent.len());
    extents.iter().copied().find(|extent| !is_copied(extent))
}

fn is_untouched(target: &dyn Device, gap: LogicalRange) -> bool {
    read(target, gap).iter().all(|byte| *byte == UNTOUCHED)
}

#[test]
fn runs_longer_than_the_buffer_are_copied_to_the_last_byte() {
    for lengths in [
        vec![MIB],                       // as long as the buffer
        vec![MIB + UNIT],                // a little longer
        vec![2 * MIB],                   // twice
        vec![3 * MIB + UNIT],            // and an odd end
        vec![UNIT, 2 * MIB, UNIT, MIB],  // many extents, one run
        vec![GROUP, GROUP],              // full groups
        vec![5 * MIB, 5 * MIB, 2 * MIB], // one that finds room in the next group
    ] {
        let (volume, _source, extents) = volume_with(&lengths);
        let target = replace(&volume);
        assert_eq!(first_difference(&*target, &extents), None, "{lengths:?}");
    }
}

#[test]
fn what_lies_between_two_runs_is_not_written() {
    let (volume, _source, extents) = volume_with(&[MIB + UNIT, 3 * UNIT, 2 * MIB + UNIT, UNIT]);
    volume.delete(extents[1]).expect("it is live");
    volume.commit().expect("commits");
    let target = replace(&volume);
    assert_eq!(first_difference(&*target, &[extents[0], extents[2], extents[3]]), None);
    assert!(is_untouched(&*target, extents[1]), "the gap was written");
    let rest = LogicalRange::new(extents[3].end(), GROUP - extents[3].end()).expect("a range");
    assert!(is_untouched(&*target, rest), "the free rest of the group was written");
}

/// A copy that is composed by hand, of `length` bytes of each chunk, which it reads at an address made of its start and
/// the chunk's own.
fn copy_by_hand(
    run: LogicalRange,
    length: u64,
    from: fn(u64, u64) -> u64,
    source: &dyn Device,
) -> MemoryDevice {
    let target = MemoryDevice::new(usize::try_from(2 * GROUP).expect("small"));
    for at in (run.start()..run.end()).step_by(usize::try_from(length).expect("small")) {
        let chunk = range(at, MIB.min(run.end() - at));
        let bytes = read(source, range(from(run.start(), at), chunk.len()));
        target.write_at(at, &bytes).expect("it is long enough");
    }
    target
}

#[test]
fn twin_the_first_mebibyte_of_a_run_alone_differs() {
    let (_volume, source, extents) = volume_with(&[3 * MIB]);
    let target = copy_by_hand(extents[0], 3 * MIB, |_run, chunk| chunk, &*source);
    assert_eq!(first_difference(&target, &extents), Some(extents[0]));
}

#[test]
fn twin_chunks_that_are_all_read_at_the_start_of_their_run_differ() {
    let (_volume, source, extents) = volume_with(&[3 * MIB]);
    let right = copy_by_hand(extents[0], MIB, |_run, chunk| chunk, &*source);
    assert_eq!(first_difference(&right, &extents), None);
    let wrong = copy_by_hand(extents[0], MIB, |run, _chunk| run, &*source);
    assert_eq!(first_difference(&wrong, &extents), Some(extents[0]));
}
