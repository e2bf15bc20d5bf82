//! One value a shard: a thread works on its own, and a wait visits all.
//!
//! Counts, queues and maps are split so that threads that work at the same time touch no common cache line.
//! The price is paid by the rare operation that needs all of it.
//!
//! Rejected: *a shard for each processor* instead of for each thread. A thread may be moved between the look
//! and the use, so a shard would be no more exclusive, and its count could be given back elsewhere. And no
//! engine that explores interleavings has processors.

use std::ops::Index;

use crate::sync::{CachePadded, current_shard, processors};

/// Into how many shards the counts and maps of a type are split: 1 to 64.
///
/// Each thread works on the shard of its own number, modulo this, so that writers do not meet. A wait
/// visits all of them.
///
/// ```
/// use blockgate::{Gate, OrderedExtents, Shards};
///
/// let gate = Gate::new(Shards::default()); // for many threads
/// let rarely_used = OrderedExtents::new(Shards::new(1)); // for few: a wait visits one shard
/// # drop((gate, rarely_used));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards(usize);

impl Shards {
    /// The most shards there can be.
    pub const MAX: usize = 64;

    /// `count` shards.
    ///
    /// # Panics
    /// If `count` is zero or more than [`Shards::MAX`]. For a number that was computed,
    /// [`Shards::saturating`] takes the nearest one that is allowed.
    ///
    /// # Example
    /// ```
    /// const SHARDS: blockgate::Shards = blockgate::Shards::new(16); // too many would not compile here
    /// assert_eq!(SHARDS.count(), 16);
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn new(count: usize) -> Self {
        assert!(
            1 <= count && count <= Self::MAX,
            "there are 1 to 64 shards: ask for as many, or take the nearest number with Shards::saturating"
        );
        Self(count)
    }

    /// `count` shards, or the nearest number that is allowed: 1 instead of zero, [`Shards::MAX`] instead
    /// of more.
    ///
    /// ```
    /// # use blockgate::Shards;
    /// let processors = std::thread::available_parallelism()?.get();
    /// let shards = Shards::saturating(4 * processors); // the nearest number that is allowed
    /// assert!(shards.count() <= Shards::MAX);
    /// assert_eq!(Shards::saturating(0).count(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn saturating(count: usize) -> Self {
        match count {
            0 => Self(1),
            1..=Self::MAX => Self(count),
            _ => Self(Self::MAX),
        }
    }

    /// The number of shards.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0
    }
}

impl Default for Shards {
    /// Twice as many as processors, at least four: a thread more than processors is seldom in the way.
    fn default() -> Self {
        Self::saturating((2 * processors()).max(4))
    }
}

/// One `T` a shard, each on a cache line of its own.
#[derive(Debug)]
pub(crate) struct Sharded<T>(Box<[CachePadded<T>]>);

impl<T> Sharded<T> {
    /// `one` makes the value of each shard, from its index.
    pub(crate) fn new(shards: Shards, one: impl FnMut(usize) -> T) -> Self {
        Self((0..shards.count()).map(one).map(CachePadded::new).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The index of the calling thread's shard.
    #[inline]
    pub(crate) fn own_index(&self) -> usize {
        current_shard(self.0.len())
    }

    /// The calling thread's value.
    #[inline]
    pub(crate) fn own(&self) -> &T {
        &self.0[self.own_index()]
    }

    /// All values, by index.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter().map(|padded| &**padded)
    }

    /// All values, by index, where exclusive access proves that no other thread is using them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|padded| &mut **padded)
    }
}

impl<T> Index<usize> for Sharded<T> {
    type Output = T;

    #[inline]
    fn index(&self, shard: usize) -> &T {
        &self.0[shard]
    }
}

/// A set of shards: those that are still to be visited. Bit `i` stands for shard `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ShardSet(u64);

impl ShardSet {
    /// Adds `shard` where `is_in`. (Without a branch: a closer adds every shard in turn.)
    #[inline]
    pub(crate) fn insert_if(&mut self, shard: usize, is_in: bool) {
        self.0 |= u64::from(is_in) << shard;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The shards, by index.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let shard = (left != 0).then(|| left.trailing_zeros() as usize)?;
            // Takes away the lowest bit.
            left &= left - 1;
            Some(shard)
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_set_yields_each_shard_once_by_index() {
        let mut set = ShardSet::default();
        assert!(set.is_empty());
        for (shard, is_in) in [(63, true), (0, true), (5, false), (7, true), (0, true), (7, false)] {
            set.insert_if(shard, is_in);
        }
        assert!(!set.is_empty());
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 7, 63]);
        assert_eq!(ShardSet::default().iter().next(), None);
    }

    #[test]
    fn every_shard_fits_a_set() {
        let mut set = ShardSet::default();
        (0..Shards::MAX).for_each(|shard| set.insert_if(shard, true));
        assert_eq!(set.iter().count(), Shards::MAX);
    }

    #[test]
    fn a_thread_works_on_one_of_the_shards_and_always_the_same() {
        let sharded = Sharded::new(Shards::new(3), |index| index);
        assert_eq!(sharded.iter().copied().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(sharded.own(), &sharded[sharded.own_index()]);
        assert_eq!(sharded.own_index(), sharded.own_index());
    }
}
