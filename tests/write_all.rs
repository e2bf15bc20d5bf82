#![cfg(not(any(loom, traceset)))]
//! Data that no single free range can hold: each byte is found again, in as few extents as there is room for, and nothing
//! is lost where it fails.

mod support;

use std::sync::Arc;

use blockgate::volume::WriteError;
use blockgate::{Device, LogicalRange, MemoryDevice, Shards, Volume};
use support::{Hooked, KIB, UNIT, broken, is_flush, is_write, panics, pattern, range, read};

const GROUP: u64 = 64 * KIB;
const GROUPS: u64 = 3;
const LENGTH: u64 = GROUP * GROUPS;

fn volume_on(source: Arc<dyn Device>) -> Volume {
    let builder = Volume::builder(UNIT).shards(Shards::new(1));
    let add = |builder: blockgate::VolumeBuilder, index| builder.group(range(index * GROUP, GROUP));
    (0..GROUPS).fold(builder, add).build(source).expect("fits")
}

fn volume() -> Volume {
    volume_on(Arc::new(MemoryDevice::new(usize::try_from(LENGTH).expect("small"))))
}

fn free(volume: &Volume) -> u64 {
    volume.groups().iter().map(|group| group.block_group().figures().free).sum()
}

fn read_all(volume: &Volume, extents: &[LogicalRange]) -> Vec<u8> {
    extents.iter().flat_map(|extent| read(&**volume.source(), *extent).to_vec()).collect()
}

#[test]
fn data_longer_than_a_group_is_found_again() {
    for length in [1, UNIT, GROUP, GROUP + 1, 2 * GROUP + 3 * UNIT + 5, LENGTH] {
        let (volume, data) = (volume(), pattern(length, length));
        let extents = volume.write_all(&data).expect("there is room");
        let bytes = read_all(&volume, &extents);
        let (found, padding) = bytes.split_at(data.len());
        assert!(found == &data[..] && padding.iter().all(|byte| *byte == 0), "{length} bytes");
        assert_eq!(extents.len() as u64, length.div_ceil(GROUP), "as few as there can be");
        assert_eq!(volume.commit().expect("commits").len(), extents.len());
        assert_eq!(free(&volume), LENGTH - length.next_multiple_of(UNIT));
    }
}

#[test]
fn no_data_is_no_extent() {
    let volume = volume();
    assert_eq!(volume.write_all(&[]).expect("nothing is written"), []);
    assert!(volume.commit().expect("commits").is_empty());
}

#[test]
fn every_hole_is_found() {
    let volume = volume();
    let all: Vec<_> = (0..LENGTH / UNIT).map(|_| volume.write(&[1; 4096]).expect("room")).collect();
    for hole in all.iter().step_by(2) {
        volume.delete(*hole).expect("live");
    }
    volume.commit().expect("commits");
    let data = pattern(7, LENGTH / 2);
    let extents = volume.write_all(&data).expect("half of it is free");
    assert_eq!(extents.len() as u64, LENGTH / 2 / UNIT);
    assert!(read_all(&volume, &extents) == data[..]);
    assert_eq!(free(&volume), 0);
}

/// What was allocated on the way is free again.
#[test]
fn no_space_loses_nothing() {
    let volume = volume();
    let kept = volume.write(&[1; 4096]).expect("room");
    let refused = volume.write_all(&vec![2; usize::try_from(LENGTH).expect("small")]);
    assert!(matches!(refused, Err(WriteError::NoSpace { length: UNIT, read_only: 0, .. })), "{refused:?}");
    assert_eq!(free(&volume), LENGTH - UNIT);
    assert_eq!(volume.commit().expect("commits").extents_in(range(0, LENGTH)).collect::<Vec<_>>(), [kept]);
}

#[test]
fn a_device_that_fails_at_any_piece_loses_nothing() {
    for k in 0..3 {
        let volume = volume_on(Hooked::failing_at(LENGTH, k, is_write, broken));
        let refused = volume.write_all(&pattern(1, LENGTH));
        assert!(matches!(refused, Err(WriteError::Device(_))), "at piece {k}: {refused:?}");
        assert_eq!(free(&volume), LENGTH);
        assert!(volume.commit().expect("commits").is_empty());
        assert!(volume.write_all(&pattern(1, LENGTH)).is_ok(), "it fails once");
    }
}

#[test]
fn a_device_that_panics_at_any_piece_loses_nothing() {
    for k in 0..3 {
        let mut volume =
            volume_on(Hooked::failing_at(LENGTH, k, is_write, || panic!("the driver has a bug")));
        assert!(panics(|| drop(volume.write_all(&pattern(1, LENGTH)))), "at piece {k}");
        assert_eq!((free(&volume), volume.check()), (LENGTH, Ok(())));
        assert!(volume.write_all(&pattern(1, LENGTH)).is_ok(), "it panics once");
    }
}

/// It does not wait, as `Volume::begin_cow` does not: what it holds would keep a drain from ending.
#[test]
fn a_group_that_is_read_only_is_passed_over() {
    let volume = volume();
    let read_only = volume.groups()[1].block_group().set_read_only();
    let extents = volume.write_all(&pattern(1, 2 * GROUP)).expect("two groups are open");
    assert!(extents.iter().all(|extent| !volume.groups()[1].block_group().range().contains(extent)));
    let refused = volume.write_all(&[1]);
    assert!(matches!(refused, Err(WriteError::NoSpace { read_only: 1, .. })), "{refused:?}");
    drop(read_only);
    assert!(volume.write_all(&pattern(1, GROUP)).is_ok());
}

#[test]
fn after_an_abort_the_space_is_free_and_the_error_says_why() {
    let volume = volume_on(Hooked::new(LENGTH, |call| if is_flush(call) { broken() } else { Ok(()) }));
    assert!(volume.commit().is_err());
    assert!(matches!(volume.write_all(&pattern(1, GROUP + UNIT)), Err(WriteError::Commit(_))));
    assert_eq!(free(&volume), LENGTH);
}
