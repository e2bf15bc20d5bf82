//! What a user would keep writes in flight in.
//!
//! The peers but one know extents by their start, as the kernel does. `sharded-slab` hands out keys, as
//! ours does; it cannot be asked what is in it, so it cannot wait for a range at all.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use blockgate::{LogicalRange, OrderedExtent, OrderedExtents};
use crossbeam_utils::CachePadded;
use dashmap::DashMap;
use parking_lot::Mutex;

/// Something that keeps writes in flight.
pub(crate) trait Tracker: Default + Send + Sync + 'static {
    type Handle<'a>;

    fn add(&self, extent: LogicalRange) -> Self::Handle<'_>;

    /// Whether it was there.
    fn finish(&self, handle: Self::Handle<'_>) -> bool;

    /// Adds writes that stay in flight for as long as what is returned lives.
    fn stand(self: &Arc<Self>, extents: impl Iterator<Item = LogicalRange>) -> Standing {
        // A key, of all peers: it may go.
        extents.for_each(|extent| drop(self.add(extent)));
        Box::new(())
    }
}

/// Handles of writes in flight.
pub(crate) type Standing = Box<dyn Any>;

/// Something that can also be asked what is in flight in a range: the first half of a wait, and all of it
/// where nothing is.
pub(crate) trait Waits: Tracker {
    fn overlapping(&self, range: LogicalRange) -> usize;
}

impl Tracker for OrderedExtents {
    type Handle<'a> = OrderedExtent<&'a OrderedExtents>;

    #[inline]
    fn add(&self, extent: LogicalRange) -> Self::Handle<'_> {
        self.add(extent)
    }

    #[inline]
    fn finish(&self, handle: Self::Handle<'_>) -> bool {
        handle.finish();
        true
    }

    fn stand(self: &Arc<Self>, extents: impl Iterator<Item = LogicalRange>) -> Standing {
        Box::new(extents.map(|extent| self.add_owned(extent)).collect::<Vec<_>>())
    }
}

impl Waits for OrderedExtents {
    fn overlapping(&self, range: LogicalRange) -> usize {
        self.wait_range(range).count
    }
}

/// A concurrent hash map.
#[derive(Default)]
pub(crate) struct Dash(DashMap<u64, LogicalRange>);

impl Tracker for Dash {
    type Handle<'a> = u64;

    #[inline]
    fn add(&self, extent: LogicalRange) -> u64 {
        self.0.insert(extent.start(), extent);
        extent.start()
    }

    #[inline]
    fn finish(&self, start: u64) -> bool {
        self.0.remove(&start).is_some()
    }
}

impl Waits for Dash {
    fn overlapping(&self, range: LogicalRange) -> usize {
        self.0.iter().filter(|extent| extent.overlaps(&range)).count()
    }
}

/// A concurrent slab.
#[derive(Default)]
pub(crate) struct Slab(sharded_slab::Slab<LogicalRange>);

impl Tracker for Slab {
    type Handle<'a> = usize;

    #[inline]
    fn add(&self, extent: LogicalRange) -> usize {
        self.0.insert(extent).expect("the slab is not full")
    }

    #[inline]
    fn finish(&self, key: usize) -> bool {
        self.0.remove(key)
    }
}

/// Another concurrent hash map.
#[derive(Default)]
pub(crate) struct Scc(scc::HashMap<u64, LogicalRange>);

impl Tracker for Scc {
    type Handle<'a> = u64;

    #[inline]
    fn add(&self, extent: LogicalRange) -> u64 {
        assert!(self.0.insert_sync(extent.start(), extent).is_ok(), "extents do not overlap");
        extent.start()
    }

    #[inline]
    fn finish(&self, start: u64) -> bool {
        self.0.remove_sync(&start).is_some()
    }
}

impl Waits for Scc {
    fn overlapping(&self, range: LogicalRange) -> usize {
        let mut count = 0;
        self.0.iter_sync(|_, extent| {
            count += usize::from(extent.overlaps(&range));
            true
        });
        count
    }
}

/// The kernel's way: one lock, one tree.
#[derive(Default)]
pub(crate) struct Tree(CachePadded<Mutex<BTreeMap<u64, LogicalRange>>>);

impl Tracker for Tree {
    type Handle<'a> = u64;

    #[inline]
    fn add(&self, extent: LogicalRange) -> u64 {
        self.0.lock().insert(extent.start(), extent);
        extent.start()
    }

    #[inline]
    fn finish(&self, start: u64) -> bool {
        self.0.lock().remove(&start).is_some()
    }
}

impl Waits for Tree {
    fn overlapping(&self, range: LogicalRange) -> usize {
        overlapping(&self.0.lock(), range)
    }
}

fn overlapping(tree: &BTreeMap<u64, LogicalRange>, range: LogicalRange) -> usize {
    let before = tree.range(..range.start()).next_back().is_some_and(|(_, extent)| extent.overlaps(&range));
    usize::from(before) + tree.range(range.start()..range.end()).count()
}

type MapShard = Mutex<HashMap<u64, LogicalRange>>;

/// 64 maps, by the hash of the start.
pub(crate) struct Maps {
    shards: Box<[CachePadded<MapShard>]>,
    hasher: RandomState,
}

impl Default for Maps {
    fn default() -> Self {
        Self { shards: (0..64).map(|_| CachePadded::default()).collect(), hasher: RandomState::new() }
    }
}

impl Maps {
    #[inline]
    fn shard(&self, start: u64) -> &MapShard {
        let hash = self.hasher.hash_one(start) as usize;
        &self.shards[hash % self.shards.len()]
    }
}

impl Tracker for Maps {
    type Handle<'a> = u64;

    #[inline]
    fn add(&self, extent: LogicalRange) -> u64 {
        self.shard(extent.start()).lock().insert(extent.start(), extent);
        extent.start()
    }

    #[inline]
    fn finish(&self, start: u64) -> bool {
        self.shard(start).lock().remove(&start).is_some()
    }
}

impl Waits for Maps {
    fn overlapping(&self, range: LogicalRange) -> usize {
        let count =
            |map: &HashMap<u64, LogicalRange>| map.values().filter(|extent| extent.overlaps(&range)).count();
        self.shards.iter().map(|shard| count(&shard.lock())).sum()
    }
}
