//! What each role does in the world of the theorem, and what it says of it.

use std::sync::Arc;

use blockgate::volume::{DeviceReplace, Overwrite, ReplaceError, WriteError};
use blockgate::{LogicalRange, Summary};

use super::plan::{LeftOut, Replaces};
use super::world::{GIVEN, Kept, World};
use crate::engine::{check, reached, violated};
use crate::protocol::role::Role;
use crate::stage::{Curtain, Raised, SECTOR, SectorDevice, copy};

/// What role number `n` writes in a round.
fn data(n: usize, round: usize) -> [u8; SECTOR as usize] {
    [u8::try_from(n + 10 * round).expect("few roles, few rounds") + 100; SECTOR as usize]
}

impl World {
    pub(super) fn replace(&self, curtain: Curtain<Self>) -> Raised {
        match self.plan.replaces {
            Replaces::OnceTheRolesAct => {
                let raised = curtain.raise();
                self.replace_beside_the_roles();
                raised
            }
            Replaces::Once | Replaces::AfterOneThatWasRetired => {
                self.started_before(curtain, &self.target, Self::replace_all)
            }
            Replaces::AfterAPassThatFailed => {
                self.started_before(curtain, &self.target, Self::replace_with_a_pass_that_fails)
            }
            Replaces::AfterOneThatWasGivenUp => {
                self.started_before(curtain, &self.given_up, Self::replace_after)
            }
        }
    }

