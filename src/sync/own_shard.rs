//! Which shard a thread works on.

use super::backend;

/// Which of `shards` shards the calling thread works on: its own number, modulo `shards`.
///
/// A thread gets the least number that no other living thread has when it first asks (under loom: its
/// place in the order of creation, the main thread being 0). Two threads may share a shard: it costs time,
/// not correctness.
///
/// # Panics
/// With zero shards.
///
/// # Example
/// ```
/// use blockgate::sync::{CachePadded, CounterWord, Ordering, current_shard};
///
/// let hits: [_; 4] = std::array::from_fn(|_| CachePadded::new(CounterWord::new(0)));
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| hits[current_shard(hits.len())].add(1, Ordering::Relaxed));
///     }
/// });
/// assert_eq!(hits.iter().map(|shard| shard.read(Ordering::Relaxed)).sum::<u64>(), 4);
/// ```
#[must_use]
#[inline]
pub fn current_shard(shards: usize) -> usize {
    let index = backend::thread_index();
    // A division costs more than all the rest, and few threads need one.
    if index < shards { index } else { index % shards }
}

/// How many processors there are to share the work. Asked once: the answer is read from files.
pub(crate) fn processors() -> usize {
    static PROCESSORS: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(2, usize::from))
}
