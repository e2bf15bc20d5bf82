//! Reference changes that are not in the extent tree yet.
//!
//! The hard part: each must be applied exactly once, while writers push and one task drains; and a drain must be of
//! one moment, for a writer that waits for no commit may push at any. So a drain locks all shards, takes what they
//! have, and then unlocks them. What adds and drops references of the same extent is folded before the tree is
//! touched, outside of the locks.
//!
//! # Invariants
//!
//! - D1: a ref is in one place: its writer's hands, a shard, or what a drain returned.
//! - D2: the refs that were queued before a drain began are in it or in an earlier one.
//! - D3: folding keeps the sum of changes of each extent.
//! - D4: a drain is a cut: it takes no ref without those that were queued before it.
//!
//! # Rejected
//!
//! - Tried: *a drain that locks shard after shard*. It may take a ref from a shard that it comes to late, and not the one
//!   before it from a shard that it came to early (the twin `delayed-ref/shard-after-shard`). That was enough while each
//!   writer held a handle of the transaction, which cost two more locked operations a write.
//! - *An epoch that each push reads*, published before a drain visits the shards: a push that finds a new one would start
//!   a new vector in its shard. That is a cut too, without holding more than one lock, but one more load for each write, and
//!   two vectors in each shard. Sixty-four locks are held for a microsecond or two, once a commit.
//! - Tried: *a batch in the handle*, published at its end: what was pushed was lost where the handle unwound, and a
//!   handle with a vector inside goes through memory. A push under the shard's own lock costs what publishing
//!   did.
//! - *A lock-free queue of nodes*: one allocation a ref. A vector under a lock that only a drain contends for
//!   grows by doubling, and a long one is handed over whole.
//! - *Folding while refs are pushed* (the kernel's tree of ref heads): writers would meet in the tree; a drain
//!   sorts once instead.
//!
//! Checked by `loom-tests/src/models/delayed_ref.rs`,
//! argued in [`docs/delayed_ref.md`](crate::proof::delayed_ref).
//!
//! The kernel's are
//! `btrfs_add_delayed_data_ref` and `btrfs_run_delayed_refs`.

use std::mem;

use crate::sharded::{Sharded, Shards};
use crate::sync::Mutex;
use crate::units::LogicalRange;

/// From this many refs on, a caller's vector is handed over as it is: that costs less than copying it.
const MANY: usize = 64;

/// One reference to an extent, added or dropped.
///
/// Part of the proof: [delayed refs](crate::proof::delayed_ref).
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, RefAction};
///
/// let extent = LogicalRange::new(0, 4096)?;
/// let written = DelayedRef::add(extent);
/// assert_eq!(written, DelayedRef { extent, action: RefAction::Add });
/// assert_ne!(written, DelayedRef::drop(extent)); // deleted
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayedRef {
    /// The extent.
    pub extent: LogicalRange,
    /// What happens to its number of references.
    pub action: RefAction,
}

/// What a [`DelayedRef`] does.
///
/// Part of the proof: [delayed refs](crate::proof::delayed_ref).
///
/// ```
/// use blockgate::{DelayedRefQueue, DelayedRef, LogicalRange, RefAction};
///
/// let (queue, extent) = (DelayedRefQueue::default(), LogicalRange::new(0, 4096)?);
/// queue.push_all(&[DelayedRef::add(extent), DelayedRef::add(extent), DelayedRef::drop(extent)]);
/// let refs = queue.drain();
/// let dropped = refs.iter().filter(|delayed_ref| delayed_ref.action == RefAction::Drop);
/// assert_eq!(dropped.count(), 1);
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefAction {
    /// One reference more; the first inserts the extent item.
    Add,
    /// One reference less; the last removes the extent item.
    Drop,
}

impl DelayedRef {
    /// One reference more to `extent`.
    #[must_use]
    pub fn add(extent: LogicalRange) -> Self {
        Self { extent, action: RefAction::Add }
    }

    /// One reference less to `extent`.
    #[must_use]
    pub fn drop(extent: LogicalRange) -> Self {
        Self { extent, action: RefAction::Drop }
    }
}

