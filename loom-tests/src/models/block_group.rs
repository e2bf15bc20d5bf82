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
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{RaceChecked, check, reached, violated};
use crate::stage::{COUNTS, Play, SECTOR, Stage, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("block-group/2-allocators+read-only")
            .theorem("B1, B2: no space is given out twice, nor while the group is read-only.")
            .must_reach(&["refused", "allocated", "waited"])
            .plays(allocators(3, 6, true)),
        Model::new("block-group/2-allocators-of-one-sector")
            .theorem("B1, B2, where two want the last sector: one gets it, the other learns that there is no space.")
            .must_reach(&["refused", "allocated", "waited", "no-space"])
            .plays(allocators(3, 1, true)),
        Model::new("block-group/figures")
            .theorem("B3: free, reserved, used, pinned and read-only bytes add up at every moment.")
            .must_reach(&["all-free", "some-reserved", "read-only"])
            .plays(figures()),
        Model::new("block-group/nocow+read-only")
            .theorem("B2: an in-place write is admitted before the group is read-only, or not at all.")
            .must_reach(&["refused", "admitted", "waited"])
            .plays(nocow(true)),
        Model::new("block-group/free-and-reuse")
            .theorem("B4: freed space is reused only after the commit that freed it.")
            .must_reach(&["no-space", "reused"])
            .weight(3)
            .plays(free_and_reuse()),
        Model::new("block-group/free-on-return")
            .theorem("C8: when a commit returns, what it and every earlier one freed is free.")
            .must_reach(&["written"])
            .plays(free_on_return()),
        Model::new("block-group/dropped-reservation")
            .theorem("B1: a reservation that is dropped gives its space back, and is waited for until then.")
            .must_reach(&["refused", "dropped", "waited"])
            .plays(dropped(true)),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("block-group/no-wait-for-reservations")
            .of("block-group/2-allocators+read-only")
            .left_out("the wait for reservations")
            .expect("race")
            .plays(allocators(3, 6, false)),
        Twin::new("block-group/no-wait-for-nocow-writers")
            .of("block-group/nocow+read-only")
            .left_out("the wait for NOCOW writers")
            .expect("race")
            .plays(nocow(false)),
        Twin::new("block-group/no-wait-for-a-dropped-reservation")
            .of("block-group/dropped-reservation")
            .left_out("the wait for reservations")
            .expect(GIVEN_BACK)
            .plays(dropped(false)),
        Twin::new("block-group/freed-by-the-committer")
            .of("block-group/free-on-return")
            .left_out("freeing being a step of the commit")
            .expect(FREE)
            .plays(freed_by_the_committer()),
    ]
}

const GIVEN_BACK: &str = "B1: when the wait is over, what was given up is given back";

const FREE: &str = "C8: when a commit returns, what every earlier one freed is free";

/// A group, and memory for its sectors.
struct Sectors {
    group: BlockGroup,
    sectors: Vec<RaceChecked>,
}

impl Sectors {
    fn new(shards: usize, sectors: u64) -> Self {
        let group = BlockGroup::with_shards(BlockGroupId(0), range(sectors), SECTOR, Shards::new(shards));
        let sectors = (0..sectors).map(|_| RaceChecked::new(0)).collect();
        Self { group: group.expect("aligned"), sectors }
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
        let written = self.sectors.iter_mut().map(RaceChecked::last).sum::<u64>() * SECTOR;
        match self.group.check() {
            Ok(figures) => check(figures.reserved == written, "space is given out once", || {
                format!("{figures:?}, but {written} bytes were written")
            }),
            Err(defect) => violated(COUNTS, defect.to_string()),
        }
    }
}

fn range(sectors: u64) -> LogicalRange {
    LogicalRange::new(0, sectors * SECTOR).expect("a range")
}

/// A group of so many sectors.
fn judged(sectors: u64) -> Stage {
    stage(&[range(sectors)])
}

/// O2: there are no ordered extents here, so space is handed over to none.
const WAIVED: &[&str] = &["O2"];

/// O17: what the space is given to is not written.
const UNWRITTEN: &[&str] = &["O17"];

fn allocators(shards: usize, sectors: u64, wait: bool) -> Play {
    let read = move |world: &Sectors| {
        let read_only = world.group.set_read_only();
        if wait && read_only.wait_reservations() {
            reached("waited");
        }
        world.sectors.iter().map(RaceChecked::read).for_each(drop);
    };
    let stage = if wait { judged(sectors).waiving(WAIVED) } else { unjudged() };
    let cast = stage.world(move || Sectors::new(shards, sectors)).main("read-only", read);
    cast.role("allocator", Sectors::allocate).role("allocator", Sectors::allocate).end(Sectors::end)
}

fn nocow(wait: bool) -> Play {
    let read = move |world: &Sectors| {
        let read_only = world.group.set_read_only();
        if wait && read_only.wait_nocow_writers() {
            reached("waited");
        }
        world.sectors[0].read();
    };
    let overwrite = |world: &Sectors| match world.group.begin_nocow() {
        Ok(_writer) => {
            reached("admitted");
            world.sectors[0].write(2);
        }
        Err(_) => reached("refused"),
    };
    let stage = if wait { judged(2) } else { unjudged() };
    stage.world(|| Sectors::new(2, 2)).main("read-only", read).role("NOCOW writer", overwrite).end(drop)
}

