//! Which bytes of a block group are free: allocation that does not contend with other writers.
//!
//! The group's range is cut into as many *slices* as there are shards. Each has its own lock, its own
//! free ranges and its own counts, so that threads on different shards share nothing. A request that
//! the thread's own slice cannot serve is tried in the others, and last across their borders.
//!
//! # State: one slice a shard, under its lock
//!
//! | field | holds |
//! |---|---|
//! | `cluster` | a free range from which the next allocations are cut |
//! | `by_start`, `by_length` | all other free ranges of the slice; no two of them adjoin |
//! | `free`, `used`, `pinned` | bytes of the slice: in these ranges, of extents, and pinned. All others are reserved |
//!
//! # Invariants
//!
//! - F1: `free + reserved + used + pinned` is the length of the slice, at every moment.
//! - F2: `free` is the sum of the cluster and the free ranges; these do not overlap.
//!
//! # Rejected
//!
//! - *One allocator a group, under one lock* (the kernel's way): all writers of a group meet there. A slice a
//!   shard costs a search only when the thread's own slice is full.
//! - *Handing a slice's free ranges to a thread*, without a lock: they would be lost with the thread, and
//!   `NoSpace` could not be exact. A lock that no other thread wants costs two locked operations.
//! - *Cutting every allocation from the maps.* Most requests are cut from the cluster, which is a compare and
//!   an addition; the maps change only when it is used up.
//! - Tried: *a look at every free range*, for a request that no slice serves. It held all locks for 8.3 ms at 131,000
//!   holes. A slice has three that matter: the first, the last, and the longest.
//!
//! - Tried: *a count of the reserved bytes*, kept by each allocation. A slice was 144 bytes, of 64 in each group, instead
//!   of 32.
//!
//! Checked by `loom-tests/src/models/block_group.rs`,
//! argued in [`docs/block_group.md`](crate::proof::block_group).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::sharded::Shards;
use crate::sync::{Column, Mutex, MutexGuard, current_shard};
use crate::units::{LogicalAddress, LogicalRange};

use super::figures::{Figures, SpaceError, SpaceKind};

#[derive(Debug)]
pub(super) struct FreeSpace {
    layout: Layout,
    slices: Column<Mutex<Slice>>,
}

impl FreeSpace {
    /// The space of several groups, all free. Each range is a whole number of `alignment` units.
    ///
    /// A thread's own slices, of all of them, share cache lines.
    pub(super) fn several(
        ranges: &[LogicalRange],
        alignment: u64,
        shards: Shards,
    ) -> impl Iterator<Item = Self> {
        let layouts: Vec<_> = ranges.iter().map(|range| Layout::new(*range, alignment, shards)).collect();
        let free = |shard, group: usize| layouts.get(group).and_then(|layout: &Layout| layout.slice(shard));
        let columns = Column::several(shards.count(), ranges.len(), |shard, group| {
            Mutex::new(free(shard, group).map_or_else(Slice::default, Slice::free))
        });
        let columns: Vec<_> = columns.collect();
        layouts.into_iter().zip(columns).map(|(layout, column)| {
            let slices = column.truncated(layout.count);
            Self { layout, slices }
        })
    }

    #[inline]
    fn slice(&self, index: usize) -> &Mutex<Slice> {
        self.slices.get(index)
    }

