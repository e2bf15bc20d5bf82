//! The values of an atomic word, and which of them a load may read.
//!
//! A read-modify-write reads the newest value. A load may read an older one, unless its thread knows a newer
//! one: it knows what it wrote and read itself, and what others had written and read when they released
//! what it has acquired (coherence, C11 5.1.2.4). Stores stand in the order in which they are executed.

use super::table::Reset;
use crate::clock::Clock;
use crate::dependence::Accesses;
use crate::event::Place;
use std::sync::atomic::Ordering;

/// What is known of an atomic word's accesses.
#[derive(Default)]
pub(crate) struct Word {
    pub(crate) accesses: Accesses,
    pub(crate) made: Option<Place>,
    stores: Vec<Store>,
    sightings: Vec<Sighting>,
}

/// A value that was written.
#[derive(Clone, Copy)]
struct Store {
    value: u64,
    /// What a thread knows that acquires it: with a release sequence, of several releases.
    released: Clock,
    writer: u8,
    epoch: u16,
}

/// That a thread read the value of this number, or wrote it.
#[derive(Clone, Copy)]
struct Sighting {
    store: usize,
    reader: u8,
    epoch: u16,
}

/// A thread at an access: its number, and what it knows by release and acquire.
pub(crate) struct Accessor<'a> {
    pub(crate) thread: u8,
    pub(crate) known: &'a mut Clock,
}

impl Accessor<'_> {
    fn epoch(&self) -> u16 {
        self.known.of(usize::from(self.thread))
    }

    fn knows(&self, thread: u8, epoch: u16) -> bool {
        self.known.covers(usize::from(thread), epoch)
    }

    /// What it does from now on is not part of what it has released.
    pub(crate) fn begin_epoch(&mut self) {
        self.known.advance(usize::from(self.thread));
    }
}

impl Reset for Word {
    fn reset(&mut self) {
        self.accesses = Accesses::default();
        self.stores.clear();
        self.sightings.clear();
    }
}

impl Word {
    /// The value it was made with, which everyone may know.
    pub(crate) fn begin(&mut self, value: u64) {
        self.stores.push(Store { value, released: Clock::ZERO, writer: 0, epoch: 0 });
    }

    fn newest(&self) -> usize {
        self.stores.len() - 1
    }

    /// A plain store begins a new release sequence.
    pub(crate) fn store(&mut self, value: u64, order: Ordering, by: &mut Accessor) {
        let released = if releases(order) { *by.known } else { Clock::ZERO };
        self.push(value, released, by);
    }

    /// The writing half of a read-modify-write, which continues the release sequence that it read from.
    pub(crate) fn exchange(&mut self, value: u64, order: Ordering, by: &mut Accessor) {
        let mut released = self.stores[self.newest()].released;
        if releases(order) {
            released.join(by.known);
        }
        self.push(value, released, by);
    }

    fn push(&mut self, value: u64, released: Clock, by: &mut Accessor) {
        self.stores.push(Store { value, released, writer: by.thread, epoch: by.epoch() });
        by.begin_epoch();
    }

    /// Reads the newest value, as a read-modify-write does, succeed or fail.
    pub(crate) fn read_newest(&mut self, order: Ordering, by: &mut Accessor) {
        self.read(self.newest(), order, by);
    }

    /// How many values the thread may read: the newest ones.
    pub(crate) fn readable(&self, by: &Accessor) -> usize {
        self.stores.len() - self.oldest_readable(by)
    }

    fn oldest_readable(&self, by: &Accessor) -> usize {
        let known = |store: &Store| by.knows(store.writer, store.epoch);
        let written = self.stores.iter().rposition(known).unwrap_or(0);
        let seen = self.sightings.iter().filter(|seen| by.knows(seen.reader, seen.epoch));
        seen.map(|seen| seen.store).fold(written, usize::max)
    }

    /// Reads the value that is the `back`-th before the newest, or `None` for the newest.
    pub(crate) fn load(&mut self, back: usize, order: Ordering, by: &mut Accessor) -> Option<u64> {
        let store = self.newest() - back;
        self.read(store, order, by);
        (back > 0).then(|| self.stores[store].value)
    }

    fn read(&mut self, store: usize, order: Ordering, by: &mut Accessor) {
        let released = self.stores[store].released;
        if acquires(order) {
            by.known.join(&released);
        }
        self.sightings.push(Sighting { store, reader: by.thread, epoch: by.epoch() });
    }
}

pub(crate) fn acquires(order: Ordering) -> bool {
    matches!(order, Ordering::Acquire | Ordering::AcqRel)
}

pub(crate) fn releases(order: Ordering) -> bool {
    matches!(order, Ordering::Release | Ordering::AcqRel)
}
