#![cfg(not(any(loom, traceset)))]
//! Clones on std threads: what one keeps, and what it does not hold up.

mod support;

use std::sync::Arc;

use blockgate::{LogicalRange, MemoryDevice, Overwrite, Shards, Volume, WriteError};
use support::{UNIT, pattern, range, read, within_a_minute};

fn volume() -> Volume {
    let device = Arc::new(MemoryDevice::new(16 << 12));
    let builder = Volume::builder(UNIT).shards(Shards::new(1)).group(range(0, 16 * UNIT));
    builder.build(device).expect("a good layout")
}

fn write(volume: &Volume) -> LogicalRange {
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    volume.commit().expect("commits");
    extent
}

/// With one thread, and no commit.
#[test]
fn a_clone_keeps_its_bytes() {
    for is_committed in [false, true] {
        let mut volume = volume();
        let extent = volume.write(&pattern(1, UNIT)).expect("space");
        if is_committed {
            volume.commit().expect("commits");
        }
        volume.add_reference(extent).expect("a clone");
        let now = volume.overwrite(extent, &pattern(2, UNIT)).expect("writes");
        assert_eq!(read(&**volume.source(), extent), pattern(1, UNIT), "the clone has changed");
        let Overwrite::Moved(new) = now else { panic!("in place under a clone") };
        assert!(volume.begin_nocow(extent).is_ok(), "the clone is the only one now");
        let root = volume.commit().expect("commits");
        assert_eq!(root.extents_in(range(0, 16 * UNIT)).collect::<Vec<_>>(), [extent, new]);
        assert_eq!(volume.check(), Ok(()));
    }
}

/// It waits for as long as the test likes: the in-place write that it waits for is open.
#[test]
fn a_clone_that_waits_holds_up_no_write_to_another_extent() {
    within_a_minute("a clone", || {
        let volume = volume();
        let (cloned, other) = (write(&volume), write(&volume));
        let open = volume.begin_nocow(cloned).expect("its only reference");
        std::thread::scope(|scope| {
            let clone = scope.spawn(|| volume.add_reference(cloned));
            while !matches!(volume.begin_nocow(cloned), Err(WriteError::Shared { .. })) {
                std::thread::yield_now(); // not queued yet
            }
            assert_eq!(volume.overwrite(other, &[9]).expect("writes"), Overwrite::InPlace);
            volume.add_reference(other).expect("another clone need not wait");
            volume.commit().expect("nor a commit");
            assert!(!clone.is_finished(), "a write to its extent is open");
            open.finish();
            assert!(clone.join().expect("no panic").is_ok());
        });
    });
}

/// The other way to keep in-place writes off an extent: no write in place, anywhere in its group.
#[test]
fn twin_a_closed_group_moves_writes_to_other_extents() {
    let group = range(0, 16 * UNIT);
    let device = Arc::new(MemoryDevice::new(32 << 12));
    let builder = Volume::builder(UNIT).group(group).group(range(group.end(), group.len()));
    let volume = builder.build(device).expect("a good layout");
    let (_cloned, other) = (write(&volume), write(&volume));
    let _closed = volume.groups()[0].block_group().set_read_only();
    assert!(matches!(volume.overwrite(other, &[9]).expect("writes"), Overwrite::Moved(_)));
}
