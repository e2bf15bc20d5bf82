//! The world of the theorem: a volume whose device is replaced while writers write.

use std::sync::Arc;

use blockgate::sync::Monitor;
use blockgate::{CommitRoot, Device, Event, LogicalRange, Volume};

use super::plan::{Given, LeftOut, Plan, Replaces};
use crate::engine::{Counter, Note, check};
use crate::protocol::role::Role;
use crate::stage::{
    Curtain, FailsOnce, Play, SECTOR, SectorDevice, check_copy, live, observe, stage, unjudged,
};

pub struct World {
    pub(super) plan: Plan,
    pub(super) volume: Volume,
    pub(super) source: Arc<SectorDevice>,
    pub(super) target: Arc<SectorDevice>,
    /// Of the replace that is given up.
    pub(super) given_up: Arc<SectorDevice>,
    /// What each role was given, and how many extents that makes.
    pub(super) given: Vec<Option<LogicalRange>>,
    pub(super) given_extents: usize,
    /// What each role has in the end.
    pub(super) kept: Vec<Note<Vec<Kept>>>,
    /// How many passes over the group have ended, where the first one fails.
    pub(super) passes: Counter,
    /// How many roles are over, where the replace does not drain, and waits for that.
    pub(super) over: Monitor<usize>,
}

/// A reference that a role has, and the byte that it wrote last to the extent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) extent: LogicalRange,
    pub(super) value: u8,
}

/// What the given extents hold.
pub(super) const GIVEN: u8 = 1;

impl Plan {
    /// The main thread replaces the device, one more thread plays each of the roles.
    pub fn play(self) -> Play {
        let groups = self.layout();
        let is_twin = self.left_out.is_some();
        let stage = if is_twin { unjudged() } else { stage(&groups).waiving(self.waived()) };
        let replace = |world: &World, curtain: Curtain<World>| world.replace(curtain);
        let mut cast =
            stage.world(move || World::new(self, &groups)).main_around(Role::Replace.name(), replace);
        for (number, &role) in self.roles.iter().enumerate() {
            cast = cast.role(role.name(), move |world| world.act(number, role));
        }
        cast.end(World::check)
    }
}

impl World {
    fn new(plan: Plan, groups: &[LogicalRange]) -> Self {
        let sectors = groups.iter().map(|group| group.len() / SECTOR).sum();
        let device = || Arc::new(SectorDevice::new(sectors));
        let (first, given_up, target) = (device(), device(), device());
        let builder = Volume::builder(SECTOR).shards(plan.shards());
        let builder = groups.iter().fold(builder, |builder, group| builder.group(*group));
        let mut volume = builder.build(plan.source(&first)).expect("the device is long enough");
        let given = give(plan, &volume);
        let source = match plan.replaces {
            Replaces::AfterOneThatWasRetired => replace_alone(&mut volume, device()),
            _ => first,
        };
        let given_extents = volume.commit_root().len();
        let kept = plan.roles.iter().map(|_| Note::default()).collect();
        let (passes, over) = (Counter::new(), Monitor::new(0));
        Self { plan, volume, source, target, given_up, given, given_extents, kept, passes, over }
    }

    /// All that must hold when all roles are over: the theorem, last of all.
    pub(super) fn check(mut self) {
        let live = live(&mut self.volume);
        let kept: Vec<_> = self.kept.iter_mut().filter_map(Note::take).flatten().collect();
        let gives_up = self.plan.leaves_out(LeftOut::SecondReplace);
        let target = if gives_up { &mut self.given_up } else { &mut self.target };
        drop(self.volume);
        let [source, target] = [&mut self.source, target]
            .map(|device| Arc::get_mut(device).expect("the volume, which is gone, had the only other share"));
        check_references(&live, &kept);
        check_bytes(source, &kept);
        check_copy(&live, source, target);
    }
}

impl Plan {
    /// What the volume has of `device`.
    fn source(self, device: &Arc<SectorDevice>) -> Arc<dyn Device> {
        match self.replaces {
            Replaces::AfterAPassThatFailed => Arc::new(FailsOnce::new(Arc::clone(device))),
            _ => Arc::clone(device) as Arc<dyn Device>,
        }
    }
}

/// Writes an extent for each role that needs one, and commits them.
fn give(plan: Plan, volume: &Volume) -> Vec<Option<LogicalRange>> {
    let mut shared = None;
    let mut give = |role: &Role| match (role, shared) {
        (Role::Nocow, Some(extent)) if plan.given == Given::OneForAll => {
            if !plan.leaves_out(LeftOut::ReferencesOfOthers) {
                volume.add_reference(extent).expect("it exists");
            }
            Some(extent)
        }
        (Role::Nocow | Role::Deleter | Role::Cloner, _) => {
            let extent = volume.write(&[GIVEN; SECTOR as usize]).expect("there is space");
            shared = shared.or((*role == Role::Nocow).then_some(extent));
            Some(extent)
        }
        _ => None,
    };
    let closed: Vec<_> = match (plan.given, volume.groups()) {
        (Given::OneEachInTheLastGroup, [others @ .., _last]) => {
            others.iter().map(|group| group.block_group().set_read_only()).collect()
        }
        _ => Vec::new(),
    };
    let given: Vec<_> = plan.roles.iter().map(&mut give).collect();
    drop(closed);
    if given.iter().any(Option::is_some) {
        volume.commit().expect("commits");
    }
    given
}

/// Replaces the device while nothing else happens, and returns the new one.
fn replace_alone(volume: &mut Volume, target: Arc<SectorDevice>) -> Arc<SectorDevice> {
    let mut replace =
        volume.start_replace(target.clone(), blockgate::Policy::CopyThenClone).expect("the first");
    replace.run().expect("nothing fails");
    replace.finish().expect("all groups are replaced");
    drop(replace);
    drop(volume.retire_source().expect("it is finished"));
    // Which is no event: the new cursor begins at zero.
    observe(Event::MoveCursor { to: 0 });
    target
}

/// Each live extent has a reference for each role that kept one, and no other.
fn check_references(live: &CommitRoot, kept: &[Kept]) {
    let references = |extent: LogicalRange| kept.iter().filter(|kept| kept.extent == extent).count() as u64;
    for Kept { extent, .. } in kept {
        let found = live.get(extent.start()).map_or(0, |item| item.references);
        check(found == references(*extent), REFERENCES, || {
            format!("{extent} has {found} references, and {} roles have it", references(*extent))
        });
    }
    let mut extents: Vec<_> = kept.iter().map(|kept| kept.extent).collect();
    extents.sort_unstable();
    extents.dedup();
    check(live.len() == extents.len(), REFERENCES, || format!("{live:?}, but {kept:?}"));
}

const REFERENCES: &str = "a live extent has the references that the roles have, and no others";

fn check_bytes(source: &mut SectorDevice, kept: &[Kept]) {
    for Kept { extent, value } in kept {
        let found = source.last(extent.start());
        check(found == u64::from(*value), "what was written is there", || {
            format!("{extent} holds {found}, and not {value}")
        });
    }
}
