//! Of `src/volume/device_replace.rs`: a replace begins, fails, is given up and begins again while roles write, and each
//! time one thread alone has the cursor and the target slots. Argued in `docs/protocol.md`, Lemma 14.

use std::sync::Arc;

use blockgate::volume::{DeviceReplace, Policy, ReplaceError};
use blockgate::{LogicalRange, Shards, Volume};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{Note, reached, violated};
use crate::protocol::role::Role::{self, Cow, Nocow};
use crate::scenario::plan::{LeftOut, Plan, Replaces};
use crate::stage::{Curtain, Play, Raised, SECTOR, SectorDevice, check_copy, copy, live, stage, unjudged};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("device-replace/started-beside-a-writer")
            .theorem("Lemma 14: writes that were in flight when the replace began are on the target.")
            .must_reach(&["both-devices", "source-alone", "refused", "waited-ordered"])
            .plays(beside_a_writer().play()),
        Model::new("device-replace/started-beside-writers-cloned-always")
            .theorem("Lemma 14: writes that were in flight when the replace began are on the target, if all others go there.")
            .must_reach(&["both-devices", "source-alone", "refused", "in-place", "waited-ordered"])
            .plays(beside_writers().play()),
        failed("device-replace/failed-pass+cow", &[Cow], WRITES),
        failed("device-replace/failed-pass+nocow", &[Nocow], OVERWRITES),
        failed("device-replace/failed-pass+cow+nocow", &[Cow, Nocow], &["failed", "both-devices", "source-alone", "refused", "in-place", "between-the-passes"])
            .second_engine_only(),
        Model::new("device-replace/given-up+started")
            .theorem("Lemma 14: a replace that is given up takes nothing from the next one.")
            .must_reach(&["running", "started", "both-devices"])
            .plays(given_up_beside_a_start(Running::IsRefused)),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("device-replace/copied-at-once")
            .of("device-replace/started-beside-writers-cloned-always")
            .left_out("the drain of what was in flight when the replace began")
            .expect("race")
            .plays(beside_writers().without(LeftOut::Drain).play()),
        Twin::new("device-replace/failed-pass-is-the-last")
            .of("device-replace/failed-pass+cow")
            .left_out("the pass after the one that failed")
            .expect("lost extent")
            .plays(failed_pass(&[Cow]).without(LeftOut::SecondPass).play()),
        Twin::new("device-replace/two-at-once")
            .of("device-replace/given-up+started")
            .left_out("the refusal of a second replace while the first one is at work")
            .expect("lost extent")
            .plays(given_up_beside_a_start(Running::IsIgnored)),
    ]
}

fn beside_a_writer() -> Plan {
    Plan::of(&[Cow]).replaces(Replaces::OnceTheRolesAct)
}

fn beside_writers() -> Plan {
    Plan::of(&[Cow, Nocow]).policy(Policy::CloneAlways).shortened().replaces(Replaces::OnceTheRolesAct)
}

const WRITES: &[&str] = &["failed", "both-devices", "source-alone", "refused", "between-the-passes"];
const OVERWRITES: &[&str] = &["failed", "in-place", "refused", "between-the-passes"];

fn failed(name: &'static str, roles: &'static [Role], reach: &[&str]) -> Model {
    Model::new(name)
        .theorem(
            "Lemma 14: what is written before, between and after two passes over a group is on the target.",
        )
        .must_reach(reach)
        .plays(failed_pass(roles).play())
}

fn failed_pass(roles: &'static [Role]) -> Plan {
    Plan::of(roles).shortened().replaces(Replaces::AfterAPassThatFailed)
}

/// What the next replace does while the first one is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    IsRefused,
    /// It copies to its target, though writers know the other one.
    IsIgnored,
}

/// A volume with one extent, the target of the replace that is given up, and that of the next one.
struct World {
    volume: Volume,
    source: Arc<SectorDevice>,
    given_up: Arc<SectorDevice>,
    target: Arc<SectorDevice>,
    is_replaced: Note<bool>,
}

/// One was written before, one is written behind the cursor.
const SECTORS: u64 = 2;

fn group() -> LogicalRange {
    LogicalRange::new(0, SECTORS * SECTOR).expect("a range")
}

impl World {
    fn new() -> Self {
        let device = || Arc::new(SectorDevice::new(SECTORS));
        let (source, given_up, target) = (device(), device(), device());
        let builder = Volume::builder(SECTOR).shards(Shards::new(1)).group(group());
        let volume = builder.build(source.clone()).expect("fits");
        volume.write(&[1; SECTOR as usize]).expect("space");
        volume.commit().expect("commits");
        Self { volume, source, given_up, target, is_replaced: Note::default() }
    }

    /// Its cursor is behind all groups from the start.
    fn give_up(&self, curtain: Curtain<Self>) -> Raised {
        let replace = self.volume.start_replace(self.given_up.clone(), Policy::CloneAlways);
        let raised = curtain.raise();
        drop(replace.expect("it is the first"));
        raised
    }

    fn replace(&self, running: Running) {
        match self.volume.start_replace(self.target.clone(), Policy::CopyThenClone) {
            Ok(replace) => self.replace_and_write(replace),
            Err(ReplaceError::Running) if running == Running::IsRefused => reached("running"),
            Err(ReplaceError::Running) => {
                copy(&self.volume.commit_root(), &self.source, &self.target);
                self.write();
            }
            Err(error) => violated("the target is nobody's", error.to_string()),
        }
    }

    fn replace_and_write(&self, mut replace: DeviceReplace<'_>) {
        reached("started");
        replace.run().expect("nothing fails");
        self.write();
        replace.finish().expect("its group is done");
    }

    /// Behind the cursor.
    fn write(&self) {
        let extent = self.volume.write(&[2; SECTOR as usize]).expect("space");
        if self.target.value(extent.start()) == 2 {
            reached("both-devices");
        }
        self.is_replaced.set(true);
    }

    fn end(mut self) {
        let live = live(&mut self.volume);
        drop(self.volume);
        if self.is_replaced.take() == Some(true) {
            let [source, target] = [&mut self.source, &mut self.target]
                .map(|device| Arc::get_mut(device).expect("the volume had the only other share"));
            check_copy(&live, source, target);
        }
    }
}

fn given_up_beside_a_start(running: Running) -> Play {
    let stage = if running == Running::IsRefused { stage(&[group()]) } else { unjudged() };
    let cast = stage.world(World::new).main_around("device replace", World::give_up);
    cast.role("next replace", move |world| world.replace(running)).end(World::end)
}
