//! The world of the theorem: a volume whose device is replaced while writers write.

use std::sync::Arc;

use blockgate::volume::{DeviceReplace, Overwrite, Policy, WriteError};
use blockgate::{CommitRoot, Device, LogicalRange, Shards, Summary, Volume};

use super::device::{SECTOR, SectorDevice};
use super::{last, role};
use crate::engine::{check, reached, violated, violated_at};

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

/// What is played.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// One thread plays each of them, beside the one that replaces.
    pub roles: &'static [Role],
    pub groups: u64,
    pub policy: Policy,
    /// How often each role does what it does.
    pub rounds: usize,
}

pub struct World {
    volume: Volume,
    source: Arc<SectorDevice>,
    target: Arc<SectorDevice>,
    /// By role: the extent it was given.
    given: Vec<Option<LogicalRange>>,
    rounds: usize,
}

/// What role number `n` writes in a round. The given extents hold `GIVEN`.
fn data(n: usize, round: usize) -> [u8; SECTOR as usize] {
    [u8::try_from(n + 10 * round).expect("few roles, few rounds") + 100; SECTOR as usize]
}

const GIVEN: u8 = 1;

/// The body of a model: the main thread replaces the device, one more thread plays each of `roles`.
pub fn replace_against(roles: &'static [Role], groups: u64, policy: Policy) {
    play(Plan { roles, groups, policy, rounds: 1 });
}

/// The same, for a longer history.
pub fn play(plan: Plan) {
    let groups = plan.layout();
    #[cfg(any(loom, shuttle))]
    super::trace::begin(&groups, super::trace::Report::AtOnce);
    let world = Arc::new(World::new(plan, &groups));
    let replace = world.volume.start_replace(world.target.clone(), plan.policy);
    let replace = replace.expect("nothing else replaces");
    for (number, &what) in plan.roles.iter().enumerate() {
        role(&world, move |world| world.play(number, what), World::check);
    }
    world.replace(replace);
    last(world, World::check);
}

impl Plan {
    /// Room for twice what all threads write, in each group.
    fn layout(&self) -> Vec<LogicalRange> {
        let threads = self.roles.len() as u64 + 1;
        let length = threads * 2 * self.rounds as u64 * SECTOR;
        (0..self.groups).map(|group| LogicalRange::new(group * length, length).expect("a range")).collect()
    }

    /// A shard, and so a slice of each group, for every thread: writers do not meet. But two who close
    /// the same gates meet in every shard: where there is a scrub, one shard is for all.
    fn shards(&self) -> Shards {
        Shards::new(if self.roles.contains(&Role::Scrub) { 1 } else { self.roles.len() + 1 })
    }
}

impl World {
    fn new(plan: Plan, groups: &[LogicalRange]) -> Self {
        let sectors = groups.iter().map(|group| group.len() / SECTOR).sum();
        let source = Arc::new(SectorDevice::new(sectors));
        let target = Arc::new(SectorDevice::new(sectors));
        let builder = Volume::builder(SECTOR).shards(plan.shards());
        let builder = groups.iter().fold(builder, |builder, group| builder.group(*group));
        let volume = builder.build(source.clone()).expect("the device is long enough");
        let given = plan.roles.iter().map(|what| match what {
            Role::Nocow | Role::Delete => {
                Some(volume.write(&[GIVEN; SECTOR as usize]).expect("there is space"))
            }
            _ => None,
        });
        let given: Vec<_> = given.collect();
        if given.iter().any(Option::is_some) {
            volume.commit().expect("commits");
        }
        Self { volume, source, target, given, rounds: plan.rounds }
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
        let mut own = self.given[number];
        for round in 0..self.rounds {
            own = self.play_round(what, own, &data(number, round));
        }
    }

    /// Returns the role's extent, for its next round.
    fn play_round(&self, what: Role, own: Option<LogicalRange>, data: &[u8]) -> Option<LogicalRange> {
        match (what, own) {
            (Role::Cow, _) | (Role::Delete, None) => self.cow(data),
            (Role::Nocow, Some(extent)) => Some(self.nocow(extent, data)),
            (Role::Delete, Some(extent)) => {
                self.volume.delete(extent).expect("the extent exists");
                reached("deleted");
                None
            }
            (Role::Commit, _) => {
                self.volume.commit().expect("commits");
                reached("committed");
                None
            }
            (Role::Scrub, _) => {
                self.scrub();
                None
            }
            (Role::Nocow, None) => unreachable!("every such role is given an extent"),
        }
    }

    fn cow(&self, data: &[u8]) -> Option<LogicalRange> {
        let write = match self.volume.begin_cow(SECTOR) {
            Ok(write) => write,
            Err(WriteError::NoSpace { read_only, .. }) => {
                check(read_only > 0, "a refused writer was refused by a read-only group", String::new);
                reached("refused");
                return None;
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
        Some(extent)
    }

    /// Returns where the extent is now.
    fn nocow(&self, extent: LogicalRange, data: &[u8]) -> LogicalRange {
        let now = match self.volume.overwrite(extent, data) {
            Ok(Overwrite::InPlace) => {
                reached("in-place");
                extent
            }
            Ok(Overwrite::Moved(to)) => {
                reached("moved");
                to
            }
            Err(WriteError::NoSpace { .. }) => {
                reached("refused");
                return extent;
            }
            Err(error) => violated("no write fails", error.to_string()),
        };
        self.check_source(now, data[0]);
        now
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
pub fn check_copy(live: &CommitRoot, source: &SectorDevice, target: &SectorDevice) {
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
