//! Memory that must not be raced for: of two accesses, one of them a write, one happens before the other, by
//! release and acquire.
//!
//! As in `FastTrack` (Flanagan and Freund 2009): the last write, and of each thread the last read.

use super::table::Reset;
use crate::clock::Clock;
use crate::event::Place;
use crate::failure::CellAccess;
use crate::threads::MOST_THREADS;

/// What is known of a cell's accesses.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) made: Option<Place>,
    write: Option<Access>,
    reads: [Option<Access>; MOST_THREADS],
}

#[derive(Clone, Copy)]
struct Access {
    thread: usize,
    epoch: u16,
    place: Place,
}

impl Reset for Shared {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Shared {
    pub(crate) fn read(&mut self, thread: usize, known: Clock, place: Place) -> Result<(), CellAccess> {
        self.after_write(known)?;
        self.reads[thread] = Some(Access { thread, epoch: known.of(thread), place });
        Ok(())
    }

    pub(crate) fn write(&mut self, thread: usize, known: Clock, place: Place) -> Result<(), CellAccess> {
        self.after_write(known)?;
        ordered(self.reads.iter().flatten(), known, false)?;
        self.write = Some(Access { thread, epoch: known.of(thread), place });
        Ok(())
    }

    fn after_write(&self, known: Clock) -> Result<(), CellAccess> {
        ordered(self.write.iter(), known, true)
    }
}

fn ordered<'a>(
    mut before: impl Iterator<Item = &'a Access>,
    known: Clock,
    is_write: bool,
) -> Result<(), CellAccess> {
    match before.find(|access| !known.covers(access.thread, access.epoch)) {
        Some(Access { thread, place, .. }) => Err(CellAccess { thread: *thread, place, is_write }),
        None => Ok(()),
    }
}
