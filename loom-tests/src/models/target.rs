//! Of `src/volume/target.rs`: bytes that may differ on the two devices are copied again, and a target that was handed back
//! is not written any more. Argued in `docs/protocol.md` (V9, V10).

use std::io;
use std::sync::Arc;

use blockgate::sync::Monitor;
use blockgate::volume::{DeviceReplace, Policy, ReplaceError};
use blockgate::{Device, LogicalRange, Shards, Volume};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{reached, violated};
use crate::stage::{Play, SECTOR, SectorDevice, check_copy, check_volume, live, stage, unjudged};

const SECTORS: u64 = 2;

pub fn models() -> Vec<Model> {
    vec![
        Model::new("target/in-doubt")
            .theorem("V9: when `finish` succeeds, the bytes of a write that failed on the source are on the target as there.")
            .must_reach(&["in-doubt", "in-doubt-after-the-end", "copied-once"])
            .plays(in_doubt(Doubts::CopiedAgain)),
        Model::new("target/handed-back")
            .theorem("V10: a target that was handed back is not written any more.")
            .must_reach(&["written", "not-written"])
            .plays(given_up(GivesUp::AndWaits)),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("target/doubt-is-ignored")
            .of("target/in-doubt")
            .left_out("the second copy of what is in doubt")
            .expect("lost extent")
            .plays(in_doubt(Doubts::Ignored)),
        Twin::new("target/dropped")
            .of("target/handed-back")
            .left_out("the wait for calls of the target")
            .expect("race")
            .plays(given_up(GivesUp::AndGoesOn)),
    ]
}

fn group() -> LogicalRange {
    LogicalRange::new(0, SECTORS * SECTOR).expect("a range")
}

fn sector(value: u8) -> [u8; SECTOR as usize] {
    [value; SECTOR as usize]
}

/// A source that takes bytes of this value, and then says that it has failed.
const FAILS: u8 = 9;

struct FailsAfterwards(SectorDevice);

impl Device for FailsAfterwards {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)?;
        if data[0] == FAILS { Err(io::Error::other("it is there, or not")) } else { Ok(()) }
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
}

/// A volume with one extent, and the devices of its replace.
struct World {
    volume: Volume,
    source: Arc<FailsAfterwards>,
    target: Arc<SectorDevice>,
    extent: LogicalRange,
    is_over: Monitor<bool>,
}

impl World {
    fn new() -> Self {
        let source = Arc::new(FailsAfterwards(SectorDevice::new(SECTORS)));
        let builder = Volume::builder(SECTOR).shards(Shards::new(1)).group(group());
        let volume = builder.build(source.clone()).expect("fits");
        let extent = volume.write(&sector(1)).expect("space");
        volume.commit().expect("commits");
        Self {
            volume,
            source,
            target: Arc::new(SectorDevice::new(SECTORS)),
            extent,
            is_over: Monitor::new(false),
        }
    }

    fn end(mut self) {
        let live = live(&mut self.volume);
        drop(self.volume);
        let source = Arc::get_mut(&mut self.source).expect("the volume had the only other share");
        let target = Arc::get_mut(&mut self.target).expect("the volume had the only other share");
        check_copy(&live, &mut source.0, target);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubts {
    CopiedAgain,
    Ignored,
}

/// Finishes the replace, and says whether something had to be copied again for that.
fn finish(replace: &mut DeviceReplace<'_>, doubts: Doubts) -> bool {
    let Err(error) = replace.finish() else { return false };
    let ReplaceError::InDoubt { .. } = error else { violated("only bytes are in doubt", error.to_string()) };
    if doubts == Doubts::CopiedAgain {
        replace.run().expect("nothing that the copy does fails");
        replace.finish().expect("the other role writes once");
    }
    true
}

impl World {
    fn replace(&self, doubts: Doubts) {
        let replace = self.volume.start_replace(self.target.clone(), Policy::CopyThenClone);
        let mut replace = replace.expect("nothing else replaces");
        replace.run().expect("nothing that the copy does fails");
        let before = finish(&mut replace, doubts);
        self.is_over.wait_until(|is_over| is_over.then_some(()));
        let after = finish(&mut replace, doubts);
        reached(match (before, after) {
            (false, false) => "copied-once",
            (true, _) => "in-doubt",
            (false, true) => "in-doubt-after-the-end",
        });
    }

    /// Goes on as if nothing had failed.
    fn overwrite(&self) {
        if let Ok(write) = self.volume.begin_nocow(self.extent) {
            let _ = write.write_at(0, &sector(FAILS));
            write.finish();
        }
        let mut is_over = self.is_over.lock();
        *is_over = true;
        is_over.notify_all();
    }
}

fn in_doubt(doubts: Doubts) -> Play {
    let stage = if doubts == Doubts::CopiedAgain { stage(&[group()]) } else { unjudged() };
    let cast = stage.world(World::new).main("device replace", move |world| world.replace(doubts));
    cast.role("overwriter", World::overwrite).end(World::end)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivesUp {
    AndWaits,
    AndGoesOn,
}

fn given_up(gives_up: GivesUp) -> Play {
    let replace = move |world: &World| {
        let replace = world.volume.start_replace(world.target.clone(), Policy::CloneAlways);
        let replace = replace.expect("nothing else replaces");
        match gives_up {
            GivesUp::AndWaits => drop(replace.give_up()),
            GivesUp::AndGoesOn => drop(replace),
        }
        // The target is ours again.
        let is_written = world.target.value(world.extent.start()) == 2;
        reached(if is_written { "written" } else { "not-written" });
    };
    let overwrite =
        |world: &World| _ = world.volume.overwrite(world.extent, &sector(2)).expect("nothing fails");
    // V2: a writer that has read the cursor before may write to the target, which is still there until it is handed back.
    let stage = if gives_up == GivesUp::AndWaits { stage(&[group()]).waiving(&["V2"]) } else { unjudged() };
    let cast = stage.world(World::new).main("device replace", replace).role("overwriter", overwrite);
    cast.end(|mut world: World| check_volume(&mut world.volume))
}
