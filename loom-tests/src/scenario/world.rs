//! The world of the theorem: a volume whose device is replaced while writers write.

use std::sync::Arc;

use blockgate::volume::{DeviceReplace, Overwrite, Policy, WriteError};
use blockgate::{LogicalRange, Shards, Summary, Volume};

use crate::engine::{check, reached, violated};
use crate::protocol::role::Role;
use crate::stage::{Curtain, Play, SECTOR, SectorDevice, check_copy, stage};

/// What is played.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Beside the one that replaces: COW and NOCOW writers, deleters, committers, scrubs. Each is a thread.
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

impl Plan {
    /// The main thread replaces the device, one more thread plays each of the roles.
    pub fn play(self) -> Play {
        let groups = self.layout();
        let replace = move |world: &World, curtain: Curtain<World>| {
            let replace = world.volume.start_replace(world.target.clone(), self.policy);
            let raised = curtain.raise();
            world.replace(replace.expect("nothing else replaces"));
            raised
        };
        let cast = stage(&groups).world(move || World::new(self, &groups));
        let mut cast = cast.main_around(Role::Replace.name(), replace);
        for (number, &role) in self.roles.iter().enumerate() {
            cast = cast.role(role.name(), move |world| world.act(number, role));
        }
        cast.end(World::check)
    }

    /// Room for twice what all threads write, in each group.
    fn layout(&self) -> Vec<LogicalRange> {
        let threads = self.roles.len() as u64 + 1;
        let length = threads * 2 * self.rounds as u64 * SECTOR;
        (0..self.groups).map(|group| LogicalRange::new(group * length, length).expect("a range")).collect()
    }

    /// A shard, and so a slice of each group, for every thread: writers do not meet. But two that
    /// close the same gates meet in every shard: where there is a scrub, one shard is for all.
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
        let given = plan.roles.iter().map(|role| match role {
            Role::Nocow | Role::Deleter => {
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

    fn act(&self, number: usize, role: Role) {
        let mut own = self.given[number];
        for round in 0..self.rounds {
            own = self.act_once(role, own, &data(number, round));
        }
    }

    /// Returns the role's extent, for its next round.
    fn act_once(&self, role: Role, own: Option<LogicalRange>, data: &[u8]) -> Option<LogicalRange> {
        match (role, own) {
            (Role::Cow, _) | (Role::Deleter, None) => return self.cow(data),
            (Role::Nocow, Some(extent)) => return Some(self.nocow(extent, data)),
            (Role::Deleter, Some(extent)) => self.delete(extent),
            (Role::Committer, _) => self.commit(),
            (Role::Scrub, _) => self.scrub(),
            _ => unreachable!("{} with {own:?} is no role beside the replace", role.name()),
        }
        None
    }

    fn delete(&self, extent: LogicalRange) {
        self.volume.delete(extent).expect("the extent exists");
        reached("deleted");
    }

    fn commit(&self) {
        self.volume.commit().expect("commits");
        reached("committed");
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
        if self.target.value(write.extent().start()) == u64::from(data[0]) {
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
        let found = self.source.value(extent.start());
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
        let live = match root.with(&pending.fold()) {
            Ok(live) => live,
            Err(error) => violated("each delayed ref is applied exactly once", error.to_string()),
        };
        drop(self.volume);
        let [source, target] = [&mut self.source, &mut self.target]
            .map(|device| Arc::get_mut(device).expect("the volume, which is gone, had the only other share"));
        check_copy(&live, source, target);
    }
}
