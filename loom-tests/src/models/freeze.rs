//! Of `src/volume/freeze.rs`: while a volume is frozen, no byte of what its commit root lists changes. Argued in
//! `docs/protocol.md`, Lemma 5.

use std::sync::Arc;

use blockgate::volume::{Overwrite, WriteError};
use blockgate::{Frozen, LogicalRange, Shards, Volume};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{check, reached, violated};
use crate::stage::{Play, SECTOR, SectorDevice, check_volume, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("block-group/all-frozen")
            .theorem("Lemma 5, for all groups at once: no extent of the root is written to while the volume is frozen.")
            .must_reach(&["in-place", "refused"])
            .plays(overwrite(Freeze::Volume)),
        Model::new("block-group/all-frozen+write")
            .theorem("Lemma 5, for all groups at once: the root lists every write that was admitted before the freeze.")
            .must_reach(&["listed", "refused"])
            .plays(write()),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("block-group/one-of-2-frozen")
            .of("block-group/all-frozen")
            .left_out("the freeze of the second group")
            .expect("race")
            .plays(overwrite(Freeze::FirstGroup)),
    ]
}

/// What the backup freezes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freeze {
    Volume,
    FirstGroup,
}

/// Two groups of one sector, each with an extent if the volume is full.
struct World {
    volume: Volume,
    source: Arc<SectorDevice>,
}

impl World {
    fn empty() -> Self {
        let source = Arc::new(SectorDevice::new(2));
        let builder = Volume::builder(SECTOR).shards(Shards::new(1));
        let builder = ranges().into_iter().fold(builder, blockgate::VolumeBuilder::group);
        Self { volume: builder.build(source.clone()).expect("fits"), source }
    }

    fn full() -> Self {
        let world = Self::empty();
        for value in [1, 2] {
            world.volume.write(&sector(value)).expect("space");
        }
        world.volume.commit().expect("commits");
        world
    }

    fn read_all(&self) {
        for range in ranges() {
            self.source.value(range.start());
        }
    }

    fn end(mut self) {
        check_volume(&mut self.volume);
    }
}

fn ranges() -> [LogicalRange; 2] {
    [0, 1].map(|index| LogicalRange::new(index * SECTOR, SECTOR).expect("a range"))
}

fn sector(value: u8) -> [u8; SECTOR as usize] {
    [value; SECTOR as usize]
}

fn overwrite(freeze: Freeze) -> Play {
    let back_up = move |world: &World| match freeze {
        Freeze::Volume => {
            let frozen = world.volume.freeze().wait_writers().wait_ordered().commit().expect("commits");
            world.read_all();
            drop(frozen);
        }
        Freeze::FirstGroup => {
            let group = &world.volume.groups()[0];
            let quiet = Frozen::freeze(group.block_group()).wait_writers();
            let frozen = quiet.wait_ordered(group.ordered_extents()).commit(&world.volume);
            world.read_all();
            drop(frozen);
        }
    };
    // Refused where it was to go elsewhere: there is no other room, whether the group is open again by then or not.
    let overwrite = |world: &World| match world.volume.overwrite(ranges()[1], &sector(3)) {
        Ok(Overwrite::InPlace) => reached("in-place"),
        Err(WriteError::NoSpace { .. }) => reached("refused"),
        outcome => violated("there is no other room", format!("{outcome:?}")),
    };
    let stage = if freeze == Freeze::Volume { stage(&ranges()) } else { unjudged() };
    stage.world(World::full).main("backup", back_up).role("overwriter", overwrite).end(World::end)
}

fn write() -> Play {
    let back_up = |world: &World| {
        let frozen = world.volume.freeze().wait_writers().wait_ordered().commit().expect("commits");
        reached(if frozen.root().is_empty() { "not-listed" } else { "listed" });
        let figures = world.volume.groups().iter().map(|group| group.block_group().figures());
        let reserved: u64 = figures.map(|figures| figures.reserved).sum();
        check(reserved == 0, "every admitted write is in the root", || {
            format!("{reserved} bytes are reserved")
        });
        for extent in frozen.root().extents_in(ranges()[0]) {
            world.source.value(extent.start());
        }
    };
    let write = |world: &World| match world.volume.write(&sector(1)) {
        Ok(_) => {}
        Err(WriteError::NoSpace { read_only: 1.., .. }) => reached("refused"),
        outcome => violated("there is room", format!("{outcome:?}")),
    };
    stage(&ranges()).world(World::empty).main("backup", back_up).role("writer", write).end(World::end)
}
