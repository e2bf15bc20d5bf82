//! Of `src/transaction/snapshots.rs`: the bytes of a held snapshot stay as they are, whatever is deleted, reused or
//! overwritten meanwhile. Argued in `docs/transaction.md`.

use std::sync::Arc;

use blockgate::volume::Overwrite;
use blockgate::{CommitRoot, LogicalRange, Shards, Volume};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{check, reached};
use crate::stage::{Play, SECTOR, SectorDevice, check_volume, stage, unjudged};

/// So small that space which is freed is used again at once.
const SECTORS: u64 = 2;

const UNCHANGED: &str = "a snapshot never changes";

pub fn models() -> Vec<Model> {
    vec![
        Model::new("snapshot/delete-and-reuse")
            .theorem("S1: the bytes of a held snapshot are not another extent's.")
            .must_reach(&["listed", "deleted-before", "reused", "kept"])
            .long_under_loom()
            .plays(delete_and_reuse(Hold::Snapshot)),
        Model::new("snapshot/overwrite")
            .theorem("V8: the bytes of a held snapshot are not overwritten in place.")
            .must_reach(&["in-place", "moved"])
            .plays(overwrite(Hold::Snapshot)),
        Model::new("snapshot/2-snapshots")
            .theorem("S2: what was removed is free when the last snapshot that is older is dropped.")
            .must_reach(&["kept", "freed"])
            .long_under_loom()
            .plays(two_snapshots()),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("snapshot/root-and-reuse")
            .of("snapshot/delete-and-reuse")
            .left_out("the hold on the root")
            .expect("race")
            .plays(delete_and_reuse(Hold::RootAlone)),
        Twin::new("snapshot/root-and-overwrite")
            .of("snapshot/overwrite")
            .left_out("the hold on the root")
            .expect("race")
            .plays(overwrite(Hold::RootAlone)),
    ]
}

/// What the reader has of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Snapshot,
    /// Only the list, as `Volume::commit` returns it.
    RootAlone,
}

/// A volume with one extent, and room for one more.
struct World {
    volume: Volume,
    source: Arc<SectorDevice>,
    extent: LogicalRange,
}

impl World {
    fn new() -> Self {
        let source = Arc::new(SectorDevice::new(SECTORS));
        let volume = Volume::builder(SECTOR).shards(Shards::new(1)).group(group()).build(source.clone());
        let volume = volume.expect("fits");
        let extent = volume.write(&sector(1)).expect("space");
        volume.commit().expect("commits");
        Self { volume, source, extent }
    }

    /// What is at the extent's place, if `root` lists anything there: the extent, or what came after it.
    fn read_listed(&self, root: &CommitRoot) {
        if root.get(self.extent.start()).is_none() {
            return reached("deleted-before");
        }
        reached("listed");
        self.read_twice();
    }

    fn value(&self) -> u64 {
        self.source.value(self.extent.start())
    }

    /// Whichever bytes it had when it was held, the extent has them when it is read again.
    fn read_twice(&self) {
        let values = [self.value(), self.value()];
        check(values[0] == values[1], UNCHANGED, || format!("it was, and is: {values:?}"));
    }

    fn overwrite(&self) {
        match self.volume.overwrite(self.extent, &sector(2)).expect("there is space") {
            Overwrite::InPlace => reached("in-place"),
            Overwrite::Moved(_) => reached("moved"),
        }
    }

    fn delete(&self) {
        self.volume.delete(self.extent).expect("it is live");
        self.volume.commit().expect("commits");
    }

    /// Writes twice: the second time only where the first extent's space was freed.
    fn reuse(&self) {
        let written = [2, 3].map(|value| self.volume.write(&sector(value)));
        reached(if written.iter().all(Result::is_ok) { "reused" } else { "kept" });
    }

    fn end(mut self) {
        check_volume(&mut self.volume);
    }
}

fn group() -> LogicalRange {
    LogicalRange::new(0, SECTORS * SECTOR).expect("a range")
}

fn sector(value: u8) -> [u8; SECTOR as usize] {
    [value; SECTOR as usize]
}

fn delete_and_reuse(hold: Hold) -> Play {
    let read = move |world: &World| match hold {
        Hold::Snapshot => world.read_listed(&world.volume.snapshot().expect("commits")),
        Hold::RootAlone => world.read_listed(&world.volume.commit().expect("commits")),
    };
    let delete = |world: &World| {
        world.delete();
        world.reuse();
    };
    let stage = if hold == Hold::Snapshot { stage(&[group()]) } else { unjudged() };
    stage.world(World::new).main("reader", read).role("deleter", delete).end(World::end)
}

fn overwrite(hold: Hold) -> Play {
    let read = move |world: &World| match hold {
        Hold::Snapshot => {
            let snapshot = world.volume.snapshot().expect("commits");
            world.read_twice();
            drop(snapshot);
        }
        Hold::RootAlone => {
            world.volume.commit().expect("commits");
            world.read_twice();
        }
    };
    let stage = if hold == Hold::Snapshot { stage(&[group()]) } else { unjudged() };
    stage.world(World::new).main("reader", read).role("overwriter", World::overwrite).end(World::end)
}

/// The first one is dropped before the second, in the order in which they were taken.
fn two_snapshots() -> Play {
    let hold = |world: &World| {
        let first = world.volume.snapshot().expect("commits");
        let second = world.volume.snapshot().expect("commits");
        drop(first);
        drop(second);
    };
    let delete = |world: &World| {
        world.delete();
        let figures = world.volume.groups()[0].block_group().figures();
        reached(if figures.pinned > 0 { "kept" } else { "freed" });
    };
    stage(&[group()]).world(World::new).main("reader", hold).role("deleter", delete).end(World::end)
}
