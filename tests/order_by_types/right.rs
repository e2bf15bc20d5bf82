//! The right program: the drain in seven steps, and beside it both writers, hand over hand. Each wrong program in
//! these folders is a part of it with one thing wrong.

use std::error::Error;
use std::sync::Arc;

use blockgate::replace::Summary;
use blockgate::{
    BlockGroup, BlockGroupId, CancelToken, Cursor, CursorReader, DelayedRef, Device, Frozen, LogicalRange,
    MemoryDevice, OrderedExtents, Policy, Transactions, Volume,
};

const BLOCK: usize = 4096;

struct Engine {
    group: BlockGroup,
    in_flight: OrderedExtents,
    transactions: Transactions,
    cursor: CursorReader,
    source: MemoryDevice,
    target: MemoryDevice,
}

impl Engine {
    fn write_cow(&self, byte: u8) -> Result<LogicalRange, Box<dyn Error>> {
        let reservation = self.group.reserve(BLOCK as u64)?;
        let ordered = self.in_flight.add(reservation.extent());
        let extent = reservation.hand_over();
        self.write_through(extent, byte)?;
        let mut handle = self.transactions.join()?;
        handle.push(DelayedRef::add(extent));
        handle.end();
        ordered.finish();
        Ok(extent)
    }

    fn write_nocow(&self, extent: LogicalRange, byte: u8) -> Result<(), Box<dyn Error>> {
        let admission = self.group.begin_nocow()?;
        let ordered = self.in_flight.add(extent);
        drop(admission);
        self.write_through(extent, byte)?;
        ordered.finish();
        Ok(())
    }

    fn write_through(&self, extent: LogicalRange, byte: u8) -> Result<(), Box<dyn Error>> {
        let both = extent.start() < self.cursor.address();
        self.source.write_at(extent.start(), &[byte; BLOCK])?;
        if both {
            self.target.write_at(extent.start(), &[byte; BLOCK])?;
        }
        Ok(())
    }

    fn replace(&self, cursor: &mut Cursor) -> Result<Summary, Box<dyn Error>> {
        let frozen = Frozen::freeze(&self.group);
        let quiet = frozen.wait_writers();
        let settled = quiet.wait_ordered(&self.in_flight);
        let committed = settled.commit(&self.transactions)?;
        let copied = committed.copy(&self.source, &self.target, &CancelToken::default())?;
        let passed = copied.advance(cursor);
        Ok(passed.set_read_write())
    }

    fn on_target(&self, extent: LogicalRange) -> Result<[u8; BLOCK], Box<dyn Error>> {
        let mut bytes = [0; BLOCK];
        self.target.read_at(extent.start(), &mut bytes)?;
        Ok(bytes)
    }
}

fn by_the_drain() -> Result<(), Box<dyn Error>> {
    let (mut cursor, reader) = Cursor::new();
    let engine = Engine {
        group: BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, BLOCK as u64)?,
        in_flight: OrderedExtents::default(),
        transactions: Transactions::default(),
        cursor: reader,
        source: MemoryDevice::new(1 << 20),
        target: MemoryDevice::new(1 << 20),
    };
    let copied = engine.write_cow(1)?;
    assert_eq!(engine.replace(&mut cursor)?.copied.extents, 1);
    assert_eq!(engine.on_target(copied)?, [1; BLOCK]);
    engine.write_nocow(copied, 2)?;
    let cloned = engine.write_cow(3)?;
    assert_eq!(engine.on_target(copied)?, [2; BLOCK]);
    assert_eq!(engine.on_target(cloned)?, [3; BLOCK]);
    Ok(())
}

fn by_the_volume() -> Result<(), Box<dyn Error>> {
    let group = LogicalRange::new(0, 1 << 20)?;
    let mut volume =
        Volume::builder(BLOCK as u64).group(group).build(Arc::new(MemoryDevice::new(1 << 20)))?;
    let write = volume.begin_cow(BLOCK as u64)?;
    write.write_at(0, &[1; BLOCK])?;
    write.finish()?;
    let mut replace = volume.start_replace(Arc::new(MemoryDevice::new(1 << 20)), Policy::CopyThenClone)?;
    replace.run()?;
    replace.finish()?;
    drop(replace);
    drop(volume.retire_source()?);
    volume.check()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    by_the_drain()?;
    by_the_volume()
}
