//! The protocol with a step left out, over the same types: what the second engine must find.

use std::sync::Arc;

use blockgate::{
    BlockGroup, BlockGroupId, Cursor, CursorReader, DelayedRef, Device, LogicalRange, OrderedExtents, Shards,
    Transactions,
};

use crate::engine;
use crate::scenario::device::{SECTOR, SectorDevice};
use crate::scenario::world::check_copy;
use crate::scenario::{last, role};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    Commit,
    WaitForReservations,
    WaitForOrdered,
}

struct World {
    group: BlockGroup,
    ordered: OrderedExtents,
    transactions: Transactions,
    cursor: CursorReader,
    source: SectorDevice,
    target: SectorDevice,
}

const WRITERS: u64 = 4;

pub fn replace(left_out: LeftOut) {
    blockgate::event::set_recorder(None);
    let (mut cursor, reader) = Cursor::new();
    let world = Arc::new(World::new(reader));
    for _ in 0..WRITERS {
        role(&world, World::write, World::check);
    }
    world.replace(&mut cursor, left_out);
    last(world, World::check);
}

impl World {
    fn new(cursor: CursorReader) -> Self {
        let sectors = 2 * WRITERS;
        let range = LogicalRange::new(0, sectors * SECTOR).expect("a range");
        // Not as many as this machine has processors: the seed shall give the same schedules on any.
        let shards = Shards::new(WRITERS as usize + 1);
        Self {
            group: BlockGroup::with_shards(BlockGroupId(0), range, SECTOR, shards).expect("aligned"),
            ordered: OrderedExtents::new(shards),
            transactions: Transactions::new(shards),
            cursor,
            source: SectorDevice::new(sectors),
            target: SectorDevice::new(sectors),
        }
    }

    fn write(&self) {
        let Ok(reservation) = self.group.reserve(SECTOR) else { return };
        let ordered = self.ordered.add(reservation.extent());
        let extent = reservation.hand_over();
        let both = extent.start() < self.cursor.address();
        let data = [7; SECTOR as usize];
        self.source.write_at(extent.start(), &data).expect("the device works");
        if both {
            self.target.write_at(extent.start(), &data).expect("the device works");
        }
        let mut handle = self.transactions.join().expect("no commit fails");
        handle.push(DelayedRef::add(extent));
        handle.end();
        ordered.finish();
    }

    fn replace(&self, cursor: &mut Cursor, left_out: LeftOut) {
        let read_only = self.group.set_read_only();
        if left_out != LeftOut::WaitForReservations {
            read_only.wait_reservations();
        }
        if left_out != LeftOut::WaitForOrdered {
            let _ = self.ordered.wait_range(self.group.range());
        }
        let root = if left_out == LeftOut::Commit {
            self.transactions.commit_root()
        } else {
            self.transactions.commit().expect("commits")
        };
        let mut buffer = [0; SECTOR as usize];
        for extent in root.extents_in(self.group.range()) {
            self.source.read_at(extent.start(), &mut buffer).expect("the device works");
            self.target.write_at(extent.start(), &buffer).expect("the device works");
        }
        cursor.advance(self.group.range().end());
        drop(read_only);
    }

    fn check(mut self) {
        let (root, pending) = self.transactions.pending();
        let live = root.with(&pending.fold()).expect("the refs fit");
        engine::reached("checked");
        check_copy(&live, &self.source, &self.target);
    }
}