/// The refs that wait for the next drain.
///
/// Part of the proof: [delayed refs](crate::proof::delayed_ref).
///
/// ```
/// use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
///
/// let queue = DelayedRefQueue::default();
/// let extent = LogicalRange::new(0, 4096)?;
/// queue.push(DelayedRef::add(extent));
/// queue.push(DelayedRef::drop(extent));
/// let folded = queue.drain().fold();
/// assert_eq!((folded.len(), folded[0].change), (1, 0)); // nothing reaches the tree
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug)]
pub struct DelayedRefQueue {
    shards: Sharded<Mutex<Pending>>,
}

#[derive(Debug, Default)]
struct Pending {
    /// How many drains this shard has seen.
    drains: u64,
    /// No drain will come any more.
    is_sealed: bool,
    singles: Vec<DelayedRef>,
    chunks: Vec<Vec<DelayedRef>>,
    /// How many of them were absorbed: singles, and chunks.
    absorbed: (usize, usize),
}

impl Pending {
    /// What a drain takes. (No memory is allocated here: all shards are locked.)
    fn take(&mut self) -> (Vec<DelayedRef>, Vec<Vec<DelayedRef>>) {
        self.drains += 1;
        self.absorbed = (0, 0);
        (mem::take(&mut self.singles), mem::take(&mut self.chunks))
    }

    /// Copies of those that were not absorbed yet.
    fn absorb(&mut self) -> Vec<DelayedRef> {
        let (singles, chunks) = self.absorbed;
        let mut new = self.singles[singles..].to_vec();
        new.extend(self.chunks[chunks..].iter().flatten());
        self.absorbed = (self.singles.len(), self.chunks.len());
        new
    }
}

impl Default for DelayedRefQueue {
    fn default() -> Self {
        Self::new(Shards::default())
    }
}

