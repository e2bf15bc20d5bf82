//! Of `src/block_group/room.rs`: a writer that each group refused looks again where one was opened meanwhile, and can
//! wait for that. Argued in `docs/protocol.md`, Lemma 11.

use std::sync::Arc;

use blockgate::sync::{Monitor, Mutex};
use blockgate::volume::WriteError;
use blockgate::{BlockGroup, BlockGroupId, Frozen, LogicalRange, MemoryDevice, Reservation, Shards, Volume};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{check, reached, violated};
use crate::stage::{Play, SECTOR, check_volume, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("block-group/hop")
            .theorem(
                "While one of two groups is read-write and has room, a writer finds it, whichever it is.",
            )
            .must_reach(&["first-group", "second-group"])
            .plays(hop()),
        Model::new("block-group/wait-for-an-opening")
            .theorem("Lemma 11: a writer that waits for the first group that opens gets there.")
            .must_reach(&["admitted", "refused"])
            .plays(wait_for_an_opening()),
        Model::new("block-group/let-go-and-wait")
            .theorem(
                "Lemma 11: a writer that lets go of what it holds, and then waits, does not block a drain.",
            )
            .must_reach(&["both-at-once", "waited"])
            .plays(hold_and_wait(Batch::Finished)),
        Model::new("block-group/given-back")
            .theorem(
                "Space that a thread has given back is there for its next request, whatever others were told meanwhile.",
            )
            .second_engine_only()
            .must_reach(&["refused-by-a-full-volume", "refused-by-a-group-with-room"])
            .plays(given_back()),
        Model::new("block-group/wait-for-a-free")
            .theorem("Lemma 11: a writer that waits for a group learns that space became free in another.")
            .second_engine_only()
            .must_reach(&["first-group", "second-group"])
            .plays(wait_for_a_free()),
        Model::new("block-group/wait-beside-an-abort")
            .theorem(
                "C5: a writer that waits for a group learns that a commit has failed, though none opens.",
            )
            .must_reach(&["admitted-before", "learns-of-it"])
            .plays(wait_beside_an_abort()),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("block-group/one-pass")
            .of("block-group/hop")
            .left_out("the second pass where a group was opened during the first")
            .expect(ROOM)
            .plays(one_pass()),
        Twin::new("block-group/wait-while-holding")
            .of("block-group/let-go-and-wait")
            .left_out("letting go before waiting")
            .expect("deadlock")
            .plays(hold_and_wait(Batch::Held)),
        Twin::new("block-group/refusal-counted-afterwards")
            .of("block-group/given-back")
            .left_out("the look at the count before the pass, instead of after it")
            .expect(GIVEN_BACK)
            .plays(refusal_counted_afterwards()),
        Twin::new("block-group/wait-for-openings-alone")
            .of("block-group/wait-for-a-free")
            .left_out("waking the writer where space became free")
            .expect("deadlock")
            .plays(wait_for_openings_alone()),
    ]
}

const ROOM: &str = "a group was read-write and had room at every moment";

const GIVEN_BACK: &str = "space that was given back is found by the next request";

/// Groups of two sectors, one after the other.
fn ranges(groups: u64) -> Vec<LogicalRange> {
    let length = 2 * SECTOR;
    (0..groups).map(|index| LogicalRange::new(index * length, length).expect("a range")).collect()
}

fn volume(groups: u64) -> Volume {
    let builder = Volume::builder(SECTOR).shards(Shards::new(1));
    let builder = ranges(groups).into_iter().fold(builder, blockgate::VolumeBuilder::group);
    builder.build(memory(groups)).expect("fits")
}

fn memory(groups: u64) -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(2 * groups * SECTOR).expect("few")))
}

/// First the one group is read-only, then the other.
fn freeze_each(volume: &Volume) {
    for group in volume.groups() {
        drop(group.block_group().set_read_only());
    }
}

fn hop() -> Play {
    let write = |volume: &Volume| match volume.begin_cow(SECTOR) {
        Ok(write) => reached(if write.extent().start() == 0 { "first-group" } else { "second-group" }),
        Err(error) => violated(ROOM, error.to_string()),
    };
    stage(&ranges(2))
        .world(|| volume(2))
        .main("freezer", freeze_each)
        .role("writer", write)
        .end(|mut volume: Volume| check_volume(&mut volume))
}