    fn lock(&self, indices: impl IntoIterator<Item = usize>) -> Vec<LockedSlice<'_>> {
        let lock =
            |index| Some(LockedSlice { range: self.layout.slice(index)?, slice: self.slice(index).lock() });
        indices.into_iter().filter_map(lock).collect()
    }

    fn lock_all(&self) -> Vec<LockedSlice<'_>> {
        self.lock(0..self.layout.count)
    }

    /// Takes `length` free bytes. Where no free range is long enough, returns the length of the longest.
    #[inline(always)]
    pub(super) fn allocate(&self, length: u64) -> Result<LogicalRange, u64> {
        let own = current_shard(self.slices.len());
        let allocated = self.slice(own).lock().allocate(length);
        allocated.map_or_else(|| self.allocate_elsewhere(own, length), Ok)
    }

    /// In the slices after `own`, in those before it, or across their borders.
    #[cold]
    fn allocate_elsewhere(&self, own: usize, length: u64) -> Result<LogicalRange, u64> {
        let mut others = (own + 1..self.slices.len()).chain(0..own);
        others
            .find_map(|index| self.slice(index).lock().allocate(length))
            .map_or_else(|| self.allocate_across_slices(length), Ok)
    }

    /// Locks every slice. A thread that holds several locks took them in the order of addresses.
    #[cold]
    fn allocate_across_slices(&self, length: u64) -> Result<LogicalRange, u64> {
        let mut slices = self.lock_all();
        // A run may end in one slice's cluster and begin in another's: only in the maps do they adjoin.
        for slice in &mut slices {
            slice.slice.return_cluster();
        }
        let fits = runs(&slices).find(|run| run.len() >= length);
        let longest = || runs(&slices).map(|run| run.len()).max().unwrap_or(0);
        let start = fits.ok_or_else(longest)?.start();
        let found = LogicalRange::between(start, start + length);
        for slice in &mut slices {
            if let Some(part) = found.intersection(&slice.range) {
                slice.slice.carve(part);
            }
        }
        Ok(found)
    }

    /// Books `extent` from one kind of bytes to another. Bytes that become free can be allocated at once.
    ///
    /// All or nothing: on an error no slice is changed.
    pub(super) fn rebook(
        &self,
        extent: LogicalRange,
        from: SpaceKind,
        to: SpaceKind,
    ) -> Result<(), SpaceError> {
        self.may_contain(extent)?;
        let mut slices = self.lock(self.layout.slices_of(extent));
        // All or nothing: with all locks held, what may be rebooked now still may in the second pass.
        for slice in &slices {
            slice.may_rebook(extent, from, to)?;
        }
        for slice in &mut slices {
            slice.rebook(extent, from, to);
        }
        Ok(())
    }

    /// Whether `extent` can be one of the group.
    fn may_contain(&self, extent: LogicalRange) -> Result<(), SpaceError> {
        let Layout { range, alignment, .. } = self.layout;
        if !range.contains(&extent) {
            return Err(SpaceError::Outside { extent, group: range });
        }
        if !extent.is_aligned(alignment) {
            return Err(SpaceError::Unaligned { extent, alignment });
        }
        Ok(())
    }

    /// Books `extents`, in the order of their addresses, from free to used bytes: all of them or, on an error, none.
    pub(super) fn book_existing(&mut self, extents: &[LogicalRange]) -> Result<(), SpaceError> {
        extents.iter().try_for_each(|extent| self.may_contain(*extent))?;
        if extents.is_empty() {
            return Ok(()); // the slices keep their clusters
        }
        let slices = self.layout.slices().enumerate();
        let left: Vec<_> = slices
            .map(|(index, range)| self.slices.exclusive(index).free_without(range, extents))
            .collect::<Result<_, _>>()?;
        for (index, left) in left.iter().enumerate() {
            self.slices.exclusive(index).use_all_but(left);
        }
        Ok(())
    }

    /// The sum of all slices, at one moment: it holds all their locks.
    pub(super) fn figures(&self) -> Figures {
        let slices = self.lock_all();
        slices.iter().fold(Figures::default(), |sum, slice| sum + slice.figures())
    }

    /// Whether F1 and F2 hold, where exclusive access proves that no other thread is using the group.
    pub(super) fn check(&mut self) -> Result<Figures, SpaceError> {
        let mut sum = Figures::default();
        for (index, range) in self.layout.slices().enumerate() {
            let slice = self.slices.exclusive(index);
            slice.check(range)?;
            sum = sum + slice.figures(range);
        }
        Ok(sum)
    }

    /// Whether any byte of `extent`, which is in the group, is free.
    pub(super) fn is_free(&mut self, extent: LogicalRange) -> bool {
        self.layout.slices_of(extent).any(|index| {
            let part = self.layout.slice(index).and_then(|range| extent.intersection(&range));
            part.is_some_and(|part| self.slices.exclusive(index).is_free(part))
        })
    }
}

/// Where the slices of a group are.
#[derive(Debug, Clone, Copy)]
struct Layout {
    range: LogicalRange,
    alignment: u64,
    slice_length: u64,
    count: usize,
}

impl Layout {
    /// `range` is a whole number of `alignment` units.
    fn new(range: LogicalRange, alignment: u64, shards: Shards) -> Self {
        let units = range.len() / alignment;
        // No slice without a unit.
        let count = usize::try_from(units).map_or(shards.count(), |units| units.min(shards.count())).max(1);
        Self { range, alignment, slice_length: units / count as u64 * alignment, count }
    }

    fn slice(&self, index: usize) -> Option<LogicalRange> {
        (index < self.count).then(|| {
            let start = self.range.start() + index as u64 * self.slice_length;
            // The last slice has the remainder too.
            let end = if index + 1 == self.count { self.range.end() } else { start + self.slice_length };
            LogicalRange::between(start, end)
        })
    }

