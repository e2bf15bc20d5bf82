//! Of `src/volume/write_all.rs`: a commit lists all extents of one call, or none. Argued in `docs/protocol.md` (V12).

use std::sync::Arc;

use blockgate::{LogicalRange, Shards, Volume};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{check, reached, violated};
use crate::stage::{Play, SECTOR, SectorDevice, check_volume, stage, unjudged};

const ALL_OR_NONE: &str = "a commit lists all extents, or none";

pub fn models() -> Vec<Model> {
    vec![
        Model::new("write-all/committer")
            .theorem("V12: a commit lists all extents of data that no group could hold, or none.")
            .must_reach(&["lists-all", "lists-none"])
            .plays(beside_a_commit(Pieces::Together)),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("write-all/one-by-one")
            .of("write-all/committer")
            .left_out("the one critical section in which all references are queued")
            .expect(ALL_OR_NONE)
            .plays(beside_a_commit(Pieces::OneByOne)),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pieces {
    Together,
    OneByOne,
}

const GROUPS: u64 = 2;

/// Each of one sector.
fn groups() -> Vec<LogicalRange> {
    (0..GROUPS).map(|group| LogicalRange::new(group * SECTOR, SECTOR).expect("a range")).collect()
}

fn volume() -> Volume {
    let builder = Volume::builder(SECTOR).shards(Shards::new(1));
    let builder = groups().into_iter().fold(builder, blockgate::VolumeBuilder::group);
    builder.build(Arc::new(SectorDevice::new(GROUPS))).expect("fits")
}

fn beside_a_commit(pieces: Pieces) -> Play {
    let write = move |volume: &Volume| {
        let data = [7; 2 * SECTOR as usize];
        let written = match pieces {
            Pieces::Together => volume.write_all(&data).map(|extents| extents.len()),
            Pieces::OneByOne => {
                data.chunks(SECTOR as usize).map(|piece| volume.write(piece)).map(|one| one.map(|_| 1)).sum()
            }
        };
        check(matches!(written, Ok(2)), "there is room", || format!("{written:?}"));
    };
    let commit = |volume: &Volume| match volume.commit().expect("commits").len() {
        0 => reached("lists-none"),
        2 => reached("lists-all"),
        other => violated(ALL_OR_NONE, format!("{other} of 2")),
    };
    let stage = if pieces == Pieces::Together { stage(&groups()) } else { unjudged() };
    let cast = stage.world(volume).main("committer", commit).role("writer", write);
    cast.end(|mut volume: Volume| check_volume(&mut volume))
}
