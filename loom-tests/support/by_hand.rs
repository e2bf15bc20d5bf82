//! The protocol composed by hand from the types of L2 and L3, so that a step can be left out. With
//! nothing left out it is right, which is a model of its own.

use std::sync::Arc;

use blockgate::{
    BlockGroup, BlockGroupId, CommitRoot, Cursor, CursorReader, DelayedRef, Device, Event, LogicalRange,
    OrderedExtents, ReadOnly, Shards, Transactions,
};
use loom_harness::reached;

use super::device::{SECTOR, SectorDevice};
use super::world::check_copy;
use super::{last, role};
use crate::scenario::trace::{self, Report};

/// What is left out, or done in the wrong order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    Nothing,
    /// The seed: copy right after setting read-only.
    Drain,
    WaitForReservations,
    WaitForNocowWriters,
    WaitForOrderedExtents,
    Commit,
    /// Commit only when an ordered extent was waited for, as the patch of 2016 did.
    CommitUnlessWaited,
    ReadOnlyBeforeTheWaits,
    OrderedBeforeReservationEnds,
    OrderedBeforeNocowWriterEnds,
    RefBeforeOrderedIsFinished,
    CursorBeforeReadWrite,
    CopyBeforeCursor,
    /// Nothing undoes the freeze.
    Undo,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Cow,
    Nocow,
}

struct World {
    group: BlockGroup,
    ordered: OrderedExtents,
    transactions: Transactions,
    cursor: CursorReader,
    source: SectorDevice,
    target: SectorDevice,
    /// What the NOCOW writer overwrites.
    given: Option<LogicalRange>,
    left_out: LeftOut,
}

/// The body: the main thread replaces one group, another thread writes once. With nothing left out, the
/// events are compared with the specification.
pub fn replace_by_hand(writer: Writer, left_out: LeftOut) {
    if left_out == LeftOut::Nothing {
        trace::begin(&[group_range()], Report::AtOnce);
    } else {
        trace::begin_without();
    }
    run(writer, left_out);
}

/// The same, and where no extent is lost the specification says what it thinks of what is left out.
pub fn replace_by_hand_compared(left_out: LeftOut) {
    trace::begin(&[group_range()], Report::AtTheEnd);
    run(Writer::Cow, left_out);
}

const SECTORS: u64 = 4;

fn group_range() -> LogicalRange {
    LogicalRange::new(0, SECTORS * SECTOR).expect("a range")
}

fn run(writer: Writer, left_out: LeftOut) {
    let (mut cursor, reader) = Cursor::new();
    let world = Arc::new(World::new(writer, reader, left_out));
    match writer {
        Writer::Cow => role(&world, World::cow, World::check),
        Writer::Nocow => role(&world, World::nocow, World::check),
    }
    world.replace(&mut cursor);
    last(world, World::check);
}

impl World {
    fn new(writer: Writer, cursor: CursorReader, left_out: LeftOut) -> Self {
        let shards = Shards::new(2);
        let mut world = Self {
            group: BlockGroup::with_shards(BlockGroupId(0), group_range(), SECTOR, shards).expect("aligned"),
            ordered: OrderedExtents::new(shards),
            transactions: Transactions::new(shards),
            cursor,
            source: SectorDevice::new(SECTORS),
            target: SectorDevice::new(SECTORS),
            given: None,
            left_out,
        };
        if writer == Writer::Nocow {
            let reservation = world.group.reserve(SECTOR).expect("there is space");
            let ordered = world.ordered.add(reservation.extent());
            let extent = reservation.hand_over();
            world.write(extent, 1);
            world.add_reference(extent);
            ordered.finish();
            let _ = world.transactions.commit().expect("commits");
            world.given = Some(extent);
        }
        world
    }

    fn is_left_out(&self, step: LeftOut) -> bool {
        self.left_out == step || (self.left_out == LeftOut::Drain && step.is_part_of_the_drain())
    }

    fn replace(&self, cursor: &mut Cursor) {
        let late = self.is_left_out(LeftOut::ReadOnlyBeforeTheWaits);
        let waited = if late {
            // Who waits must have closed: for the old writers, by a level of its own.
            let level = self.group.set_read_only();
            let waited = self.wait(&level);
            drop(level);
            waited
        } else {
            false
        };
        let read_only = self.group.set_read_only();
        let waited = if late { waited } else { self.wait(&read_only) };
        let root = self.commit(waited);
        if self.is_left_out(LeftOut::CopyBeforeCursor) {
            cursor.advance(self.group.range().end());
            self.copy(&root);
            return drop(read_only);
        }
        self.copy(&root);
        if self.is_left_out(LeftOut::CursorBeforeReadWrite) {
            drop(read_only);
            return cursor.advance(self.group.range().end());
        }
        cursor.advance(self.group.range().end());
        if self.is_left_out(LeftOut::Undo) {
            std::mem::forget(read_only);
        }
    }