    fn slices(self) -> impl Iterator<Item = LogicalRange> {
        (0..self.count).filter_map(move |index| self.slice(index))
    }

    fn slices_of(&self, extent: LogicalRange) -> std::ops::RangeInclusive<usize> {
        let index = |address: LogicalAddress| {
            let index = (address - self.range.start()) / self.slice_length;
            // The last slice has the remainder too, so its addresses may give a larger index.
            usize::try_from(index).map_or(usize::MAX, |i| i).min(self.count - 1)
        };
        index(extent.start())..=index(extent.end() - 1)
    }
}

/// A slice under its lock, with its range, which no slice keeps itself.
struct LockedSlice<'a> {
    range: LogicalRange,
    slice: MutexGuard<'a, Slice>,
}

impl LockedSlice<'_> {
    fn figures(&self) -> Figures {
        self.slice.figures(self.range)
    }

    fn may_rebook(&self, extent: LogicalRange, from: SpaceKind, to: SpaceKind) -> Result<(), SpaceError> {
        let Some(part) = extent.intersection(&self.range) else { return Ok(()) };
        let (wanted, have) = (part.len(), self.figures().of(from));
        if wanted > have || (to == SpaceKind::Free && self.slice.is_free(part)) {
            return Err(SpaceError::NotBooked { extent: part, kind: from, have });
        }
        Ok(())
    }

    fn rebook(&mut self, extent: LogicalRange, from: SpaceKind, to: SpaceKind) {
        if let Some(part) = extent.intersection(&self.range) {
            self.slice.rebook(part, from, to);
        }
    }
}

