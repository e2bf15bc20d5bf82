//! One value a shard, for each of several neighbours: in one table, so that few are large and none is padded.
//!
//! | | neighbour 0 | neighbour 1 | … | |
//! |---|---|---|---|---|
//! | shard 0 | value | value | … | spare |
//! | shard 1 | value | value | … | spare |
//!
//! A row is written by the threads of its shard, so the values of a row may share cache lines. The spare values keep
//! rows apart. A neighbour has one column, and does not know the others.
//!
//! # Rejected
//!
//! - *Each value on a cache line of its own*: with 64 shards, a block group took 41,216 bytes.
//! - *Values that are made when they are first used*: closing a gate uses each of its words, so every group that was
//!   frozen once would have all of them.
//! - *Fewer shards for each of many groups*: threads meet in one group however many there are.

use std::ops::DerefMut;

use super::{Arc, CachePadded, CounterWord, Monitor, Mutex, Ordering};

/// Values of two shards are at least so many bytes apart.
const APART: usize = align_of::<CachePadded<u8>>();

/// One `T` a shard: a column of a table.
#[derive(Debug)]
pub(crate) struct Column<T> {
    table: Arc<[T]>,
    row_length: usize,
    neighbour: usize,
    shards: usize,
}

impl<T> Column<T> {
    /// The columns of `count` neighbours. `value` makes each value, from the indices of its shard and its neighbour;
    /// that of a spare one is `count` or more.
    pub(crate) fn several(
        shards: usize,
        count: usize,
        mut value: impl FnMut(usize, usize) -> T,
    ) -> impl Iterator<Item = Self> {
        let row_length = count + APART.div_ceil(size_of::<T>());
        let cells = (0..shards * row_length).map(|cell| value(cell / row_length, cell % row_length));
        let table: Arc<[T]> = cells.collect();
        (0..count).map(move |neighbour| Self { table: Arc::clone(&table), row_length, neighbour, shards })
    }

    /// Without the values of the shards from `shards` on.
    pub(crate) fn truncated(self, shards: usize) -> Self {
        Self { shards: self.shards.min(shards), ..self }
    }

    /// How many shards there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.shards
    }

    /// The value of `shard`, which is less than `len`.
    #[inline]
    pub(crate) fn get(&self, shard: usize) -> &T {
        &self.table[shard * self.row_length + self.neighbour]
    }

    /// All values, by shard.
    #[inline]
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        (0..self.shards).map(|shard| self.get(shard))
    }
}

// Where its owner is borrowed exclusively, no other thread is using a column; but its table is shared.
impl Column<CounterWord> {
    /// The value of `shard`, where exclusive access proves that no other thread is using it.
    pub(crate) fn exclusive(&mut self, shard: usize) -> u64 {
        // Relaxed: whatever gave the exclusive access has handed the value over.
        self.get(shard).read(Ordering::Relaxed)
    }
}

impl<T> Column<Mutex<T>> {
    /// As that of words.
    pub(crate) fn exclusive(&mut self, shard: usize) -> impl DerefMut<Target = T> {
        self.get(shard).lock()
    }
}

impl<T> Column<Monitor<T>> {
    /// As that of words.
    pub(crate) fn exclusive(&mut self, shard: usize) -> impl DerefMut<Target = T> {
        self.get(shard).lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_neighbour_has_its_own_values() {
        let columns: Vec<_> = Column::several(3, 2, |shard, neighbour| 10 * neighbour + shard).collect();
        let values = |column: &Column<usize>| (0..3).map(|shard| *column.get(shard)).collect::<Vec<_>>();
        assert_eq!(columns.iter().map(values).collect::<Vec<_>>(), [[0, 1, 2], [10, 11, 12]]);
    }

    #[test]
    fn no_two_shards_share_a_cache_line() {
        let distance = |a: &u64, b: &u64| std::ptr::from_ref(b).addr() - std::ptr::from_ref(a).addr();
        for count in [1, 2, 7, 100] {
            let columns: Vec<_> = Column::several(4, count, |_, _| 0_u64).collect();
            for shard in 1..4 {
                let (last, first) = (columns[count - 1].get(shard - 1), columns[0].get(shard));
                assert!(distance(last, first) > APART, "{count} neighbours");
            }
        }
    }

    #[test]
    fn a_column_that_was_truncated_has_the_first_shards() {
        let column = Column::several(3, 1, |shard, _| shard).next().expect("one").truncated(2);
        assert_eq!((column.len(), *column.get(1)), (2, 1));
    }
}
