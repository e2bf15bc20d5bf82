//! Of `src/block_group`: nothing is admitted into a read-only group, space is given out once, and what
//! was freed is reused only after the commit that freed it. Argued in `docs/block_group.md`.

use std::error::Error;
use std::sync::Arc;

use blockgate::extent_tree::Changes;
use blockgate::sync::Mutex;
use blockgate::transaction::CommitSteps;
use blockgate::volume::WriteError;
use blockgate::{
    BlockGroup, BlockGroupId, CommitRoot, DelayedRef, LogicalRange, MemoryDevice, ReserveError, Shards,
    Transactions, Volume,
};
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
        Model::new("block-group/free-on-return")
            .theorem("C8: when a commit returns, what it and every earlier one freed is free.")
            .roles(&["deleter, then committer, then writer", "committer"])
            .must_reach(&["written"])
            .body(free_on_return),
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
        Twin::new("block-group/freed-by-the-committer")
            .of("block-group/free-on-return")
            .left_out("freeing being a step of the commit")
            .roles(&["deleter, then committer, then writer", "committer"])
            .expect(FREE)
            .body(freed_by_the_committer),
    ]
}

const FREE: &str = "C8: when a commit returns, what every earlier one freed is free";

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

/// The other thread's commit may be the one that frees the space.
fn free_on_return() {
    begin(&[range(1)], &[]);
    let device = Arc::new(MemoryDevice::new(SECTOR as usize));
    let volume = Volume::builder(SECTOR).shards(Shards::new(2)).group(range(1)).build(device).expect("fits");
    let extent = volume.write(&[1]).expect("there is space");
    volume.commit().expect("commits");
    let world = Arc::new(Reuse { volume, extent, committed: Note::default() });
    role(&world, |world| _ = world.volume.commit().expect("commits"), drop);
    world.volume.delete(world.extent).expect("it exists");
    world.volume.commit().expect("commits");
    let write = world.volume.begin_cow(SECTOR);
    check(write.is_ok(), FREE, || format!("{write:?}"));
    reached("written");
    drop(write);
    last(world, drop);
}

/// Books as a volume does, and leaves the freeing to the thread that has committed.
struct Books {
    group: BlockGroup,
    pinned: Note<Vec<LogicalRange>>,
}

impl CommitSteps for Books {
    fn before_switch(&self, _: &CommitRoot, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        changes.inserted.iter().try_for_each(|extent| self.group.book_inserted(*extent))?;
        changes.removed.iter().try_for_each(|extent| self.group.book_removed(*extent))?;
        self.pinned.set(changes.removed.clone());
        Ok(())
    }
}

struct ByHand {
    transactions: Transactions<Books>,
    commits: Mutex<()>,
}

impl ByHand {
    fn commit(&self) {
        let lock = self.commits.lock();
        let _ = self.transactions.commit().expect("commits");
        let pinned = self.transactions.steps().pinned.get();
        drop(lock);
        for extent in pinned {
            self.transactions.steps().group.unpin(extent).expect("this commit has pinned it");
        }
    }
}

fn freed_by_the_committer() {
    compare_nothing();
    let shards = Shards::new(2);
    let group = BlockGroup::with_shards(BlockGroupId(0), range(1), SECTOR, shards).expect("aligned");
    let extent = group.reserve(SECTOR).expect("there is space").hand_over();
    let transactions = Transactions::with_steps(shards, Books { group, pinned: Note::default() });
    let world = Arc::new(ByHand { transactions, commits: Mutex::new(()) });
    world.transactions.join().expect("runs").push(DelayedRef::add(extent));
    world.commit();
    role(&world, ByHand::commit, drop);
    world.transactions.join().expect("runs").push(DelayedRef::drop(extent));
    world.commit();
    let reservation = world.transactions.steps().group.reserve(SECTOR);
    check(reservation.is_ok(), FREE, || format!("{reservation:?}"));
    drop(reservation);
    last(world, drop);
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
