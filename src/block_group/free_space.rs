//! Which bytes of a block group are free: allocation that does not contend with other writers.
//!
//! The group's range is cut into as many *slices* as there are shards. Each has its own lock, its own
//! free ranges and its own figures, so that threads on different shards share nothing. A request that
//! the thread's own slice cannot serve is tried in the others, and last across their borders.
//!
//! # State: one slice a shard, under its lock
//!
//! | field | holds |
//! |---|---|
//! | `cluster` | a free range from which the next allocations are cut |
//! | `by_start`, `by_length` | all other free ranges of the slice; no two of them adjoin |
//! | `figures` | bytes of the slice: free, reserved, used, pinned |
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
//! Checked by `loom-tests/src/models/block_group.rs`,
//! argued in [`docs/block_group.md`](crate::proof::block_group).

use std::collections::{BTreeMap, BTreeSet};

use crate::sharded::{Sharded, Shards};
use crate::sync::{Mutex, MutexGuard};
use crate::units::{LogicalAddress, LogicalRange};

use super::figures::{Figures, SpaceError, SpaceKind};

#[derive(Debug)]
pub(super) struct FreeSpace {
    range: LogicalRange,
    alignment: u64,
    slice_length: u64,
    slices: Sharded<Mutex<Slice>>,
}

impl FreeSpace {
    /// All of `range` free. `range` is a whole number of `alignment` units.
    pub(super) fn new(range: LogicalRange, alignment: u64, shards: Shards) -> Self {
        let units = range.len() / alignment;
        // No slice without a unit.
        let shards =
            usize::try_from(units).map_or(shards, |units| Shards::saturating(units.min(shards.count())));
        let slice_length = units / shards.count() as u64 * alignment;
        let slices = Sharded::new(shards, |index| {
            let start = range.start() + index as u64 * slice_length;
            let end = if index + 1 == shards.count() { range.end() } else { start + slice_length };
            Mutex::new(Slice::new(LogicalRange::between(start, end)))
        });
        Self { range, alignment, slice_length, slices }
    }

    /// Takes `length` free bytes, and books them as reserved. Where no free range is long enough, returns the
    /// length of the longest.
    #[inline(always)]
    pub(super) fn allocate(&self, length: u64) -> Result<LogicalRange, u64> {
        let own = self.slices.own_index();
        let allocated = self.slices[own].lock().allocate(length);
        allocated.map_or_else(|| self.allocate_elsewhere(own, length), Ok)
    }

    /// In the slices after `own`, in those before it, or across their borders.
    #[cold]
    fn allocate_elsewhere(&self, own: usize, length: u64) -> Result<LogicalRange, u64> {
        let mut others = (own + 1..self.slices.len()).chain(0..own);
        others
            .find_map(|index| self.slices[index].lock().allocate(length))
            .map_or_else(|| self.allocate_across_slices(length), Ok)
    }