    fn wait(&self, read_only: &ReadOnly<'_>) -> bool {
        if !self.is_left_out(LeftOut::WaitForReservations) && read_only.wait_reservations() {
            reached("waited-reservation");
        }
        if !self.is_left_out(LeftOut::WaitForNocowWriters) && read_only.wait_nocow_writers() {
            reached("waited-nocow");
        }
        if self.is_left_out(LeftOut::WaitForOrderedExtents) {
            return false;
        }
        let waited = self.ordered.wait_range(self.group.range()).count > 0;
        if waited {
            reached("waited-ordered");
        }
        waited
    }

    fn commit(&self, waited: bool) -> CommitRoot {
        let skip =
            self.is_left_out(LeftOut::Commit) || (self.is_left_out(LeftOut::CommitUnlessWaited) && !waited);
        if skip { self.transactions.commit_root() } else { self.transactions.commit().expect("commits").root }
    }

    fn copy(&self, root: &CommitRoot) {
        let (mut buffer, mut extents) = ([0; SECTOR as usize], 0);
        for extent in root.extents_in(self.group.range()) {
            extents += 1;
            trace::observe(Event::Copy { extent });
            self.source.read_at(extent.start(), &mut buffer).expect("the device works");
            self.target.write_at(extent.start(), &buffer).expect("the device works");
            loom_harness::note(format!("copy {extent} to the target"));
        }
        let finished = Event::FinishCopy { group: self.group.id(), extents };
        trace::observe(finished);
        loom_harness::note(finished.to_string());
    }

    fn cow(&self) {
        let Ok(reservation) = self.group.reserve(SECTOR) else { return reached("refused") };
        let extent = reservation.extent();
        let ordered = if self.is_left_out(LeftOut::OrderedBeforeReservationEnds) {
            reservation.hand_over();
            self.ordered.add(extent)
        } else {
            let ordered = self.ordered.add(extent);
            reservation.hand_over();
            ordered
        };
        self.write(extent, 2);
        if self.is_left_out(LeftOut::RefBeforeOrderedIsFinished) {
            ordered.finish();
            self.add_reference(extent);
        } else {
            self.add_reference(extent);
            ordered.finish();
        }
    }

    fn nocow(&self) {
        let Some(extent) = self.given else { return };
        let Ok(admission) = self.group.begin_nocow() else { return reached("refused") };
        let ordered = if self.is_left_out(LeftOut::OrderedBeforeNocowWriterEnds) {
            drop(admission);
            self.ordered.add(extent)
        } else {
            let ordered = self.ordered.add(extent);
            drop(admission);
            ordered
        };
        self.write(extent, 2);
        ordered.finish();
    }

    fn write(&self, extent: LogicalRange, value: u8) {
        let both = extent.start() < self.cursor.address();
        trace::observe(Event::Write { extent, both });
        loom_harness::note(format!("write {extent} to {}", if both { "both devices" } else { "the source" }));
        let data = [value; SECTOR as usize];
        self.source.write_at(extent.start(), &data).expect("the device works");
        if both {
            reached("both-devices");
            self.target.write_at(extent.start(), &data).expect("the device works");
        }
    }

    fn add_reference(&self, extent: LogicalRange) {
        let mut handle = self.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(extent));
        handle.end();
    }

    fn check(mut self) {
        let (root, pending) = self.transactions.pending();
        let live = root.with(&pending.fold()).expect("the refs fit");
        check_copy(&live, &self.source, &self.target);
        if let Err(defect) = self.group.check() {
            loom_harness::violated("all counts are zero and all figures add up", defect.to_string());
        }
        trace::end();
    }
}

impl LeftOut {
    fn is_part_of_the_drain(self) -> bool {
        use LeftOut::{Commit, WaitForNocowWriters, WaitForOrderedExtents, WaitForReservations};
        matches!(self, WaitForReservations | WaitForNocowWriters | WaitForOrderedExtents | Commit)
    }
}
