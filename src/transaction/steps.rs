//! What a commit does beside the tree.

use std::error::Error;

use crate::extent_tree::{Changes, CommitRoot};
use crate::units::LogicalRange;

/// Steps of the embedder's own, done once a commit, by the thread that leads it: to make the new root durable,
/// and to free what it frees.
///
/// They are given to [`Transactions::with_steps`](super::Transactions::with_steps), and not to a commit, since
/// many threads share one. At most one commit is at work, so no step runs twice at once. No lock is held
/// meanwhile: threads join and end handles, and what they queue is of the next transaction. A step must not
/// commit: that would wait for itself.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use std::error::Error;
/// use std::sync::Mutex;
///
/// use blockgate::extent_tree::Changes;
/// use blockgate::transaction::CommitSteps;
/// use blockgate::{CommitRoot, DelayedRef, LogicalRange, Shards, Transactions};
///
/// /// A log in the place of a device.
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl CommitSteps for Log {
///     fn before_switch(
///         &self,
///         root: &CommitRoot,
///         changes: &Changes,
///     ) -> Result<(), Box<dyn Error + Send + Sync>> {
///         let line = format!("{}: {} new", root.transaction(), changes.inserted.len());
///         self.0.lock().unwrap().push(line);
///         Ok(())
///     }
/// }
///
/// let transactions = Transactions::with_steps(Shards::default(), Log::default());
/// transactions.join()?.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
/// transactions.commit()?;
/// assert_eq!(*transactions.steps().0.lock().unwrap(), ["transaction 1: 1 new"]);
/// # Ok::<(), Box<dyn Error>>(())
/// ```
pub trait CommitSteps {
    /// Makes `root` durable, and books what changed: done before the switch, so before any reader can see
    /// `root` and before any space that it frees is used again. It may block.
    ///
    /// # Errors
    /// Whatever keeps the root from being durable: the commit fails, and with it every later one.
    fn before_switch(&self, root: &CommitRoot, changes: &Changes)
    -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Frees `extents`, which neither the commit root nor a held [`Snapshot`](super::Snapshot) lists any more. For those
    /// that a commit frees at once it is done after the switch, before anybody is told that the commit is complete and
    /// before the next one closes; the others are freed by the thread that drops the snapshot.
    fn free(&self, extents: &[LogicalRange]) {
        let _ = extents;
    }

    /// A commit has failed: [`Transactions::failure`](super::Transactions::failure) says why. Done once, without a lock, by
    /// the thread that led it: to wake threads that wait for something else than a transaction. A thread that is about
    /// to wait is to look for the failure first.
    fn aborted(&self) {}
}

/// None: roots live in memory.
impl CommitSteps for () {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}
