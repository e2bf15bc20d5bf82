//! Of `src/block_group`: nothing is admitted into a read-only group, space is given out once, and what
//! was freed is reused only after the commit that freed it. Argued in `docs/block-groups.md`.

use std::sync::Arc;

use blockgate::volume::WriteError;
use blockgate::{BlockGroup, BlockGroupId, LogicalRange, MemoryDevice, ReserveError, Shards, Volume};
use loom_harness::{Model, Twin, check, reached, violated};

use crate::engine::RaceChecked;
use crate::scenario::device::SECTOR;
use crate::support::{Note, begin, compare_nothing, last, role};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("block-group/2-allocators+read-only")
            .theorem("B1, B2: no space is given out twice, nor while the group is read-only.")
            .roles(&["read-only", "allocator", "allocator"])
            .must_reach(&["refused", "allocated", "waited"])
            .body(|| allocators(3, 6, true)),
        Model::new("block-group/2-allocators-of-one-sector")
            .theorem("B1, B2, where two want the last sector: one gets it, the other is told that there is no space.")
            .roles(&["read-only", "allocator", "allocator"])
            .must_reach(&["refused", "allocated", "waited", "no-space"])
            .body(|| allocators(3, 1, true)),
        Model::new("block-group/figures")
            .theorem("B3: free, reserved, used, pinned and read-only bytes add up at every moment.")
            .roles(&["reader", "allocator", "read-only"])
            .must_reach(&["all-free", "some-reserved", "read-only"])
            .body(figures),
        Model::new("block-group/nocow+read-only")
            .theorem("B2: an in-place write is admitted before the group is read-only, or not at all.")
            .roles(&["read-only", "NOCOW writer"])
            .must_reach(&["refused", "admitted", "waited"])
            .body(|| nocow(true)),
        Model::new("block-group/free-and-reuse")
            .theorem("B4: freed space is reused only after the commit that freed it.")
            .roles(&["committer", "writer", "deleter"])
            .must_reach(&["no-space", "reused"])
            .weight(3)
            .body(free_and_reuse),
        Model::new("block-group/dropped-reservation")
            .theorem("B1: a reservation that is dropped gives its space back, and is not waited for any more.")
            .roles(&["read-only", "allocator"])
            .must_reach(&["refused", "dropped", "waited"])
            .body(dropped),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("block-group/no-wait-for-reservations")
            .of("block-group/2-allocators+read-only")
            .left_out("the wait for reservations")
            .roles(&["read-only", "allocator", "allocator"])
            .expect("race")
            .body(|| allocators(3, 6, false)),
        Twin::new("block-group/no-wait-for-nocow-writers")
            .of("block-group/nocow+read-only")
            .left_out("the wait for NOCOW writers")
            .roles(&["read-only", "NOCOW writer"])
            .expect("race")
            .body(|| nocow(false)),
    ]
}

struct World {
    group: BlockGroup,
    sectors: Vec<RaceChecked>,
}

impl World {
    fn new(shards: usize, sectors: u64) -> Arc<Self> {
        let group = BlockGroup::with_shards(BlockGroupId(0), range(sectors), SECTOR, Shards::new(shards));
        let sectors = (0..sectors).map(|_| RaceChecked::new(0)).collect();
        Arc::new(Self { group: group.expect("aligned"), sectors })
    }

    /// Writes to what it was given while it holds the reservation.
    fn allocate(&self) {
        match self.group.reserve(SECTOR) {
            Ok(reservation) => {
                reached("allocated");
                let sector = reservation.extent().start() / SECTOR;
                self.sectors[usize::try_from(sector).expect("few sectors")].write(1);
                reservation.hand_over();
            }
            Err(ReserveError::ReadOnly(_)) => reached("refused"),
            Err(ReserveError::NoSpace { .. }) => reached("no-space"),
            Err(error) => violated("a valid length is accepted", error.to_string()),
        }
    }

    fn end(mut self) {
        let written = self.sectors.iter().map(RaceChecked::peek).sum::<u64>() * SECTOR;
        match self.group.check() {
            Ok(figures) => check(figures.reserved == written, "space is given out once", || {
                format!("{figures:?}, but {written} bytes were written")
            }),
            Err(defect) => violated("all counts are zero and all figures add up", defect.to_string()),
        }
    }
}