impl DelayedRefQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(shards: Shards) -> Self {
        Self::after(shards, 0)
    }

    /// An empty queue that counts on from `drains`.
    pub(crate) fn after(shards: Shards, drains: u64) -> Self {
        let pending = |_| Mutex::new(Pending { drains, ..Pending::default() });
        Self { shards: Sharded::new(shards, pending) }
    }

    /// Queues one ref. Locks the calling thread's shard. Returns as [`DelayedRefQueue::push_all`].
    ///
    /// ```
    /// # use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
    /// let queue = DelayedRefQueue::default();
    /// let drain = queue.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
    /// assert_eq!(drain, 0); // the first drain will take it
    /// assert_eq!(queue.drain().iter().count(), 1);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[inline(always)]
    pub fn push(&self, delayed_ref: DelayedRef) -> u64 {
        let mut pending = self.shards.own().lock();
        pending.singles.push(delayed_ref);
        pending.drains
    }

    /// Queues all of `refs` under one lock, that of the calling thread's shard.
    ///
    /// Returns how many drains came before the one that will take these refs.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
    /// let queue = DelayedRefQueue::default();
    /// let (old, new) = (LogicalRange::new(0, 4096)?, LogicalRange::new(4096, 4096)?);
    /// let before = queue.push_all(&[DelayedRef::add(new), DelayedRef::drop(old)]);
    /// assert_eq!((before, queue.drain().len()), (0, 2)); // no drain takes one without the other
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[inline]
    pub fn push_all(&self, refs: &[DelayedRef]) -> u64 {
        let mut pending = self.shards.own().lock();
        pending.singles.extend_from_slice(refs);
        pending.drains
    }

    /// As [`DelayedRefQueue::push_all`], and leaves `refs` empty. A vector of 64 refs or more, at least half
    /// full, is handed over and not copied.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
    /// let queue = DelayedRefQueue::default();
    /// let extents = (0..1000).map(|index| LogicalRange::new(index * 4096, 4096));
    /// let mut refs = extents.map(|extent| Ok(DelayedRef::add(extent?))).collect::<Result<Vec<_>, _>>()?;
    /// queue.append(&mut refs); // a thousand, and none is copied
    /// assert!(refs.is_empty());
    /// assert_eq!(queue.drain().len(), 1000);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn append(&self, refs: &mut Vec<DelayedRef>) -> u64 {
        // A vector that is mostly empty would keep its memory until the commit.
        let is_half_full = refs.capacity() <= 2 * refs.len();
        if refs.len() < MANY || !is_half_full {
            let drains = self.push_all(refs);
            refs.clear();
            return drains;
        }
        let chunk = mem::take(refs);
        let mut pending = self.shards.own().lock();
        pending.chunks.push(chunk);
        pending.drains
    }

    /// Takes everything that is queued, at one moment (D4). Locks all shards, for as long as it takes to take a pointer
    /// from each.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
    /// let queue = DelayedRefQueue::default();
    /// let drain_of = |start| Ok(queue.push(DelayedRef::add(LogicalRange::new(start, 4096)?)));
    /// assert_eq!(drain_of(0)?, 0); // the first drain takes it
    /// assert_eq!(queue.drain().len(), 1);
    /// assert_eq!(drain_of(4096)?, 1); // and this one is for the second
    /// assert_eq!(queue.drain().len(), 1); // each is taken once
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn drain(&self) -> DrainedRefs {
        self.drain_with(|| ())
    }

    /// As [`DelayedRefQueue::drain`], and calls `at_the_cut` while all shards are locked.
    pub(crate) fn drain_with(&self, at_the_cut: impl FnOnce()) -> DrainedRefs {
        let mut taken = Vec::with_capacity(self.shards.len());
        // By index: two drains at once take them in one order.
        let mut shards: Vec<_> = self.shards.iter().map(Mutex::lock).collect();
        at_the_cut();
        taken.extend(shards.iter_mut().map(|pending| pending.take()));
        drop(shards);
        let parts = taken.into_iter().flat_map(|(singles, chunks)| chunks.into_iter().chain([singles]));
        DrainedRefs { parts: parts.filter(|part| !part.is_empty()).collect() }
    }

    /// As [`DelayedRefQueue::push`], with `note` called under the lock; `None` where the queue is sealed.
    #[inline(always)]
    pub(crate) fn push_unless_sealed(&self, delayed_ref: DelayedRef, note: impl FnOnce(u64)) -> Option<u64> {
        let mut pending = self.shards.own().lock();
        if pending.is_sealed {
            return None;
        }
        pending.singles.push(delayed_ref);
        note(pending.drains);
        Some(pending.drains)
    }

    /// As [`DelayedRefQueue::push_all`], with `note` called under the lock; `None` where the queue is sealed.
    #[inline]
    pub(crate) fn push_all_unless_sealed(&self, refs: &[DelayedRef], note: impl FnOnce(u64)) -> Option<u64> {
        let mut pending = self.shards.own().lock();
        if pending.is_sealed {
            return None;
        }
        pending.singles.extend_from_slice(refs);
        note(pending.drains);
        Some(pending.drains)
    }

    /// No drain will come any more: what is queued from here on by a caller that wants to know is refused. Locks each
    /// shard in turn.
    pub(crate) fn seal(&self) {
        self.shards.iter().for_each(|shard| shard.lock().is_sealed = true);
    }

    /// Calls `note` with each ref that is queued and was in no earlier call, and leaves it queued. Locks each
    /// shard once, to copy them.
    pub(crate) fn absorb(&self, mut note: impl FnMut(DelayedRef)) {
        for shard in self.shards.iter() {
            let new = shard.lock().absorb();
            new.into_iter().for_each(&mut note);
        }
    }

    /// A copy of what is queued, where exclusive access proves that no thread is using the queue.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
    /// let mut queue = DelayedRefQueue::default();
    /// queue.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
    /// assert_eq!(queue.pending().len(), 1);
    /// assert_eq!(queue.drain().len(), 1); // looking took nothing
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn pending(&mut self) -> DrainedRefs {
        let parts = self.shards.iter_mut().flat_map(|shard| {
            let pending = shard.get_mut();
            pending.chunks.iter().chain([&pending.singles]).cloned().collect::<Vec<_>>()
        });
        DrainedRefs { parts: parts.collect() }
    }
}

/// Refs that a drain took, in no particular order.
///
/// Part of the proof: [delayed refs](crate::proof::delayed_ref).
///
/// ```
/// use blockgate::{DelayedRef, DelayedRefQueue, ExtentTree, LogicalRange};
///
/// let (queue, tree) = (DelayedRefQueue::default(), ExtentTree::new());
/// queue.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
/// let refs = queue.drain();
/// assert!(!refs.is_empty());
/// let changes = tree.apply(&refs.fold())?; // what a commit does with them
/// assert_eq!(changes.inserted.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "dropping these loses reference changes"]
pub struct DrainedRefs {
    parts: Vec<Vec<DelayedRef>>,
}

