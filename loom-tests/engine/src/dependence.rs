//! The events on one object that a further event on it depends on, and which of these it races with.
//!
//! Two events race if they depend on each other, nothing between them orders them, and the second could
//! have come first. Of the accesses to an object these are: for a read the last write; for a write the reads
//! since the last write, or that write where there were none. Everything before happens before one of them.

use crate::clock::Clock;
use crate::event::{Access, Step};
use crate::threads::{MOST_THREADS, ThreadSet};

/// The accesses to an object that matter, as numbers of steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accesses {
    write: Option<u32>,
    /// The threads that have read since the last write, and the last such step of each.
    readers: ThreadSet,
    reads: [u32; MOST_THREADS],
}

impl Accesses {
    /// Notes step `number` of a thread. `clock` comes as what the thread knows, and leaves with what the
    /// accesses before make known. `races` is called with each step that this one races with.
    pub(crate) fn note(
        &mut self,
        (number, thread, access): (u32, usize, Access),
        clock: &mut Clock,
        steps: &[Step],
        races: impl FnMut(u32),
    ) {
        let before = *clock;
        match access {
            Access::Read => {
                self.after_write(before, clock, steps, races);
                self.readers.insert(thread);
                self.reads[thread] = number;
            }
            Access::Write => {
                if self.readers.is_empty() {
                    self.after_write(before, clock, steps, races);
                } else {
                    self.after_reads(before, clock, steps, races);
                }
                self.write = Some(number);
                self.readers = ThreadSet::EMPTY;
            }
        }
    }

    fn after_write(&self, before: Clock, clock: &mut Clock, steps: &[Step], mut races: impl FnMut(u32)) {
        let Some(number) = self.write else { return };
        let write = &steps[number as usize];
        if !write.is_in(before) {
            races(number);
            clock.join(&write.clock);
        }
    }

    /// Every reader has the last write in its past already.
    fn after_reads(&self, before: Clock, clock: &mut Clock, steps: &[Step], mut races: impl FnMut(u32)) {
        for reader in self.readers.iter() {
            let read = &steps[self.reads[reader] as usize];
            if read.is_in(before) {
                continue;
            }
            let mut others = self.readers.iter().filter(|other| *other != reader);
            if !others.any(|other| read.is_in(steps[self.reads[other] as usize].clock)) {
                races(self.reads[reader]);
            }
            clock.join(&read.clock);
        }
    }
}
