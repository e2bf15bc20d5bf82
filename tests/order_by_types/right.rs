//! The right program: the drain in seven steps, and beside it both writers, hand over hand. Each wrong
//! program in these folders is a part of it with one thing wrong.

use std::error::Error;
use std::sync::Arc;

use blockgate::replace::Summary;
use blockgate::{
    BlockGroup, BlockGroupId, CancelToken, Cursor, CursorReader, DelayedRef, Device, Frozen, Gate,
    LogicalRange, MemoryDevice, OrderedExtents, Policy, Transactions, Volume,
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
        let listed: Vec<_> = committed.extents().collect();
        assert_eq!(listed.len(), 1);
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

#[test]
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
    cursor.advance(2 << 20);
    engine.write_nocow(copied, 2)?;
    let cloned = engine.write_cow(3)?;
    assert_eq!(engine.on_target(copied)?, [2; BLOCK]);
    assert_eq!(engine.on_target(cloned)?, [3; BLOCK]);
    Ok(())
}

/// What a scrub does, and how the owner of a group books what its commits did.
#[test]
fn by_the_owner() -> Result<(), Box<dyn Error>> {
    let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, BLOCK as u64)?;
    let in_flight = OrderedExtents::default();
    let [failed, kept, cancelled] = [group.reserve(4096)?, group.reserve(4096)?, group.reserve(4096)?];
    in_flight.add(failed.extent()).fail();
    group.release(failed.hand_over())?;
    let (kept, cancelled) = (kept.hand_over(), cancelled.hand_over());
    let read_only = group.set_read_only();
    read_only.wait_reservations();
    read_only.wait_nocow_writers();
    assert_eq!(read_only.group().id(), group.id());
    drop(read_only);
    group.book_inserted(kept)?;
    group.book_removed(kept)?;
    group.book_cancelled(cancelled)?;
    group.unpin(kept)?;
    group.unpin(cancelled)?;
    assert_eq!(group.figures().free, 1 << 20);
    Ok(())
}

#[test]
fn by_the_gate() -> Result<(), Box<dyn Error>> {
    let gate = Gate::default();
    drop(gate.enter()?);
    assert!(!gate.close().wait_empty());
    Ok(())
}

#[test]
fn by_the_volume() -> Result<(), Box<dyn Error>> {
    let group = LogicalRange::new(0, 1 << 20)?;
    let mut volume =
        Volume::builder(BLOCK as u64).group(group).build(Arc::new(MemoryDevice::new(1 << 20)))?;
    let write = volume.begin_cow(BLOCK as u64)?;
    write.write_at(0, &[1; BLOCK])?;
    let extent = write.finish()?;
    volume.change_references(&[DelayedRef::drop(extent)])?;
    assert!(volume.commit()?.is_empty());
    drop(volume.freeze().wait_writers().wait_ordered().commit()?);
    assert_eq!(volume.groups()[0].block_group().range(), group);
    let mut replace = volume.start_replace(Arc::new(MemoryDevice::new(1 << 20)), Policy::CopyThenClone)?;
    replace.run()?;
    replace.finish()?;
    drop(replace);
    drop(volume.retire_source()?);
    volume.check()?;
    Ok(())
}
