//! A value that one thread at a time publishes and any thread reads.
//!
//! The two halves are two types, so that no thread can load the atomic and then store it: loom does not
//! explore what happens in between (its issues 166 and 392). The publisher remembers instead.

use super::backend::AtomicU64;
use super::{Arc, Ordering};

/// A value that one thread at a time publishes and any thread reads: `(writer half, reader half)`.
///
/// ```
/// let (mut progress, shown) = blockgate::sync::published(0);
/// std::thread::scope(|scope| {
///     scope.spawn(move || (1..=100).for_each(|percent| progress.publish(percent)));
///     assert!(shown.get() <= 100); // some value that was published
/// });
/// assert_eq!(shown.get(), 100);
/// ```
#[must_use]
pub fn published(value: u64) -> (Publisher, Published) {
    let cell = Arc::new(AtomicU64::new(value));
    (Publisher { cell: Arc::clone(&cell), last: value }, Published { cell })
}

/// The half of a published value that stores. It cannot be cloned, and it cannot load.
///
/// ```
/// let (mut publisher, published) = blockgate::sync::published(1);
/// publisher.publish(publisher.last() + 1); // no load: only this half stores, and it remembers
/// assert_eq!(published.get(), 2);
/// ```
#[derive(Debug)]
pub struct Publisher {
    cell: Arc<AtomicU64>,
    last: u64,
}

impl Publisher {
    /// Publishes `value`. Never blocks.
    ///
    /// Release: pairs with the Acquire in [`Published::get`]; what the publisher did before
    /// happens-before what a reader does after it saw `value`.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let (mut publisher, published) = blockgate::sync::published(0);
    /// let data = AtomicU64::new(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         data.store(7, Ordering::Relaxed);
    ///         publisher.publish(1); // says that the data is there
    ///     });
    ///     if published.get() == 1 {
    ///         assert_eq!(data.load(Ordering::Relaxed), 7);
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn publish(&mut self, value: u64) {
        self.last = value;
        self.cell.store(value, Ordering::Release);
    }

    /// What this half published last. No load: it remembers.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }
}

/// The half of a published value that loads.
///
/// ```
/// let (publisher, published) = blockgate::sync::published(7);
/// let readers = [published.clone(), published];
/// assert!(readers.iter().all(|reader| reader.get() == 7));
/// # drop(publisher);
/// ```
#[derive(Debug, Clone)]
pub struct Published {
    cell: Arc<AtomicU64>,
}

impl Published {
    /// A value that was published, and not an older one than this thread saw before. Never blocks.
    ///
    /// Acquire: pairs with the Release in [`Publisher::publish`].
    #[must_use]
    #[track_caller]
    pub fn get(&self) -> u64 {
        self.cell.load(Ordering::Acquire)
    }
}