/// Of each slice the longest free run, and every run that reaches over a border: free ranges that adjoin there
/// are one run. Any other run is no longer than the longest of its slice.
fn runs(slices: &[LockedSlice<'_>]) -> impl Iterator<Item = LogicalRange> {
    let mut ranges = slices.iter().flat_map(|slice| slice.slice.outstanding()).peekable();
    std::iter::from_fn(move || {
        let run = ranges.next()?;
        let mut end = run.end();
        while let Some(next) = ranges.next_if(|next| next.start() == end) {
            end = next.end();
        }
        Some(LogicalRange::between(run.start(), end))
    })
}

/// The range from `start` to `end`, unless it is empty.
fn non_empty(start: LogicalAddress, end: LogicalAddress) -> Option<LogicalRange> {
    (start < end).then(|| LogicalRange::between(start, end))
}

#[derive(Debug, Default)]
struct Slice {
    cluster: Range<LogicalAddress>,
    /// Boxed, and made when there is more to say: there are many slices, and most threads never use most of them.
    rest: Option<Box<Rest>>,
}

/// What a slice has but for its cluster.
#[derive(Debug, Default)]
struct Rest {
    by_start: BTreeMap<LogicalAddress, u64>,
    by_length: BTreeSet<(u64, LogicalAddress)>,
    /// The sum of these free ranges.
    free: u64,
    used: u64,
    pinned: u64,
}

impl Rest {
    /// Adds a free range, merged with those that it adjoins.
    fn put(&mut self, range: LogicalRange) {
        let (mut start, mut end) = (range.start(), range.end());
        if let Some((&before, &length)) = self.by_start.range(..start).next_back()
            && before + length == start
        {
            self.take(before, length);
            start = before;
        }
        if let Some(&length) = self.by_start.get(&end) {
            self.take(end, length);
            end += length;
        }
        self.by_start.insert(start, end - start);
        self.by_length.insert((end - start, start));
        self.free += end - start;
    }

    fn take(&mut self, start: LogicalAddress, length: u64) {
        self.by_start.remove(&start);
        self.by_length.remove(&(length, start));
        self.free -= length;
    }

    /// Takes `part` out of the free range that contains it.
    fn carve(&mut self, part: LogicalRange) {
        let (&start, &length) =
            self.by_start.range(..=part.start()).next_back().expect("the part was found free");
        self.take(start, length);
        if start < part.start() {
            self.put(LogicalRange::between(start, part.start()));
        }
        if part.end() < start + length {
            self.put(LogicalRange::between(part.end(), start + length));
        }
    }

    fn is_free(&self, part: LogicalRange) -> bool {
        let reaches =
            |(&start, &length): (&u64, &u64)| LogicalRange::between(start, start + length).overlaps(&part);
        // Free ranges do not overlap: if the last that begins before the end does not reach in, none does.
        self.by_start.range(..part.end()).next_back().is_some_and(reaches)
    }

    /// The first free range, the longest one between, and the last, in the order of addresses, each once.
    fn outstanding(&self) -> impl Iterator<Item = LogicalRange> + use<> {
        let first = self.by_start.first_key_value().map(|(&start, &length)| (start, length));
        let last = self.by_start.last_key_value().map(|(&start, &length)| (start, length));
        let longest = self.by_length.last().map(|&(length, start)| (start, length));
        let between = longest.filter(|_| longest != first && longest != last);
        let last = last.filter(|_| last != first);
        let ranges = [first, between, last].into_iter().flatten();
        ranges.map(|(start, length)| LogicalRange::between(start, start + length))
    }

    fn adds_up(&self) -> bool {
        self.free == self.by_start.values().sum::<u64>() && self.by_start.len() == self.by_length.len()
    }
}

impl Slice {
    fn free(range: LogicalRange) -> Self {
        Self { cluster: range.start()..range.end(), rest: None }
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    fn cluster_length(&self) -> u64 {
        self.cluster.end - self.cluster.start
    }

    #[inline(always)]
    fn allocate(&mut self, length: u64) -> Option<LogicalRange> {
        if self.cluster_length() < length {
            // Best fit: long ranges are kept for long requests.
            self.refill(length)?;
        }
        let start = self.cluster.start;
        self.cluster.start += length;
        Some(LogicalRange::between(start, start + length))
    }

    /// Makes the shortest free range that serves `length` the cluster.
    #[cold]
    fn refill(&mut self, length: u64) -> Option<()> {
        self.return_cluster();
        let rest = self.rest.as_mut()?;
        let (length, start) = *rest.by_length.range((length, 0)..).next()?;
        rest.take(start, length);
        self.cluster = start..start + length;
        Some(())
    }

    /// The free ranges at the slice's ends and the longest one between, where no cluster is out. Only those at the ends
    /// can adjoin one of another slice.
    fn outstanding(&self) -> impl Iterator<Item = LogicalRange> + use<> {
        self.rest.as_ref().map(|rest| rest.outstanding()).into_iter().flatten()
    }

    fn return_cluster(&mut self) {
        let cluster = std::mem::take(&mut self.cluster);
        if !cluster.is_empty() {
            self.rest().put(LogicalRange::between(cluster.start, cluster.end));
        }
    }

    /// Takes `part` out of the free range that contains it, where no cluster is out.
    fn carve(&mut self, part: LogicalRange) {
        self.rest().carve(part);
    }

    fn rebook(&mut self, part: LogicalRange, from: SpaceKind, to: SpaceKind) {
        let (rest, bytes) = (self.rest(), part.len());
        match from {
            SpaceKind::Used => rest.used -= bytes,
            SpaceKind::Pinned => rest.pinned -= bytes,
            // What is free leaves by an allocation, and what is reserved is what is left (F1).
            SpaceKind::Free | SpaceKind::Reserved => {}
        }
        match to {
            SpaceKind::Free => rest.put(part),
            SpaceKind::Used => rest.used += bytes,
            SpaceKind::Pinned => rest.pinned += bytes,
            SpaceKind::Reserved => {}
        }
    }

    /// The free ranges, in the order of addresses, without the bytes of `extents`, which are in that order too. All of
    /// these that are in the slice must be free.
    fn free_without(
        &mut self,
        range: LogicalRange,
        extents: &[LogicalRange],
    ) -> Result<Vec<LogicalRange>, SpaceError> {
        self.return_cluster();
        let first = extents.partition_point(|extent| extent.end() <= range.start());
        let mut free =
            self.rest().by_start.iter().map(|(&start, &length)| LogicalRange::between(start, start + length));
        let (mut left, mut run) = (Vec::new(), free.next());
        for extent in &extents[first..] {
            let Some(part) = extent.intersection(&range) else { break };
            while let Some(before) = run.filter(|run| run.end() <= part.start()) {
                left.push(before);
                run = free.next();
            }
            let around =
                run.filter(|run| run.contains(&part)).ok_or(SpaceError::NotFree { extent: *extent })?;
            left.extend(non_empty(around.start(), part.start()));
            run = non_empty(part.end(), around.end()).or_else(|| free.next());
        }
        left.extend(run.into_iter().chain(free));
        Ok(left)
    }

    /// Books as used what was free, but for `left`, which is in the order of addresses.
    fn use_all_but(&mut self, left: &[LogicalRange]) {
        let free: u64 = left.iter().map(LogicalRange::len).sum();
        let rest = self.rest();
        rest.used += rest.free - free;
        rest.free = free;
        // Built whole: from a sequence in order a map needs no search for each.
        rest.by_start = left.iter().map(|run| (run.start(), run.len())).collect();
        rest.by_length = left.iter().map(|run| (run.len(), run.start())).collect();
    }

    /// Whether any byte of `part` is free.
    fn is_free(&self, part: LogicalRange) -> bool {
        (self.cluster.start < part.end() && part.start() < self.cluster.end)
            || self.rest.as_ref().is_some_and(|rest| rest.is_free(part))
    }

    fn figures(&self, range: LogicalRange) -> Figures {
        let (more, used, pinned) =
            self.rest.as_ref().map_or((0, 0, 0), |rest| (rest.free, rest.used, rest.pinned));
        let free = self.cluster_length() + more;
        let reserved = range.len().saturating_sub(free + used + pinned);
        Figures { free, reserved, used, pinned, read_only: 0 }
    }

    fn check(&self, range: LogicalRange) -> Result<(), SpaceError> {
        let figures = self.figures(range);
        if figures.total() == range.len() && self.rest.as_ref().is_none_or(|rest| rest.adds_up()) {
            Ok(())
        } else {
            let holes = self.rest.as_ref().map_or(0, |rest| rest.by_start.values().sum());
            Err(SpaceError::Inconsistent { slice: range, figures, free: self.cluster_length() + holes })
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;

    /// Every second of `units` units is free: no two holes adjoin.
    fn fragmented(units: u64, shards: usize) -> FreeSpace {
        let range = LogicalRange::new(0, units).expect("a range");
        let space = FreeSpace::several(&[range], 1, Shards::new(shards)).next().expect("one");
        assert_eq!(space.allocate(units), Ok(range));
        for start in (0..units).step_by(2) {
            free(&space, start, 1);
        }
        space
    }

    fn free(space: &FreeSpace, start: u64, length: u64) {
        let hole = LogicalRange::new(start, length).expect("a range");
        space.rebook(hole, SpaceKind::Reserved, SpaceKind::Free).expect("reserved");
    }

    /// How many holes the last search, across slices, looks at.
    fn visited(space: &FreeSpace) -> usize {
        space.lock_all().iter().flat_map(|slice| slice.slice.outstanding()).count()
    }

    fn holes(space: &FreeSpace) -> usize {
        space
            .lock_all()
            .iter()
            .map(|slice| slice.slice.rest.as_ref().map_or(0, |rest| rest.by_start.len()))
            .sum()
    }

    #[test]
    fn a_request_that_no_hole_serves_looks_at_three_a_slice() {
        let space = fragmented(40_000, 4);
        assert_eq!(space.allocate(2), Err(1));
        assert_eq!(holes(&space), 20_000);
        assert!(visited(&space) <= 3 * 4, "{} holes were visited", visited(&space));
    }

    #[test]
    fn the_longest_run_may_lie_within_a_slice_or_over_a_border() {
        let within = fragmented(40, 4);
        free(&within, 5, 1); // 4 to 7 are free
        assert_eq!(within.allocate(4), Err(3));
        assert_eq!(within.allocate(3), Ok(LogicalRange::between(4, 7)));

        let across = fragmented(40, 4);
        free(&across, 9, 1); // 8 to 11 are free; the second slice begins at 10
        assert_eq!(across.allocate(4), Err(3));
        assert_eq!(across.allocate(3), Ok(LogicalRange::between(8, 11)));
    }

    #[test]
    fn a_run_may_reach_over_a_whole_slice() {
        let space = fragmented(40, 4);
        for start in (9..20).step_by(2) {
            free(&space, start, 1); // 8 to 21 are free, and 10 to 20 is the second slice
        }
        assert_eq!(space.allocate(14), Err(13));
        assert_eq!(space.allocate(13), Ok(LogicalRange::between(8, 21)));
    }

    /// What the longest of each slice alone would say.
    #[test]
    fn twin_the_longest_of_each_slice_misses_a_run_over_a_border() {
        let space = fragmented(40, 4);
        free(&space, 9, 1);
        let longest = |slice: &LockedSlice<'_>| slice.slice.outstanding().map(|range| range.len()).max();
        assert_eq!(space.lock_all().iter().filter_map(longest).max(), Some(2));
        assert_eq!(space.allocate(3), Ok(LogicalRange::between(8, 11)));
    }
}