/// The same by hand, over groups that count no openings.
fn one_pass() -> Play {
    let group = |(index, range)| {
        BlockGroup::with_shards(BlockGroupId(index), range, SECTOR, Shards::new(1)).expect("aligned")
    };
    let groups = move || (0..).zip(ranges(2)).map(group).collect::<Vec<_>>();
    let freeze = |groups: &Vec<BlockGroup>| groups.iter().for_each(|group| drop(group.set_read_only()));
    let write = |groups: &Vec<BlockGroup>| {
        let reservation = groups.iter().find_map(|group| group.reserve(SECTOR).ok());
        check(reservation.is_some(), ROOM, || "each was read-only when it was looked at".to_owned());
    };
    unjudged().world(groups).main("freezer", freeze).role("writer", write).end(drop)
}

fn wait_for_an_opening() -> Play {
    let write = |volume: &Volume| {
        let at_once = volume.begin_cow(SECTOR).map(drop);
        reached(if at_once.is_ok() { "admitted" } else { "refused" });
        let write = volume.wait_begin_cow(SECTOR);
        check(write.is_ok(), "the group that opens has room", || format!("{write:?}"));
    };
    stage(&ranges(1))
        .world(|| volume(1))
        .main("freezer", freeze_each)
        .role("writer", write)
        .end(|mut volume: Volume| check_volume(&mut volume))
}

/// The first group stays read-only until the writer is through, and the second is full at first.
fn wait_for_a_free() -> Play {
    struct World {
        volume: Volume,
        is_through: Monitor<bool>,
    }
    let world = || World { volume: volume(2), is_through: Monitor::new(false) };
    let free = |world: &World| {
        let [first, second] = [0, 1].map(|index| world.volume.groups()[index].block_group());
        let read_only = first.set_read_only();
        drop(second.reserve(2 * SECTOR));
        world.is_through.wait_until(|is_through| is_through.then_some(()));
        drop(read_only);
    };
    let write = |world: &World| {
        match world.volume.wait_begin_cow(2 * SECTOR) {
            Ok(write) => reached(if write.extent().start() == 0 { "first-group" } else { "second-group" }),
            Err(error) => violated(ROOM, error.to_string()),
        }
        let mut is_through = world.is_through.lock();
        *is_through = true;
        is_through.notify_all();
    };
    let stage = stage(&ranges(2)).world(world);
    stage.main("scrub", free).role("writer", write).end(|mut world| check_volume(&mut world.volume))
}

/// The group stays read-only until the writer is through.
fn wait_beside_an_abort() -> Play {
    struct World {
        volume: Volume,
        is_through: Monitor<bool>,
    }
    let world = || {
        let builder = Volume::builder(SECTOR).shards(Shards::new(1)).group(ranges(1)[0]);
        let builder = builder.persist(|_, _| Err("the disk is full".into()));
        let volume = builder.build(memory(1)).expect("fits");
        World { volume, is_through: Monitor::new(false) }
    };
    let fail = |world: &World| {
        let read_only = world.volume.groups()[0].block_group().set_read_only();
        check(world.volume.commit().is_err(), "its root cannot be made durable", String::new);
        world.is_through.wait_until(|is_through| is_through.then_some(()));
        drop(read_only);
    };
    let write = |world: &World| {
        match world.volume.wait_begin_cow(SECTOR) {
            Ok(_) => reached("admitted-before"),
            Err(WriteError::Commit(_)) => reached("learns-of-it"),
            Err(error) => violated("C5: it learns why", error.to_string()),
        }
        let mut is_through = world.is_through.lock();
        *is_through = true;
        is_through.notify_all();
    };
    let stage = stage(&ranges(1)).world(world);
    stage.main("committer", fail).role("writer", write).end(|mut world| check_volume(&mut world.volume))
}

/// What a writer does with its first write before it waits for the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    Finished,
    Held,
}