    /// The other roles begin when the replace has.
    fn started_before<'w>(
        &'w self,
        curtain: Curtain<Self>,
        target: &Arc<SectorDevice>,
        go_on: impl FnOnce(&'w Self, DeviceReplace<'w>),
    ) -> Raised {
        let replace = self.start_replace(target);
        let raised = curtain.raise();
        go_on(self, replace);
        raised
    }

    fn start_replace(&self, target: &Arc<SectorDevice>) -> DeviceReplace<'_> {
        self.volume.start_replace(target.clone(), self.plan.policy).expect("nothing else replaces")
    }

    fn replace_beside_the_roles(&self) {
        let replace = self.start_replace(&self.target);
        if self.plan.leaves_out(LeftOut::Drain) {
            copy(&self.volume.commit().expect("commits"), &self.source, &self.target);
            // Until then every write that has begun after the start goes to both devices.
            self.over.wait_until(|over| (*over == self.plan.roles.len()).then_some(()));
            return drop(replace);
        }
        self.replace_all(replace);
    }

    fn replace_with_a_pass_that_fails(&self, mut replace: DeviceReplace<'_>) {
        match replace.run() {
            Err(ReplaceError::Copy(_)) => reached("failed"),
            Ok(_) => reached("found-nothing-to-copy"),
            Err(error) => violated("the first read fails, and nothing else", error.to_string()),
        }
        if self.plan.leaves_out(LeftOut::SecondPass) {
            return;
        }
        self.passes.increment();
        self.replace_all(replace);
        self.passes.increment();
    }

    fn replace_after(&self, mut first: DeviceReplace<'_>) {
        let passed = first.next_group().expect("nothing fails");
        check(passed.is_some(), "there is a group", String::new);
        drop(first);
        if !self.plan.leaves_out(LeftOut::SecondReplace) {
            self.replace_all(self.start_replace(&self.target));
        }
    }

    fn replace_all(&self, mut replace: DeviceReplace<'_>) {
        for (group, summary) in replace.run().expect("nothing fails").into_iter().enumerate() {
            self.say_what_happened(group, &summary);
        }
        replace.finish().expect("all groups are replaced");
    }

    fn say_what_happened(&self, group: usize, summary: &Summary) {
        let Summary { waited_reservations, waited_nocow_writers, ordered, copied, .. } = *summary;
        let waited = [
            (waited_reservations, "waited-reservation"),
            (waited_nocow_writers, "waited-nocow"),
            (ordered.count > 0, "waited-ordered"),
        ];
        for (_, outcome) in waited.iter().filter(|(happened, _)| *happened) {
            reached(outcome);
        }
        let has_waited = waited.iter().any(|(happened, _)| *happened);
        if copied.extents > self.given_extents as u64 && !has_waited {
            reached("writer-first");
        }
        if ordered.count > 1 {
            reached(&format!("waited-for-{}-ordered", ordered.count));
        }
        if group > 0 && has_waited {
            reached("waited-in-the-second-group");
        }
        check(ordered.failed == 0, "no write fails", || format!("{summary:?}"));
    }

    pub(super) fn act(&self, number: usize, role: Role) {
        let mut kept: Vec<_> =
            self.given[number].map(|extent| Kept { extent, value: GIVEN }).into_iter().collect();
        let passes_before = self.passes_that_failed();
        let outcome = |round| self.act_once(role, &mut kept, &data(number, round));
        let outcomes: Vec<_> = (0..self.plan.rounds).map(outcome).collect();
        if (passes_before, self.passes_that_failed()) == (1, 1) {
            reached("between-the-passes");
        }
        for outcome in &outcomes {
            reached(outcome);
        }
        for pair in outcomes.windows(2) {
            reached(&format!("{}-then-{}", pair[0], pair[1]));
        }
        self.kept[number].set(kept);
        if self.plan.leaves_out(LeftOut::Drain) {
            let mut over = self.over.lock();
            *over += 1;
            over.notify_all();
        }
    }

    /// One, from the pass that fails to the end of the next one. Where none fails, none is counted: it would only make
    /// roles depend on each other.
    fn passes_that_failed(&self) -> u64 {
        if self.plan.replaces == Replaces::AfterAPassThatFailed { self.passes.read() } else { 0 }
    }

    /// Returns what came of it.
    fn act_once(&self, role: Role, kept: &mut Vec<Kept>, data: &[u8]) -> &'static str {
        match role {
            Role::Cow => self.cow(kept, data),
            Role::Nocow => self.nocow(kept, data),
            Role::Deleter => match kept.pop() {
                Some(own) => self.delete(own),
                None => self.cow(kept, data),
            },
            Role::Cloner => self.clone_and_drop(kept),
            Role::Committer => self.commit(),
            Role::Scrub => self.scrub(),
            _ => unreachable!("{} is no role beside the replace", role.name()),
        }
    }

    fn delete(&self, own: Kept) -> &'static str {
        self.volume.delete(own.extent).expect("the extent exists");
        "deleted"
    }

    /// One reference more, and then one less: nobody overwrites the extent meanwhile.
    fn clone_and_drop(&self, kept: &mut Vec<Kept>) -> &'static str {
        let [own] = kept[..] else { unreachable!("it was given one extent") };
        let Kept { extent, .. } = own;
        let added = (!self.plan.leaves_out(LeftOut::Reference))
            .then(|| self.volume.add_reference(extent).expect("the extent exists"));
        if self.plan.shortened {
            kept.push(own);
            return "cloned";
        }
        let dropped = self.volume.delete(extent).expect("the extent exists");
        if added == Some(dropped) { "cloned-in-one-transaction" } else { "cloned-over-a-commit" }
    }

    fn commit(&self) -> &'static str {
        let root = self.volume.commit().expect("commits");
        if root.len() > self.given_extents { "committed-a-write" } else { "committed" }
    }

    fn cow(&self, kept: &mut Vec<Kept>, data: &[u8]) -> &'static str {
        let write = match self.volume.begin_cow(SECTOR) {
            Ok(write) => write,
            Err(WriteError::NoSpace { read_only, .. }) => {
                check(read_only > 0, "a refused writer was refused by a read-only group", String::new);
                return "refused";
            }
            Err(error) => violated("no write fails", error.to_string()),
        };
        if !self.volume.groups()[0].block_group().range().contains(&write.extent()) {
            reached("second-group");
        }
        write.write_at(0, data).expect("the device works");
        // Nobody else writes there while this write is in flight.
        let is_on = |device: &SectorDevice| device.value(write.extent().start()) == u64::from(data[0]);
        let (both, to_the_given_up) = (is_on(&self.target), is_on(&self.given_up));
        let extent = write.finish().expect("no commit fails");
        self.keep(kept, Kept { extent, value: data[0] });
        match (both, to_the_given_up) {
            (true, _) => "both-devices",
            (_, true) => "target-given-up",
            _ => "source-alone",
        }
    }

    /// What is kept of the extent is where it is now.
    fn nocow(&self, kept: &mut Vec<Kept>, data: &[u8]) -> &'static str {
        let own = kept.pop().expect("it was given one");
        let (now, outcome) = match self.overwrite(own.extent, data) {
            Ok(Overwrite::InPlace) => (own.extent, "in-place"),
            Ok(Overwrite::Moved(to)) => (to, "moved"),
            Err(WriteError::NoSpace { .. } | WriteError::ReadOnly(_)) => {
                kept.push(own);
                return "refused";
            }
            Err(error) => violated("no write fails", error.to_string()),
        };
        self.keep(kept, Kept { extent: now, value: data[0] });
        outcome
    }

    fn overwrite(&self, extent: LogicalRange, data: &[u8]) -> Result<Overwrite, WriteError> {
        if !self.plan.shortened {
            return self.volume.overwrite(extent, data);
        }
        let write = self.volume.begin_nocow(extent)?;
        write.write_at(0, data)?;
        write.finish();
        Ok(Overwrite::InPlace)
    }

    fn scrub(&self) -> &'static str {
        let group = &self.volume.groups()[0];
        let read_only = group.block_group().set_read_only();
        if read_only.level() > 1 { "nested" } else { "not-nested" }
    }

    fn keep(&self, kept: &mut Vec<Kept>, own: Kept) {
        let found = self.source.value(own.extent.start());
        check(found == u64::from(own.value), "what was written is there", || format!("{own:?}, not {found}"));
        kept.push(own);
    }
}