fn figures() -> Play {
    let read = |world: &Sectors| {
        let figures = world.group.figures();
        check(figures.total() == 3 * SECTOR, "B3: the figures add up", || format!("{figures:?}"));
        let outcome = match (figures.reserved, figures.read_only) {
            (0, 0) => "all-free",
            (_, 0) => "some-reserved",
            _ => "read-only",
        };
        reached(outcome);
    };
    let cast = judged(3).waiving(WAIVED).world(|| Sectors::new(3, 3)).main("reader", read);
    cast.role("allocator", Sectors::allocate)
        .role("read-only", |world| drop(world.group.set_read_only()))
        .end(Sectors::end)
}

fn dropped(wait: bool) -> Play {
    let drain = move |world: &Sectors| {
        let read_only = world.group.set_read_only();
        if wait && read_only.wait_reservations() {
            reached("waited");
        }
        let figures = world.group.figures();
        check(figures.reserved == 0, GIVEN_BACK, || format!("{figures:?}"));
    };
    // As unwinding does it. (Loom shares one `panicking()` among all roles, and so poisons the locks of the
    // others.)
    let give_up = |world: &Sectors| match world.group.reserve(SECTOR) {
        Ok(reservation) => {
            reached("dropped");
            drop(reservation);
        }
        Err(_) => reached("refused"),
    };
    let stage = if wait { judged(2) } else { unjudged() };
    let cast = stage.world(|| Sectors::new(2, 2)).main("read-only", drain);
    cast.role("allocator", give_up).end(Sectors::end)
}

struct Reuse {
    volume: Volume,
    extent: LogicalRange,
}

impl Reuse {
    /// A volume that is full, of one extent.
    fn new() -> Self {
        let device = Arc::new(MemoryDevice::new(SECTOR as usize));
        let volume = Volume::builder(SECTOR).shards(Shards::new(3)).group(range(1)).build(device);
        let volume = volume.expect("fits");
        let extent = volume.write(&[1]).expect("there is space");
        volume.commit().expect("commits");
        Self { volume, extent }
    }

    fn write_if_there_is_space(&self) {
        match self.volume.begin_cow(SECTOR) {
            Ok(write) => {
                let (root, extent) = (self.volume.commit_root(), write.extent());
                let is_free = root.get(extent.start()).is_none();
                check(is_free, "B4: freed space is reused after the commit", || {
                    format!("{extent} was given out, and the root of {} lists it", root.transaction())
                });
                write.finish().expect("no commit fails");
                reached("reused");
            }
            Err(WriteError::NoSpace { .. }) => reached("no-space"),
            Err(error) => violated("a valid length is accepted", error.to_string()),
        }
    }

    fn end(mut self) {
        if let Err(defect) = self.volume.check() {
            violated(COUNTS, defect.to_string());
        }
    }
}

fn free_and_reuse() -> Play {
    let commit = |world: &Reuse| _ = world.volume.commit().expect("commits");
    let cast = judged(1).waiving(UNWRITTEN).world(Reuse::new).main("committer", commit);
    cast.role("writer", Reuse::write_if_there_is_space)
        .role("deleter", |world| _ = world.volume.delete(world.extent).expect("it exists"))
        .end(Reuse::end)
}

/// The other thread's commit may be the one that frees the space.
fn free_on_return() -> Play {
    let delete_commit_and_write = |world: &Reuse| {
        world.volume.delete(world.extent).expect("it exists");
        world.volume.commit().expect("commits");
        let write = world.volume.begin_cow(SECTOR);
        check(write.is_ok(), FREE, || format!("{write:?}"));
        reached("written");
    };
    let cast =
        judged(1).world(Reuse::new).main("deleter, then committer, then writer", delete_commit_and_write);
    cast.role("committer", |world| _ = world.volume.commit().expect("commits")).end(Reuse::end)
}

/// Books as a volume does, and leaves the freeing to the thread that has committed.
struct Books {
    group: BlockGroup,
    pinned: Mutex<Vec<LogicalRange>>,
}

impl CommitSteps for Books {
    fn before_switch(&self, _: &CommitRoot, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        changes.inserted.iter().try_for_each(|extent| self.group.book_inserted(*extent))?;
        changes.removed.iter().try_for_each(|extent| self.group.book_removed(*extent))?;
        self.pinned.lock().clone_from(&changes.removed);
        Ok(())
    }
}

struct FreedByHand {
    transactions: Transactions<Books>,
    extent: LogicalRange,
    commits: Mutex<()>,
}

impl FreedByHand {
    fn new() -> Self {
        let shards = Shards::new(2);
        let group = BlockGroup::with_shards(BlockGroupId(0), range(1), SECTOR, shards).expect("aligned");
        let extent = group.reserve(SECTOR).expect("there is space").hand_over();
        let transactions = Transactions::with_steps(shards, Books { group, pinned: Mutex::new(Vec::new()) });
        let world = Self { transactions, extent, commits: Mutex::new(()) };
        world.push(DelayedRef::add(extent));
        world.commit();
        world
    }

    fn push(&self, change: DelayedRef) {
        self.transactions.join().expect("no commit fails").push(change);
    }

    fn commit(&self) {
        let lock = self.commits.lock();
        let _ = self.transactions.commit().expect("commits");
        let pinned = self.transactions.steps().pinned.lock().clone();
        drop(lock);
        for extent in pinned {
            self.transactions.steps().group.unpin(extent).expect("this commit has pinned it");
        }
    }

    fn delete_commit_and_write(&self) {
        self.push(DelayedRef::drop(self.extent));
        self.commit();
        let reservation = self.transactions.steps().group.reserve(SECTOR);
        check(reservation.is_ok(), FREE, || format!("{reservation:?}"));
    }
}

fn freed_by_the_committer() -> Play {
    let cast = unjudged()
        .world(FreedByHand::new)
        .main("deleter, then committer, then writer", FreedByHand::delete_commit_and_write);
    cast.role("committer", FreedByHand::commit).end(drop)
}
