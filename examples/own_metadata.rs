//! The drain over one's own metadata: an engine with its own index and write path takes from the crate
//! the tokens and the order of the steps, and nothing else.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use blockgate::sync::Mutex;
use blockgate::{
    BlockGroup, BlockGroupId, CancelToken, Cursor, CursorReader, Device, Frozen, LogicalRange, MemoryDevice,
    Metadata, NewExtent, OrderedExtents,
};

const BLOCK: usize = 4 << 10;
const GROUP: usize = 1 << 20;

/// The engine's own metadata: what is committed, and what the next commit will add.
#[derive(Default)]
struct Index {
    pending: Mutex<Vec<LogicalRange>>,
    committed: Mutex<Arc<Vec<LogicalRange>>>,
}

impl Metadata for Index {
    type Root = Arc<Vec<LogicalRange>>;
    type Error = Infallible;

    fn commit(&self) -> Result<Self::Root, Infallible> {
        let mut committed = self.committed.lock();
        let mut all = committed.to_vec();
        all.append(&mut self.pending.lock());
        all.sort_unstable();
        *committed = Arc::new(all);
        Ok(Arc::clone(&committed))
    }

    fn extents_in(root: &Self::Root, range: LogicalRange) -> impl Iterator<Item = LogicalRange> {
        root.iter().copied().filter(move |extent| extent.overlaps(&range))
    }
}

struct Engine {
    group: BlockGroup,
    in_flight: OrderedExtents,
    index: Index,
    cursor: CursorReader,
    source: MemoryDevice,
    target: MemoryDevice,
}

impl Engine {
    /// The engine's own write path. It always holds a token, and takes the next one before it lets go of
    /// the last: reservation, new extent, entry of the index. An early return gives all of it back.
    fn write(&self, byte: u8) -> Result<LogicalRange, Box<dyn Error + Send + Sync>> {
        let new = NewExtent::begin(self.group.reserve(BLOCK as u64)?, &self.in_flight);
        let extent = new.extent();
        // Read while the ordered extent exists: the cursor cannot pass the group before it is finished.
        let both = extent.start() < self.cursor.address();
        let data = [byte; BLOCK];
        self.source.write_at(extent.start(), &data)?;
        if both {
            self.target.write_at(extent.start(), &data)?;
        }
        new.queue(|extent| {
            self.index.pending.lock().push(extent);
            Ok(())
        })
    }

    /// Every step returns the token that the next one needs: none can be left out.
    fn replace(&self, cursor: &mut Cursor) -> Result<u64, Box<dyn Error>> {
        let summary = Frozen::freeze(&self.group)
            .wait_writers()
            .wait_ordered(&self.in_flight)
            .commit(&self.index)?
            .copy(&self.source, &self.target, &CancelToken::default())?
            .advance(cursor)
            .set_read_write();
        Ok(summary.copied.extents)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut cursor, reader) = Cursor::new();
    let engine = Engine {
        group: BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, GROUP as u64)?, BLOCK as u64)?,
        in_flight: OrderedExtents::default(),
        index: Index::default(),
        cursor: reader,
        source: MemoryDevice::new(GROUP),
        target: MemoryDevice::new(GROUP),
    };
    let write_some = |bytes: std::ops::Range<u8>| -> Vec<_> {
        // The group may be read-only: a real engine would write to another group then.
        bytes.filter_map(|byte| engine.write(byte).ok()).collect()
    };
    let mut written = write_some(0..50);
    let copied = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_some(50..150));
        let copied = engine.replace(&mut cursor);
        written.extend(writer.join().expect("the writer does not panic"));
        copied
    })?;
    written.extend(write_some(150..200));
    assert!(written.len() >= 100 && copied >= 50);
    let (mut one, mut other) = ([0; BLOCK], [0; BLOCK]);
    for extent in &written {
        engine.source.read_at(extent.start(), &mut one)?;
        engine.target.read_at(extent.start(), &mut other)?;
        assert!(one == other, "{extent} is missing on the target");
    }
    println!("{} extents written, {} of them copied, none missing on the target", written.len(), copied);
    Ok(())
}