    /// Locks every slice. A thread that holds several locks took them in the order of addresses.
    #[cold]
    fn allocate_across_slices(&self, length: u64) -> Result<LogicalRange, u64> {
        let mut slices: Vec<_> = self.slices.iter().map(|slice| slice.lock()).collect();
        // A run may end in one slice's cluster and begin in another's: only in the maps do they adjoin.
        for slice in &mut slices {
            slice.return_cluster();
        }
        let fits = runs(&slices).find(|run| run.len() >= length);
        let longest = || runs(&slices).map(|run| run.len()).max().unwrap_or(0);
        let start = fits.ok_or_else(longest)?.start();
        let found = LogicalRange::between(start, start + length);
        for slice in &mut slices {
            if let Some(part) = found.intersection(&slice.range) {
                slice.carve(part);
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
        let mut slices: Vec<_> = self.slices_of(extent).map(|index| self.slices[index].lock()).collect();
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
        if !self.range.contains(&extent) {
            return Err(SpaceError::Outside { extent, group: self.range });
        }
        if !extent.is_aligned(self.alignment) {
            return Err(SpaceError::Unaligned { extent, alignment: self.alignment });
        }
        Ok(())
    }

    /// Books `extents`, in the order of their addresses, from free to used bytes: all of them or, on an error, none.
    pub(super) fn book_existing(&mut self, extents: &[LogicalRange]) -> Result<(), SpaceError> {
        extents.iter().try_for_each(|extent| self.may_contain(*extent))?;
        if extents.is_empty() {
            return Ok(()); // the slices keep their clusters
        }
        let mut slices: Vec<_> = self.slices.iter_mut().map(Mutex::get_mut).collect();
        let left: Vec<_> =
            slices.iter_mut().map(|slice| slice.free_without(extents)).collect::<Result<_, _>>()?;
        for (slice, left) in slices.into_iter().zip(left) {
            slice.use_all_but(&left);
        }
        Ok(())
    }

    /// The sum of all slices, at one moment: it holds all their locks.
    pub(super) fn figures(&self) -> Figures {
        let slices: Vec<_> = self.slices.iter().map(|slice| slice.lock()).collect();
        slices.iter().fold(Figures::default(), |sum, slice| sum + slice.figures)
    }

    /// Whether F1 and F2 hold, where exclusive access proves that no other thread is using the group.
    pub(super) fn check(&mut self) -> Result<Figures, SpaceError> {
        let mut sum = Figures::default();
        for slice in self.slices.iter_mut() {
            let slice = slice.get_mut();
            slice.check()?;
            sum = sum + slice.figures;
        }
        Ok(sum)
    }

    /// Whether any byte of `extent`, which is in the group, is free.
    pub(super) fn is_free(&mut self, extent: LogicalRange) -> bool {
        let slices = self.slices_of(extent);
        let (skipped, count) = (*slices.start(), slices.count());
        let mut slices = self.slices.iter_mut().skip(skipped).take(count).map(Mutex::get_mut);
        slices.any(|slice| extent.intersection(&slice.range).is_some_and(|part| slice.is_free(part)))
    }

    fn slices_of(&self, extent: LogicalRange) -> std::ops::RangeInclusive<usize> {
        let index = |address: LogicalAddress| {
            let index = (address - self.range.start()) / self.slice_length;
            // The last slice has the remainder too, so its addresses may give a larger index.
            usize::try_from(index).map_or(usize::MAX, |i| i).min(self.slices.len() - 1)
        };
        index(extent.start())..=index(extent.end() - 1)
    }
}

/// Of each slice the longest free run, and every run that reaches over a border: free ranges that adjoin there
/// are one run. Any other run is no longer than the longest of its slice.
fn runs(slices: &[MutexGuard<'_, Slice>]) -> impl Iterator<Item = LogicalRange> {
    let mut ranges = slices.iter().flat_map(|slice| slice.outstanding()).peekable();
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

#[derive(Debug)]
struct Slice {
    range: LogicalRange,
    cluster: Option<LogicalRange>,
    by_start: BTreeMap<LogicalAddress, u64>,
    by_length: BTreeSet<(u64, LogicalAddress)>,
    figures: Figures,
}

impl Slice {
    fn new(range: LogicalRange) -> Self {
        Self {
            range,
            cluster: Some(range),
            by_start: BTreeMap::new(),
            by_length: BTreeSet::new(),
            figures: Figures { free: range.len(), ..Figures::default() },
        }
    }

    #[inline(always)]
    fn allocate(&mut self, length: u64) -> Option<LogicalRange> {
        if self.cluster.is_none_or(|cluster| cluster.len() < length) {
            // Best fit: long ranges are kept for long requests.
            self.refill(length)?;
        }
        let cluster = self.cluster?;
        let end = cluster.start() + length;
        self.cluster = (end < cluster.end()).then(|| LogicalRange::between(end, cluster.end()));
        self.figures.book(SpaceKind::Free, SpaceKind::Reserved, length);
        Some(LogicalRange::between(cluster.start(), end))
    }

    /// Makes the shortest free range that serves `length` the cluster.
    #[cold]
    fn refill(&mut self, length: u64) -> Option<()> {
        self.return_cluster();
        let (length, start) = *self.by_length.range((length, 0)..).next()?;
        self.take(start, length);
        self.cluster = Some(LogicalRange::between(start, start + length));
        Some(())
    }

    /// The free ranges at the slice's ends and the longest one between, in the order of addresses, each once. Only
    /// those at the ends can adjoin one of another slice.
    fn outstanding(&self) -> impl Iterator<Item = LogicalRange> + use<> {
        let first = self.by_start.first_key_value().map(|(&start, &length)| (start, length));
        let last = self.by_start.last_key_value().map(|(&start, &length)| (start, length));
        let longest = self.by_length.last().map(|&(length, start)| (start, length));
        let between = longest.filter(|_| longest != first && longest != last);
        let last = last.filter(|_| last != first);
        let ranges = [first, between, last].into_iter().flatten();
        ranges.map(|(start, length)| LogicalRange::between(start, start + length))
    }

    fn return_cluster(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            self.put(cluster);
        }
    }

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
    }

    fn take(&mut self, start: LogicalAddress, length: u64) {
        self.by_start.remove(&start);
        self.by_length.remove(&(length, start));
    }

    /// The free ranges, in the order of addresses, without the bytes of `extents`, which are in that order too. All of
    /// these that are in the slice must be free.
    fn free_without(&mut self, extents: &[LogicalRange]) -> Result<Vec<LogicalRange>, SpaceError> {
        self.return_cluster();
        let first = extents.partition_point(|extent| extent.end() <= self.range.start());
        let mut free =
            self.by_start.iter().map(|(&start, &length)| LogicalRange::between(start, start + length));
        let (mut left, mut run) = (Vec::new(), free.next());
        for extent in &extents[first..] {
            let Some(part) = extent.intersection(&self.range) else { break };
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
        self.figures.book(SpaceKind::Free, SpaceKind::Used, self.figures.free - free);
        // Built whole: from a sequence in order a map needs no search for each.
        self.by_start = left.iter().map(|run| (run.start(), run.len())).collect();
        self.by_length = left.iter().map(|run| (run.len(), run.start())).collect();
    }

    /// Takes `part` out of the free range that contains it, and books it as reserved.
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
        self.figures.book(SpaceKind::Free, SpaceKind::Reserved, part.len());
    }

    fn may_rebook(&self, extent: LogicalRange, from: SpaceKind, to: SpaceKind) -> Result<(), SpaceError> {
        let Some(part) = extent.intersection(&self.range) else { return Ok(()) };
        let (wanted, have) = (part.len(), self.figures.of(from));
        if wanted > have || (to == SpaceKind::Free && self.is_free(part)) {
            return Err(SpaceError::NotBooked { extent: part, kind: from, have });
        }
        Ok(())
    }

    fn rebook(&mut self, extent: LogicalRange, from: SpaceKind, to: SpaceKind) {
        let Some(part) = extent.intersection(&self.range) else { return };
        self.figures.book(from, to, part.len());
        if to == SpaceKind::Free {
            self.put(part);
        }
    }

    /// Whether any byte of `part` is free.
    fn is_free(&self, part: LogicalRange) -> bool {
        let reaches =
            |(&start, &length): (&u64, &u64)| LogicalRange::between(start, start + length).overlaps(&part);
        self.cluster.is_some_and(|cluster| cluster.overlaps(&part))
            // Free ranges do not overlap: if the last that begins before the end does not reach in, none does.
            || self.by_start.range(..part.end()).next_back().is_some_and(reaches)
    }

    fn check(&self) -> Result<(), SpaceError> {
        let cluster = self.cluster.map_or(0, |cluster| cluster.len());
        let free = cluster + self.by_start.values().sum::<u64>();
        let figures = self.figures;
        let adds_up = figures.total() == self.range.len() && figures.free == free;
        let indexed = self.by_start.len() == self.by_length.len();
        if adds_up && indexed {
            Ok(())
        } else {
            Err(SpaceError::Inconsistent { slice: self.range, figures, free })
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;

    /// Every second of `units` units is free: no two holes adjoin.
    fn fragmented(units: u64, shards: usize) -> FreeSpace {
        let range = LogicalRange::new(0, units).expect("a range");
        let space = FreeSpace::new(range, 1, Shards::new(shards));
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
        let slices: Vec<_> = space.slices.iter().map(|slice| slice.lock()).collect();
        slices.iter().flat_map(|slice| slice.outstanding()).count()
    }

    fn holes(space: &FreeSpace) -> usize {
        space.slices.iter().map(|slice| slice.lock().by_start.len()).sum()
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
        let longest = |slice: &Mutex<Slice>| slice.lock().by_length.last().map_or(0, |&(length, _)| length);
        assert_eq!(space.slices.iter().map(longest).max(), Some(2));
        assert_eq!(space.allocate(3), Ok(LogicalRange::between(8, 11)));
    }
}