fn range(sectors: u64) -> LogicalRange {
    LogicalRange::new(0, sectors * SECTOR).expect("a range")
}

/// O2: there are no ordered extents here, so space is handed over to none.
const WAIVED: &[&str] = &["O2"];

fn allocators(shards: usize, sectors: u64, wait: bool) {
    if wait {
        begin(&[range(sectors)], WAIVED);
    } else {
        compare_nothing();
    }
    let world = World::new(shards, sectors);
    for _ in 0..2 {
        role(&world, World::allocate, World::end);
    }
    let read_only = world.group.set_read_only();
    if wait && read_only.wait_reservations() {
        reached("waited");
    }
    world.sectors.iter().map(RaceChecked::read).for_each(drop);
    drop(read_only);
    last(world, World::end);
}

fn nocow(wait: bool) {
    if wait {
        begin(&[range(2)], &[]);
    } else {
        compare_nothing();
    }
    let world = World::new(2, 2);
    let overwrite = |world: &World| match world.group.begin_nocow() {
        Ok(_writer) => {
            reached("admitted");
            world.sectors[0].write(2);
        }
        Err(_) => reached("refused"),
    };
    role(&world, overwrite, drop);
    let read_only = world.group.set_read_only();
    if wait && read_only.wait_nocow_writers() {
        reached("waited");
    }
    world.sectors[0].read();
    drop(read_only);
    last(world, drop);
}

fn figures() {
    begin(&[range(3)], WAIVED);
    let world = World::new(3, 3);
    role(&world, World::allocate, World::end);
    role(&world, |world| drop(world.group.set_read_only()), World::end);
    let figures = world.group.figures();
    check(figures.total() == 3 * SECTOR, "B3: the figures add up", || format!("{figures:?}"));
    let outcome = match (figures.reserved, figures.read_only) {
        (0, 0) => "all-free",
        (_, 0) => "some-reserved",
        _ => "read-only",
    };
    reached(outcome);
    last(world, World::end);
}

fn dropped() {
    begin(&[range(2)], &[]);
    let world = World::new(2, 2);
    // As unwinding does. (Loom shares one `panicking()` among all roles, and so poisons others' locks.)
    let give_up = |world: &World| match world.group.reserve(SECTOR) {
        Ok(reservation) => {
            reached("dropped");
            drop(reservation);
        }
        Err(_) => reached("refused"),
    };
    role(&world, give_up, World::end);
    let read_only = world.group.set_read_only();
    if read_only.wait_reservations() {
        reached("waited");
    }
    drop(read_only);
    last(world, World::end);
}

struct Reuse {
    volume: Volume,
    extent: LogicalRange,
    committed: Note<bool>,
}

fn free_and_reuse() {
    begin(&[range(1)], &[]);
    let device = Arc::new(MemoryDevice::new(SECTOR as usize));
    let volume = Volume::builder(SECTOR).shards(Shards::new(3)).group(range(1)).build(device).expect("fits");
    let extent = volume.write(&[1]).expect("there is space");
    volume.commit().expect("commits");
    let world = Arc::new(Reuse { volume, extent, committed: Note::default() });
    let end = |mut world: Reuse| {
        if let Err(defect) = world.volume.check() {
            violated("all counts are zero and all figures add up", defect.to_string());
        }
    };
    role(&world, write_if_there_is_space, end);
    role(&world, |world| _ = world.volume.delete(world.extent).expect("it exists"), end);
    world.volume.commit().expect("commits");
    world.committed.set(true);
    last(world, end);
}

fn write_if_there_is_space(world: &Reuse) {
    match world.volume.begin_cow(SECTOR) {
        Ok(write) => {
            let root = world.volume.commit_root();
            check(
                root.get(write.extent().start()).is_none(),
                "B4: freed space is reused after the commit",
                || {
                    format!(
                        "{} was given out, and the root of {} lists it",
                        write.extent(),
                        root.transaction()
                    )
                },
            );
            write.finish().expect("no commit fails");
            reached("reused");
        }
        Err(WriteError::NoSpace { .. }) => reached("no-space"),
        Err(error) => violated("a valid length is accepted", error.to_string()),
    }
}