impl DrainedRefs {
    /// Adds what was queued elsewhere.
    pub(crate) fn push_part(&mut self, part: Vec<DelayedRef>) {
        self.parts.push(part);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Vec::is_empty)
    }

    /// The refs, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &DelayedRef> {
        self.parts.iter().flatten()
    }

    /// Folds all changes of an extent into one, in the order of their addresses.
    ///
    /// An extent whose changes cancel is in the result with a change of zero: nothing of it reaches the
    /// tree, but the space it had must be given back.
    ///
    /// ```
    /// use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange};
    ///
    /// let (queue, extent) = (DelayedRefQueue::default(), LogicalRange::new(0, 4096)?);
    /// queue.push_all(&[DelayedRef::add(extent), DelayedRef::add(extent)]);
    /// assert_eq!(queue.drain().fold(), [FoldedRef { extent, change: 2 }]);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[must_use]
    pub fn fold(self) -> Vec<FoldedRef> {
        let mut refs = self.into_one();
        // Unstable: a sum has no order, and no memory is needed beside the refs.
        refs.sort_unstable_by_key(|delayed_ref| delayed_ref.extent);
        let mut folded: Vec<FoldedRef> = Vec::new();
        for delayed_ref in refs {
            let change = match delayed_ref.action {
                RefAction::Add => 1,
                RefAction::Drop => -1,
            };
            match folded.last_mut() {
                Some(last) if last.extent == delayed_ref.extent => last.change += change,
                _ => folded.push(FoldedRef { extent: delayed_ref.extent, change }),
            }
        }
        folded
    }

    fn into_one(mut self) -> Vec<DelayedRef> {
        // The last part grows in place. Often it is the only one.
        let mut one = self.parts.pop().unwrap_or_default();
        one.reserve(self.parts.iter().map(Vec::len).sum());
        for mut part in self.parts {
            one.append(&mut part);
        }
        one
    }
}

/// All changes of one extent's references, summed.
///
/// Part of the proof: [delayed refs](crate::proof::delayed_ref).
///
/// ```
/// use blockgate::delayed_ref::FoldedRef;
/// use blockgate::{ExtentTree, LogicalRange};
///
/// let (tree, extent) = (ExtentTree::new(), LogicalRange::new(0, 4096)?);
/// let snapshots = FoldedRef { extent, change: 3 }; // three references at once
/// assert_eq!(tree.apply(&[snapshots])?.inserted, [extent]);
/// assert_eq!(tree.apply(&[FoldedRef { extent, change: -3 }])?.removed, [extent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedRef {
    /// The extent.
    pub extent: LogicalRange,
    /// References added less references dropped.
    pub change: i64,
}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;

    fn extent(start: u64) -> LogicalRange {
        LogicalRange::new(start, 1).expect("a range")
    }

    #[test]
    fn folding_sums_per_extent_in_address_order() {
        let queue = DelayedRefQueue::default();
        for start in [3, 1, 2, 1] {
            queue.push(DelayedRef::add(extent(start)));
        }
        queue.push(DelayedRef::drop(extent(2)));
        let folded: Vec<_> = queue.drain().fold().iter().map(|r| (r.extent.start(), r.change)).collect();
        assert_eq!(folded, [(1, 2), (2, 0), (3, 1)]);
        assert!(queue.drain().is_empty());
    }

    #[test]
    fn refs_of_any_number_arrive_whole() {
        for count in [0, 1, 2, MANY - 1, MANY, MANY + 1, 1000 * MANY] {
            let refs: Vec<_> = (0..count).map(|start| DelayedRef::add(extent(start as u64))).collect();
            let queue = DelayedRefQueue::default();
            for one in &refs {
                queue.push(*one);
            }
            queue.push_all(&refs);
            let mut handed_over = refs.clone();
            queue.append(&mut handed_over);
            assert!(handed_over.is_empty());
            let folded = queue.drain().fold();
            assert_eq!(folded.len(), count);
            assert!(folded.iter().all(|folded| folded.change == 3));
        }
    }

    #[test]
    fn queueing_tells_which_drain_takes_it() {
        let queue = DelayedRefQueue::default();
        assert_eq!(queue.push(DelayedRef::add(extent(0))), 0);
        assert_eq!(queue.drain().len(), 1);
        assert_eq!(queue.push(DelayedRef::add(extent(0))), 1);
    }
}
