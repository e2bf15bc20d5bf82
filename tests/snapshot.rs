#![cfg(not(any(loom, traceset)))]
//! `Volume::snapshot` on std threads: what it keeps, for how long, and what is left where it fails.

mod support;

use std::sync::Arc;

use blockgate::{LogicalRange, MemoryDevice, Overwrite, Volume, VolumeDefect};
use support::{UNIT, range};

const BLOCK: usize = 4 << 10;
const GROUP: usize = 16 * BLOCK;

fn volume() -> Volume {
    let device = Arc::new(MemoryDevice::new(GROUP));
    Volume::builder(UNIT).group(range(0, GROUP as u64)).build(device).expect("fits")
}

fn write(volume: &Volume, byte: u8) -> LogicalRange {
    volume.write(&[byte; BLOCK]).expect("space")
}

fn pinned(volume: &Volume) -> u64 {
    volume.groups()[0].block_group().figures().pinned
}

#[test]
fn each_snapshot_keeps_what_it_lists_and_no_more() {
    let mut volume = volume();
    let extents = [1, 2, 3].map(|byte| write(&volume, byte));
    let old = volume.snapshot().expect("commits");
    volume.delete(extents[0]).expect("live");
    let new = volume.snapshot().expect("commits");
    volume.delete(extents[1]).expect("live");
    volume.commit().expect("commits");
    assert_eq!((old.len(), new.len(), volume.commit_root().len()), (3, 2, 1));
    assert_eq!(pinned(&volume), 2 * UNIT);
    drop(old);
    assert_eq!(pinned(&volume), UNIT, "the first was not in the newer one");
    drop(new);
    assert_eq!(pinned(&volume), 0);
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn an_extent_of_no_snapshot_is_overwritten_in_place() {
    let volume = volume();
    let old = write(&volume, 1);
    let snapshot = volume.snapshot().expect("commits");
    let new = write(&volume, 2);
    volume.commit().expect("commits");
    assert_eq!(volume.overwrite(new, &[3]).expect("space"), Overwrite::InPlace);
    assert!(matches!(volume.overwrite(old, &[3]).expect("space"), Overwrite::Moved(_)));
    drop(snapshot);
}

#[test]
fn a_full_volume_says_no_space_until_the_snapshot_is_dropped() {
    let volume = volume();
    let extent = volume.write(&vec![1; GROUP]).expect("space");
    let snapshot = volume.snapshot().expect("commits");
    volume.delete(extent).expect("live");
    volume.commit().expect("commits");
    assert!(volume.write(&[2]).is_err(), "the snapshot has all of it");
    drop(snapshot);
    assert!(volume.write(&[2]).is_ok());
}

#[test]
fn a_snapshot_that_fails_keeps_nothing() {
    let device = Arc::new(MemoryDevice::new(GROUP));
    let builder = Volume::builder(UNIT).group(range(0, GROUP as u64));
    let builder = builder.persist(|_, _| Err("the disk is full".into()));
    let mut volume = builder.build(device).expect("fits");
    let error = volume.snapshot().expect_err("the commit fails");
    assert!(support::told(&error).contains("the disk is full"), "{error}");
    assert_eq!(volume.check(), Ok(()));
}

#[test]
fn a_leaked_snapshot_is_found() {
    let mut volume = volume();
    std::mem::forget(volume.snapshot().expect("commits"));
    assert_eq!(volume.check(), Err(VolumeDefect::Snapshots(1)));
}
