//! How much memory a block group takes, by an allocator that counts.

#![cfg(not(any(loom, shuttle, traceset)))]
#![allow(clippy::disallowed_types, reason = "a test of threads needs a barrier")]

mod support;

use std::sync::{Arc, Barrier};

use allocation_counter::measure;
use blockgate::volume::VolumeGroup;
use blockgate::{Frozen, LogicalRange, NewExtent, Shards, Volume};
use support::Endless;

const GROUPS: u64 = 1000;
const UNIT: u64 = 4096;
const SHARDS: usize = Shards::MAX;
/// In each slice of a group, four units.
const LENGTH: u64 = 4 * UNIT * SHARDS as u64;
const KIB: u64 = 1024;

fn build(groups: u64) -> Volume {
    let builder = Volume::builder(UNIT).shards(Shards::new(SHARDS));
    let group = |index| LogicalRange::new(index * LENGTH, LENGTH).expect("a range");
    let builder = (0..groups).map(group).fold(builder, blockgate::VolumeBuilder::group);
    builder.build(Arc::new(Endless)).expect("fits")
}

/// The result, and how many bytes more this thread has allocated than it has freed.
fn bytes_of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let mut result = None;
    let info = measure(|| result = Some(work()));
    (result.expect("it ran"), u64::try_from(info.bytes_current).expect("more was allocated than freed"))
}

fn bytes_a_group(groups: u64) -> u64 {
    let (volume, bytes) = bytes_of(|| build(groups));
    assert_eq!(volume.groups().len() as u64, groups);
    bytes / groups
}

#[test]
fn an_empty_group_takes_less_than_8_kib() {
    let bytes = bytes_a_group(GROUPS);
    println!("{bytes} bytes a group");
    assert!(bytes < 8 * KIB, "{bytes} bytes a group");
}

/// What keeps the shards apart is paid once a volume.
#[test]
fn twin_a_group_without_neighbours_takes_more() {
    let bytes = bytes_a_group(1);
    println!("{bytes} bytes a group");
    assert!(bytes > 32 * KIB, "{bytes} bytes");
}

#[test]
fn a_replace_that_meets_no_writer_leaves_a_group_as_small() {
    let volume = build(GROUPS);
    let freeze = |group: &VolumeGroup| {
        drop(Frozen::freeze(group.block_group()).wait_writers().wait_ordered(group.ordered_extents()));
    };
    let ((), bytes) = bytes_of(|| volume.groups().iter().for_each(freeze));
    assert_eq!(bytes, 0);
}

#[test]
fn a_thread_that_uses_a_group_takes_its_slots() {
    let volume = build(2);
    let group = &volume.groups()[0];
    let write = || {
        let reservation = group.block_group().reserve(UNIT).expect("space");
        NewExtent::begin(reservation, group.ordered_extents()).queue(|_| Ok::<_, ()>(())).expect("queued")
    };
    // All at once, so that each has a shard of its own.
    let all_there = Barrier::new(SHARDS);
    let thread = || {
        all_there.wait();
        let (_, bytes) = bytes_of(write);
        all_there.wait();
        bytes
    };
    let bytes = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SHARDS).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<u64>()
    });
    println!("{bytes} bytes more after {SHARDS} threads");
    assert!(bytes > 0 && bytes < SHARDS as u64 * KIB / 8, "{bytes} bytes");
}
