//! An engine that explores interleavings has no caches, so nothing is padded, and nothing shares a table.

use std::ops::DerefMut;

use super::{CounterWord, Monitor, Mutex};

/// As wide as its value.
#[derive(Debug, Default)]
pub struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> std::ops::Deref for CachePadded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::ops::DerefMut for CachePadded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// One `T` a shard.
#[derive(Debug)]
pub(crate) struct Column<T>(Vec<T>);

impl<T> Column<T> {
    /// The columns of `count` neighbours. `value` makes each value, from the indices of its shard and its neighbour.
    pub(crate) fn several(
        shards: usize,
        count: usize,
        mut value: impl FnMut(usize, usize) -> T,
    ) -> impl Iterator<Item = Self> {
        (0..count).map(move |neighbour| Self((0..shards).map(|shard| value(shard, neighbour)).collect()))
    }

    /// Without the values of the shards from `shards` on.
    pub(crate) fn truncated(mut self, shards: usize) -> Self {
        self.0.truncate(shards);
        self
    }

    /// How many shards there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of `shard`, which is less than `len`.
    pub(crate) fn get(&self, shard: usize) -> &T {
        &self.0[shard]
    }

    /// All values, by shard.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter()
    }
}

impl Column<CounterWord> {
    /// The value of `shard`, where exclusive access proves that no other thread is using it.
    pub(crate) fn exclusive(&mut self, shard: usize) -> u64 {
        self.0[shard].exclusive_value()
    }
}

impl<T> Column<Mutex<T>> {
    /// As that of words.
    pub(crate) fn exclusive(&mut self, shard: usize) -> impl DerefMut<Target = T> {
        self.0[shard].get_mut()
    }
}

impl<T> Column<Monitor<T>> {
    /// As that of words.
    pub(crate) fn exclusive(&mut self, shard: usize) -> impl DerefMut<Target = T> {
        self.0[shard].get_mut()
    }
}

/// A value that is made at once: an engine is not to see an object come about in one execution and not in another.
#[derive(Debug)]
pub(crate) struct OnFirstUse<T>(T);

impl<T> OnFirstUse<T> {
    pub(crate) fn new(make: impl FnOnce() -> T) -> Self {
        Self(make())
    }

    pub(crate) fn get(&self, _: impl FnOnce() -> T) -> &T {
        &self.0
    }

    #[expect(clippy::unnecessary_wraps, reason = "production may not have made it")]
    pub(crate) fn made(&self) -> Option<&T> {
        Some(&self.0)
    }
}