fn hold_and_wait(batch: Batch) -> Play {
    let drain = |volume: &Volume| {
        let group = &volume.groups()[0];
        let frozen = Frozen::freeze(group.block_group());
        drop(frozen.wait_writers().wait_ordered(group.ordered_extents()));
    };
    let write = move |volume: &Volume| {
        let first = volume.wait_begin_cow(SECTOR).expect("there is space");
        match volume.begin_cow(SECTOR) {
            Ok(_second) => reached("both-at-once"),
            Err(WriteError::NoSpace { read_only: 1, .. }) => {
                // Dropped here unless it is held.
                let held = (batch == Batch::Held).then_some(first);
                drop(volume.wait_begin_cow(SECTOR).expect("there is space"));
                drop(held);
                reached("waited");
            }
            Err(error) => violated(ROOM, error.to_string()),
        }
    };
    let stage = if batch == Batch::Finished { stage(&ranges(1)) } else { unjudged() };
    stage
        .world(|| volume(1))
        .main("drain", drain)
        .role("writer", write)
        .end(|mut volume: Volume| check_volume(&mut volume))
}

/// The volume has room for one write, of two sectors.
fn given_back() -> Play {
    let nearly_full = || {
        let volume = volume(2);
        let _used = volume.begin_cow(2 * SECTOR).expect("space").finish().expect("queued");
        volume
    };
    let give_back = |volume: &Volume| {
        drop(volume.groups()[1].block_group().reserve(2 * SECTOR).expect("nobody else can have it"));
        let again = volume.begin_cow(2 * SECTOR);
        check(again.is_ok(), GIVEN_BACK, || format!("{again:?}"));
    };
    // Too long for a group.
    let ask = |volume: &Volume| match volume.begin_cow(3 * SECTOR) {
        Err(WriteError::NoSpace { largest: 0, .. }) => reached("refused-by-a-full-volume"),
        Err(WriteError::NoSpace { .. }) => reached("refused-by-a-group-with-room"),
        outcome => violated("an extent lies in one group", format!("{outcome:?}")),
    };
    // What the space is given to is not written.
    stage(&ranges(2))
        .waiving(&["O17"])
        .world(nearly_full)
        .main("giver", give_back)
        .role("asker", ask)
        .end(|mut volume: Volume| check_volume(&mut volume))
}

/// A group, and what is known of it: by hand.
struct ByHand {
    groups: Vec<BlockGroup>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    frees: u64,
    refused_at: Option<u64>,
}

impl ByHand {
    fn new() -> Self {
        let group = |(index, range)| {
            BlockGroup::with_shards(BlockGroupId(index), range, SECTOR, Shards::new(1)).expect("aligned")
        };
        Self { groups: (0..).zip(ranges(1)).map(group).collect(), known: Mutex::new(Known::default()) }
    }

    fn is_refused(&self) -> bool {
        let known = self.known.lock();
        known.refused_at == Some(known.frees)
    }

    fn reserve(&self) -> Option<Reservation<'_>> {
        self.groups.iter().find_map(|group| group.reserve(2 * SECTOR).ok())
    }
}

fn refusal_counted_afterwards() -> Play {
    let give_back = |world: &ByHand| {
        drop(world.reserve());
        world.known.lock().frees += 1;
        check(!world.is_refused(), GIVEN_BACK, || "refused without a pass".to_owned());
    };
    let write = |world: &ByHand| {
        if world.reserve().is_none() {
            let mut known = world.known.lock();
            known.refused_at = Some(known.frees);
        }
    };
    unjudged().world(ByHand::new).main("giver", give_back).role("writer", write).end(drop)
}

/// A group by hand, beside a count of openings, of which there is none.
fn wait_for_openings_alone() -> Play {
    struct World {
        group: ByHand,
        openings: Monitor<u64>,
        is_through: Monitor<bool>,
    }
    let world = || World { group: ByHand::new(), openings: Monitor::new(0), is_through: Monitor::new(false) };
    let free = |world: &World| {
        drop(world.group.reserve());
        world.is_through.wait_until(|is_through| is_through.then_some(()));
    };
    let write = |world: &World| {
        while world.group.reserve().is_none() {
            world.openings.wait_until(|openings| (*openings != 0).then_some(()));
        }
        let mut is_through = world.is_through.lock();
        *is_through = true;
        is_through.notify_all();
    };
    unjudged().world(world).main("giver", free).role("writer", write).end(drop)
}
