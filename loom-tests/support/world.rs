//! The world of the theorem: a volume whose device is replaced while writers write.

use std::sync::Arc;

use blockgate::volume::{DeviceReplace, Overwrite, Policy, WriteError};
use blockgate::{CommitRoot, Device, LogicalRange, Shards, Summary, Volume};
use loom_harness::{check, reached, violated, violated_at};

use super::device::{RaceCheckedDevice, SECTOR};
use super::{begin, last, role};

/// Who does something in the world, beside the replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes one new extent.
    Cow,
    /// Overwrites an extent of its own, in place if it may.
    Nocow,
    /// Deletes an extent of its own.
    Delete,
    /// Commits.
    Commit,
    /// Sets the first group read-only for a while.
    Scrub,
}

pub struct World {
    volume: Volume,
    source: Arc<RaceCheckedDevice>,
    target: Arc<RaceCheckedDevice>,
    /// By role: the extent it was given.
    given: Vec<Option<LogicalRange>>,
}

/// What role number `n` writes. The given extents hold `GIVEN`.
fn data(n: usize) -> [u8; SECTOR as usize] {
    [u8::try_from(n).expect("few roles") + 100; SECTOR as usize]
}

const GIVEN: u8 = 1;

/// The body of a model: the main thread replaces the device, one more thread plays each of `roles`.
pub fn replace_against(roles: &'static [Role], groups: u64, policy: Policy) {
    begin();
    let world = Arc::new(World::new(roles, groups));
    let replace = world.volume.start_replace(world.target.clone(), policy).expect("nothing else replaces");
    for (number, &what) in roles.iter().enumerate() {
        role(&world, move |world| world.play(number, what), World::check);
    }
    world.replace(replace);
    last(world, World::check);
}

impl World {
    fn new(roles: &[Role], groups: u64) -> Self {
        // A shard, and so a slice of each group, for every thread: writers do not meet. But two who close
        // the same gates meet in every shard: where there is a scrub, one shard is for all.
        let shards = if roles.contains(&Role::Scrub) { 1 } else { roles.len() + 1 };
        let threads = roles.len() as u64 + 1;
        let sectors = groups * threads * 2;
        let source = Arc::new(RaceCheckedDevice::new(sectors));
        let target = Arc::new(RaceCheckedDevice::new(sectors));
        let length = threads * 2 * SECTOR;
        let mut builder = Volume::builder(SECTOR).shards(Shards::new(shards));
        for group in 0..groups {
            builder = builder.group(LogicalRange::new(group * length, length).expect("a range"));
        }
        let volume = builder.build(source.clone()).expect("the device is long enough");
        let given = roles.iter().map(|what| match what {
            Role::Nocow | Role::Delete => {
                Some(volume.write(&[GIVEN; SECTOR as usize]).expect("there is space"))
            }
            _ => None,
        });
        let given: Vec<_> = given.collect();
        if given.iter().any(Option::is_some) {
            volume.commit().expect("commits");
        }
        Self { volume, source, target, given }
    }

    fn replace(&self, mut replace: DeviceReplace<'_>) {
        let given = self.given.iter().flatten().count() as u64;
        for summary in replace.run().expect("nothing fails") {
            let Summary { waited_reservations, waited_nocow_writers, ordered, copied } = summary;
            let waited = [
                (waited_reservations, "waited-reservation"),
                (waited_nocow_writers, "waited-nocow"),
                (ordered.count > 0, "waited-ordered"),
            ];
            for (_, outcome) in waited.iter().filter(|(happened, _)| *happened) {
                reached(outcome);
            }
            if copied.extents > given && !waited.iter().any(|(happened, _)| *happened) {
                reached("writer-first");
            }
            check(ordered.failed == 0, "no write fails", || format!("{summary:?}"));
        }
        replace.finish().expect("all groups are replaced");
    }

    fn play(&self, number: usize, what: Role) {
        match (what, self.given[number]) {
            (Role::Cow, _) => self.cow(&data(number)),
            (Role::Nocow, Some(extent)) => self.nocow(extent, &data(number)),
            (Role::Delete, Some(extent)) => {
                self.volume.delete(extent).expect("the extent exists");
                reached("deleted");
            }
            (Role::Commit, _) => {
                self.volume.commit().expect("commits");
                reached("committed");
            }
            (Role::Scrub, _) => self.scrub(),
            (Role::Nocow | Role::Delete, None) => unreachable!("every such role is given an extent"),
        }
    }

    fn cow(&self, data: &[u8]) {
        let write = match self.volume.begin_cow(SECTOR) {
            Ok(write) => write,
            Err(WriteError::NoSpace { read_only, .. }) => {
                check(read_only > 0, "a refused writer was refused by a read-only group", String::new);
                return reached("refused");
            }
            Err(error) => violated("no write fails", error.to_string()),
        };
        if !self.volume.groups()[0].block_group().range().contains(&write.extent()) {
            reached("second-group");
        }
        write.write_at(0, data).expect("the device works");
        // Nobody else writes there while this write is in flight.
        if self.target.peek(write.extent().start()) == u64::from(data[0]) {
            reached("both-devices");
        }
        let extent = write.finish().expect("no commit fails");
        self.check_source(extent, data[0]);
    }

    fn nocow(&self, extent: LogicalRange, data: &[u8]) {
        match self.volume.overwrite(extent, data) {
            Ok(Overwrite::InPlace) => {
                reached("in-place");
                self.check_source(extent, data[0]);
            }
            Ok(Overwrite::Moved(to)) => {
                reached("moved");
                self.check_source(to, data[0]);
            }
            Err(WriteError::NoSpace { .. }) => reached("refused"),
            Err(error) => violated("no write fails", error.to_string()),
        }
    }

    fn scrub(&self) {
        let group = &self.volume.groups()[0];
        let read_only = group.block_group().set_read_only();
        if read_only.level() > 1 {
            reached("nested");
        }
        drop(read_only);
    }

    fn check_source(&self, extent: LogicalRange, value: u8) {
        let found = self.source.peek(extent.start());
        check(found == u64::from(value), "what was written is there", || {
            format!("{extent} holds {found}, and not {value}")
        });
    }

    /// The theorem, when all roles are over.
    fn check(mut self) {
        if let Err(defect) = self.volume.check() {
            violated("all counts are zero and all figures add up", defect.to_string());
        }
        let (root, pending) = self.volume.pending();
        match root.with(&pending.fold()) {
            Ok(live) => check_copy(&live, &self.source, &self.target),
            Err(error) => violated("each delayed ref is applied exactly once", error.to_string()),
        }
    }
}

/// Each live extent is on the target, with the bytes that the source has.
pub fn check_copy(live: &CommitRoot, source: &RaceCheckedDevice, target: &RaceCheckedDevice) {
    let length = source.length().expect("known");
    for extent in live.extents_in(LogicalRange::new(0, length).expect("a range")) {
        for address in (extent.start()..extent.end()).step_by(SECTOR as usize) {
            let (is, should) = (target.peek(address), source.peek(address));
            if is != should {
                let detail = format!("the source has {should} at {extent}, the target {is}");
                violated_at("lost extent", detail, extent.to_string());
            }
        }
    }
}
