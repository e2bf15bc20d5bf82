//! A commit root that is held: its extents stay as they are until it is dropped.

use std::ops::Deref;

use crate::extent_tree::CommitRoot;

use super::snapshots::Snapshots;
use super::{CommitError, CommitSteps, Transactions};

/// A commit root whose extents are not freed, and not overwritten in place, until this is dropped.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// A plain [`CommitRoot`] is a list: the space of what it lists may be another extent's by the time it is read.
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, Transactions};
///
/// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
/// transactions.join()?.push(DelayedRef::add(extent));
/// let backup = transactions.snapshot()?; // it commits
/// assert_eq!(backup.extents_in(extent).count(), 1);
///
/// assert_eq!(transactions.is_exclusive(extent), Ok(false)); // nobody may overwrite it in place
/// transactions.join()?.change(&[DelayedRef::drop(extent)])?;
/// transactions.commit()?; // its bytes are not handed to `CommitSteps::free` yet
/// drop(backup); // they are now
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this frees what it keeps"]
pub struct Snapshot<'a, S: CommitSteps = ()> {
    root: CommitRoot,
    _held: Held<'a, S>,
}

impl<S: CommitSteps> Deref for Snapshot<'_, S> {
    type Target = CommitRoot;

    fn deref(&self) -> &CommitRoot {
        &self.root
    }
}

/// A snapshot that was announced, until it is dropped.
#[derive(Debug)]
struct Held<'a, S: CommitSteps> {
    transactions: &'a Transactions<S>,
    ticket: u64,
}

impl<S: CommitSteps> Drop for Held<'_, S> {
    fn drop(&mut self) {
        let free = self.transactions.references.snapshots(|snapshots| snapshots.release(self.ticket));
        // Outside of the lock: a step is the embedder's own.
        self.transactions.steps.free(&free);
    }
}

impl<S: CommitSteps> Transactions<S> {
    /// Commits, and holds the root of that commit: S1, while the snapshot lives, its extents are not freed.
    ///
    /// An in-place write that begins from here on learns of it by [`Transactions::is_exclusive`]; those in flight
    /// are to be waited for after this call, and before the bytes are read.
    ///
    /// Blocks as [`Transactions::commit`], and deadlocks as that does.
    ///
    /// Source: `btrfs_create_snapshot`, which happens in a commit too.
    ///
    /// # Errors
    /// As [`Transactions::commit`]; nothing is held then.
    ///
    /// # Panics
    /// As [`Transactions::commit`].
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(extent));
    /// let (one, other) = (transactions.snapshot()?, transactions.snapshot()?); // each has its own life
    /// drop(one);
    /// assert_eq!(other.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self) -> Result<Snapshot<'_, S>, CommitError> {
        let ticket = self.references.snapshots(Snapshots::announce);
        let held = Held { transactions: self, ticket };
        let root = self.commit()?;
        let free = self.references.snapshots(|snapshots| snapshots.hold(ticket, root.clone()));
        self.steps.free(&free);
        Ok(Snapshot { root, _held: held })
    }
}
