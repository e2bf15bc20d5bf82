//! Records what the current thread does to each sort of object.

use super::execution::{Execution, Phase};
use super::role::{Pending, Wait};
use crate::event::{Access, Object, Place, Sort};
use crate::failure::FailureKind;
use crate::mutant::Mutant;
use crate::operation::Operation;
use crate::schedule::MOST_CHOICES;
use crate::trace::Occurrence;

impl Execution {
    /// What the current thread does at `place`.
    pub(crate) fn occurrence(&self, object: Object, access: Access, place: Place) -> Occurrence {
        Occurrence::new(self.current, object, access, place)
    }

    pub(crate) fn record_word(&mut self, occurrence: Occurrence) {
        if self.is_recorded() {
            let accesses = &mut self.words.get_mut(occurrence.event.object).accesses;
            self.trace.record(&mut self.roles[self.current].progress, accesses, occurrence);
        }
    }

    /// A load, which may choose between several values. Returns how many values back it reads.
    pub(crate) fn record_load(&mut self, object: Object, place: Place) -> Result<usize, FailureKind> {
        if !self.is_recorded() {
            return Ok(0);
        }
        let by = Self::accessor(&mut self.roles, self.current);
        let choices = self.words.get(object).readable(&by);
        if choices > MOST_CHOICES {
            return Err(too_many_values(choices));
        }
        let choice = self.choice;
        if usize::from(choice) >= choices {
            let step = self.trace.len();
            return Err(FailureKind::NotDeterministic(format!(
                "step {step} has no value of number {choice}"
            )));
        }
        let mut occurrence = self.occurrence(object, Access::Read, place);
        (occurrence.choice, occurrence.choices) = (choice, u8::try_from(choices).unwrap_or(u8::MAX));
        self.record_word(occurrence);
        Ok(usize::from(choice))
    }

    /// To lock depends on the lock before. The unlock between them is no event: it makes the lock possible.
    pub(crate) fn record_lock(&mut self, object: Object, place: Place) {
        if !self.is_recorded() {
            return;
        }
        let mut occurrence = self.occurrence(object, Access::Write, place);
        let lock = self.locks.get_mut(object);
        occurrence.enabled_by = Some(lock.unlocked);
        self.trace.record(&mut self.roles[self.current].progress, &mut lock.accesses, occurrence);
    }

    /// Where an execution ends before its time, the lock that each waiting thread would have taken.
    pub(crate) fn attempt_locks(&mut self) {
        if self.phase != Phase::Explored {
            return;
        }
        for thread in 0..self.roles.len() {
            let Some(Pending { object, place, wait: Wait::Lock, .. }) = self.roles[thread].pending else {
                continue;
            };
            let occurrence = Occurrence::new(thread, object, Access::Write, place);
            let accesses = &self.locks.get(object).accesses;
            self.trace.attempt(&self.roles[thread].progress, accesses, occurrence);
        }
    }

    /// To park, or to unpark `target`, changes its token.
    pub(crate) fn record_token(&mut self, target: usize, is_reversible: bool, place: Place) {
        if !self.is_recorded() {
            return;
        }
        let mut occurrence = self.occurrence(Object::new(Sort::Token, target, 0), Access::Write, place);
        occurrence.is_reversible = is_reversible;
        let mut progress = self.role().progress;
        self.trace.record(&mut progress, &mut self.roles[target].token.accesses, occurrence);
        self.role().progress = progress;
    }

    /// Threads are numbered in the order of creation, so two spawns depend on each other.
    pub(crate) fn record_spawn(&mut self, place: Place) {
        if self.is_recorded() {
            let is_mutant = self.trace.mutant == Some(Mutant::SpawnsCommute);
            let access = if is_mutant { Access::Read } else { Access::Write };
            let occurrence = self.occurrence(Object::SPAWNS, access, place);
            self.trace.record(&mut self.roles[self.current].progress, &mut self.spawns, occurrence);
        }
    }

    /// To join changes nothing, and cannot come before the end.
    pub(crate) fn record_join(&mut self, target: usize, place: Place) {
        if !self.is_recorded() {
            return;
        }
        let mut occurrence = self.occurrence(Object::new(Sort::End, target, 0), Access::Read, place);
        occurrence.enabled_by = Some(self.roles[target].progress.clock);
        let mut progress = self.role().progress;
        self.trace.record(&mut progress, &mut self.roles[target].end, occurrence);
        self.role().progress = progress;
    }

    /// The number of the step that was recorded last.
    pub(crate) fn last_step(&self) -> Option<usize> {
        self.is_recorded().then(|| self.trace.len().checked_sub(1)).flatten()
    }

    /// Keeps what was done for the observer: a step, that was just recorded. `complete` adds what is special.
    /// In a broken execution there are no steps.
    #[inline]
    pub(crate) fn observe_step(
        &mut self,
        name: &'static str,
        object: Object,
        place: Place,
        complete: impl FnOnce(&mut Operation),
    ) {
        if self.is_observed && self.phase != Phase::Broken {
            let step = self.last_step();
            let mut operation = self.operation(name, object, place);
            operation.step = step;
            complete(&mut operation);
            self.observed.push(operation);
        }
    }

    /// The same for what is no step of its own.
    #[inline]
    pub(crate) fn observe(&mut self, name: &'static str, object: Object, place: Place) {
        if self.is_observed && self.phase != Phase::Broken {
            let operation = self.operation(name, object, place);
            self.observed.push(operation);
        }
    }

    fn operation(&self, name: &'static str, object: Object, place: Place) -> Operation {
        let made = match object.sort() {
            Sort::Word => self.words.get(object).made,
            Sort::Mutex => self.locks.get(object).made,
            Sort::Cell => self.cells.get(object).made,
            Sort::Token | Sort::End | Sort::Spawns => None,
        };
        let (thread, step) = (self.current, None);
        Operation { thread, step, name, object, made, order: None, read: None, wrote: None, place }
    }
}

#[cold]
fn too_many_values(values: usize) -> FailureKind {
    FailureKind::Refused(format!(
        "traceset: a load that may read {values} values: {MOST_CHOICES} are the most. Publish less often, or \
         let the reader know of what was published"
    ))
}
