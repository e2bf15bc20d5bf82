//! Transactions: join, end, commit; the running of delayed refs and the switch of the commit root.
//!
//! The hard part: a commit must contain every ref of every handle that it closed out, and none of a
//! later one, while threads join all the time and several want to commit. A [`Gate`] counts the handles.
//! A commit closes it, waits until it is empty, drains the refs, applies them, switches the commit root
//! and opens it. A thread that wants to join in between waits, and joins the next transaction.
//!
//! # State: under one lock, which a commit holds from its beginning to its end
//!
//! | `aborted` | gate | means |
//! |---|---|---|
//! | `None` | open | threads join and end; the lock is free |
//! | `None` | closed | a commit is at work and holds the lock; joiners wait at the gate, committers here |
//! | `Some` | sealed | a commit failed; every join and commit returns why |
//!
//! and `completed`, the number of the last transaction whose commit is complete; the running one is
//! `completed + 1`. Commits that come together are done one after the other. The first takes all refs;
//! the others find nothing to do, and cost a pass over the shards. Joining and ending do not take this
//! lock, so a commit may hold it while it waits for handles.
//!
//! # Invariants
//!
//! - C1: at most one commit is at work.
//! - C2: a handle's refs are in the queue before its hold on the gate ends.
//! - C3: refs are drained only while the gate is closed and empty: a transaction's refs are all of it or
//!   none.
//! - C4: the gate opens after the commit root was switched, or never.
//! - C5: once aborted, every join and every commit fails, also those that were waiting.
//!
//! # Rejected
//!
//! - *Electing one of the committers that come together*, and letting the others take its result. A committer
//!   that comes while one is at work may have refs that the work has passed already, so it needs another
//!   commit in any case; queueing at a mutex and finding nothing to do is simpler.
//! - *Several transactions at once* (the kernel commits one while the next runs): the drain would have to say
//!   which commit it waits for. Here a commit that begins after the call has all that was queued before it.
//! - *Numbering handles when they join*: a read of the number for every writer. The queue knows it under the
//!   lock that a push takes anyway, so a handle learns its number when it first queues.
//!
//! Checked by `loom-tests/src/models/transaction.rs`,
//! argued in [`docs/transaction.md`](crate::proof::transaction).
//!
//! The kernel's are
//! `btrfs_join_transaction`, `btrfs_end_transaction` and `btrfs_commit_transaction`.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::delayed_ref::{DelayedRef, DelayedRefQueue, DrainedRefs, RefAction};
use crate::event::{Event, emit};
use crate::extent_tree::{Changes, CommitRoot, ExtentTree, RefError};
use crate::gate::{EnterError, Gate, Inside};
use crate::sharded::Shards;
use crate::sync::{Arc, Mutex};
use crate::units::TransactionId;

/// The transactions of one extent tree.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, Transactions};
///
/// let transactions = Transactions::default();
/// let extent = LogicalRange::new(0, 4096)?;
/// let mut handle = transactions.join()?;
/// handle.push(DelayedRef::add(extent));
/// let transaction = handle.end();
/// assert!(transactions.commit_root().is_empty());
///
/// let committed = transactions.commit()?;
/// assert_eq!(committed.root.transaction(), transaction);
/// assert_eq!(committed.root.extents_in(extent).collect::<Vec<_>>(), [extent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transactions {
    handles: Gate,
    queue: DelayedRefQueue,
    tree: ExtentTree,
    commit: Mutex<CommitState>,
}

#[derive(Debug)]
struct CommitState {
    completed: u64,
    aborted: Option<CommitError>,
}

impl Default for Transactions {
    fn default() -> Self {
        Self::new(Shards::default())
    }
}

impl Transactions {
    /// Transaction 1 runs, over an empty tree.
    ///
    /// ```
    /// use blockgate::{Shards, TransactionId, Transactions};
    ///
    /// let transactions = Transactions::new(Shards::new(2));
    /// assert_eq!(transactions.commit_root().transaction(), TransactionId(0));
    /// assert_eq!(transactions.join()?.end(), TransactionId(1));
    /// # Ok::<(), blockgate::CommitError>(())
    /// ```
    #[must_use]
    pub fn new(shards: Shards) -> Self {
        Self {
            handles: Gate::new(shards),
            queue: DelayedRefQueue::new(shards),
            tree: ExtentTree::new(),
            commit: Mutex::new(CommitState { completed: 0, aborted: None }),
        }
    }

    /// Joins the running transaction. Blocks while a commit is at work, and then joins the next one.
    ///
    /// A thread must not join, nor commit, while it holds a handle: the commit waits for that handle, and
    /// the thread for the commit.
    ///
    /// # Errors
    /// [`CommitError`] when a commit failed: there are no more transactions.
    ///
    /// # Panics
    /// With 2^48 - 1 handles in one shard, which only leaked ones can reach.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// let mut handle = transactions.join()?; // no commit completes while it lives: keep it short
    /// handle.push(DelayedRef::add(extent));
    /// drop(handle);
    /// assert_eq!(transactions.commit()?.changes.inserted, [extent]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn join(&self) -> Result<TransactionHandle<'_>, CommitError> {
        let inside = match self.handles.enter() {
            Ok(inside) => inside,
            Err(refusal) => self.enter_later(refusal)?,
        };
        emit(|| Event::Join);
        Ok(TransactionHandle { transactions: self, transaction: None, _inside: inside })
    }

    #[cold]
    fn enter_later(&self, mut refusal: EnterError) -> Result<Inside<'_>, CommitError> {
        loop {
            match refusal {
                EnterError::Closed => {
                    // An error is found by the next `enter`.
                    let _ = self.handles.wait_open();
                }
                EnterError::Sealed => return Err(self.why_aborted()),
                EnterError::Full => panic!("too many transaction handles: some were leaked"),
            }
            match self.handles.enter() {
                Ok(inside) => return Ok(inside),
                Err(again) => refusal = again,
            }
        }
    }

    #[cold]
    fn why_aborted(&self) -> CommitError {
        let aborted = self.commit.lock().aborted.clone();
        aborted.expect("C5: the gate is sealed under the lock, after the reason is set")
    }

    /// Commits: when it returns, every ref of every handle that ended before the call is in the commit
    /// root that it returns. Also when there is nothing to do: the commit root is then as it was, with a
    /// new number.
    ///
    /// Blocks for a commit that is at work, and until the handles of the transaction have ended. Deadlocks
    /// if the calling thread holds one: [end](TransactionHandle::end) it first.
    ///
    /// # Errors
    /// [`CommitError`] when this or an earlier commit failed. That is permanent: the last commit root
    /// stands, and no later one will come.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(extent));
    /// assert_eq!(transactions.commit()?.root.len(), 1);
    /// let again = transactions.commit()?; // nothing to do, and yet a new root
    /// assert_eq!((again.root.transaction().0, again.root.len()), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit(&self) -> Result<CompletedCommit, CommitError> {
        self.commit_with(|_, _| Ok(()))
    }

    /// As [`Transactions::commit`], with a step of the caller's own before the switch: to write the new
    /// root to a device, for example. It is called with the transaction closed; it must not join or commit.
    ///
    /// # Errors
    /// As [`Transactions::commit`]. If `persist` fails, the commit has failed.
    ///
    /// # Panics
    /// If `persist` does; the commit has failed then.
    ///
    /// # Example
    /// ```
    /// use std::error::Error;
    ///
    /// use blockgate::{DelayedRef, Device, LogicalRange, MemoryDevice, Transactions};
    ///
    /// let (transactions, log) = (Transactions::default(), MemoryDevice::new(4096));
    /// transactions.join()?.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
    /// transactions.commit_with(|root, changes| {
    ///     log.write_at(0, &root.transaction().0.to_le_bytes())?;
    ///     log.write_at(8, &changes.inserted[0].start().to_le_bytes())?;
    ///     Ok(log.flush()?) // only what is durable becomes the commit root
    /// })?;
    ///
    /// let failed = transactions.commit_with(|_, _| Err("the log is full".into())).unwrap_err();
    /// assert_eq!(failed.source().expect("a cause").to_string(), "the log is full");
    /// assert_eq!(transactions.commit_root().len(), 1); // the last root stands,
    /// assert!(transactions.join().is_err()); // and no other will come
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit_with<F>(&self, persist: F) -> Result<CompletedCommit, CommitError>
    where
        F: FnOnce(&CommitRoot, &Changes) -> Result<(), Box<dyn Error + Send + Sync>>,
    {
        let mut state = self.commit.lock();
        if let Some(error) = &state.aborted {
            return Err(error.clone());
        }
        emit(|| Event::CloseTransaction);
        let closed = self.handles.close();
        closed.wait_empty();
        // Caught, so that a commit that panics is sealed like any other that fails, and no thread is left
        // waiting.
        let result = catch_unwind(AssertUnwindSafe(|| self.run(TransactionId(state.completed + 1), persist)));
        state.aborted = match &result {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.clone()),
            Err(_panic) => Some(CommitError::unwound()),
        };
        if state.aborted.is_none() {
            state.completed += 1;
            drop(closed); // C4
        } else {
            closed.seal(); // C5
            emit(|| Event::Abort);
        }
        drop(state);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs with the gate closed and empty.
    fn run<F>(&self, transaction: TransactionId, persist: F) -> Result<CompletedCommit, CommitError>
    where
        F: FnOnce(&CommitRoot, &Changes) -> Result<(), Box<dyn Error + Send + Sync>>,
    {
        let refs = self.queue.drain();
        emit(|| Event::RunRefs { transaction });
        let changes = self.tree.apply(&refs.fold()).map_err(CommitError::refs)?;
        let root = self.tree.candidate(transaction);
        persist(&root, &changes).map_err(CommitError::persist)?;
        self.tree.switch_commit_root(root.clone());
        Ok(CompletedCommit { root, changes })
    }

    /// To be called while the caller holds a handle: otherwise it may be another one by the return.
    #[cold]
    fn look_up_running(&self) -> TransactionId {
        TransactionId(self.queue.push_all(&[]) + 1)
    }

    /// The commit root: the tree as of the last complete commit. Never blocks for a commit.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let transactions = Transactions::default();
    /// let mut handle = transactions.join()?;
    /// handle.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
    /// assert!(transactions.commit_root().is_empty()); // not in it before a commit
    /// handle.end();
    /// transactions.commit()?;
    /// assert_eq!(transactions.commit_root().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit_root(&self) -> CommitRoot {
        self.tree.commit_root()
    }

    /// How many handles were leaked, where exclusive access proves that none lives.
    ///
    /// ```
    /// let mut transactions = blockgate::Transactions::default();
    /// std::mem::forget(transactions.join()?); // the next commit would wait for it without end
    /// assert_eq!(transactions.leaked(), 1);
    /// # Ok::<(), blockgate::CommitError>(())
    /// ```
    pub fn leaked(&mut self) -> u64 {
        self.handles.leaked()
    }

    /// The commit root and the refs that wait for the next commit, where exclusive access proves that
    /// no other thread is using them.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (mut transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(extent));
    /// let (root, refs) = transactions.pending();
    /// let after = root.with(&refs.fold())?; // what a commit would make of it
    /// assert_eq!(after.extents_in(extent).collect::<Vec<_>>(), [extent]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pending(&mut self) -> (CommitRoot, DrainedRefs) {
        (self.tree.exclusive_commit_root().clone(), self.queue.pending())
    }
}

/// A participant's hold on the running transaction: no commit completes while it lives.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// Dropping it ends it, as [`TransactionHandle::end`]. What was pushed stands, whichever way it ends.
///
/// ```
/// # use blockgate::{DelayedRef, LogicalRange, Transactions};
/// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
/// std::thread::scope(|scope| {
///     let mut handle = transactions.join()?;
///     let commit = scope.spawn(|| transactions.commit()); // waits for the handle
///     handle.push(DelayedRef::add(extent));
///     let mine = handle.end();
///     let committed = commit.join().expect("no panic")?;
///     assert_eq!((committed.root.transaction(), committed.root.len()), (mine, 1));
///     Ok::<(), blockgate::CommitError>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this ends the handle"]
pub struct TransactionHandle<'a> {
    transactions: &'a Transactions,
    /// Known once a ref was queued.
    transaction: Option<TransactionId>,
    _inside: Inside<'a>,
}

impl TransactionHandle<'_> {
    /// Queues a reference change, for the commit of this transaction. It stands from here on (C2). Locks a
    /// shard of the queue; for several at once there are [`TransactionHandle::push_all`] and
    /// [`TransactionHandle::append`].
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// let mut handle = transactions.join()?;
    /// handle.push(DelayedRef::add(extent));
    /// drop(handle); // whichever way it ends, what was pushed stands
    /// assert_eq!(transactions.commit()?.root.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[inline(always)]
    pub fn push(&mut self, delayed_ref: DelayedRef) {
        let transaction = TransactionId(self.transactions.queue.push(delayed_ref) + 1);
        self.transaction = Some(transaction);
        emit(|| queued(delayed_ref, transaction));
    }

    /// Queues several reference changes under one lock.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let transactions = Transactions::default();
    /// let (old, new) = (LogicalRange::new(0, 4096)?, LogicalRange::new(4096, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(old));
    /// let mut handle = transactions.join()?;
    /// handle.push_all(&[DelayedRef::add(new), DelayedRef::drop(old)]); // an extent moves
    /// handle.end();
    /// assert_eq!(transactions.commit()?.root.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn push_all(&mut self, refs: &[DelayedRef]) {
        let transaction = TransactionId(self.transactions.queue.push_all(refs) + 1);
        self.transaction = Some(transaction);
        for &delayed_ref in refs {
            emit(|| queued(delayed_ref, transaction));
        }
    }

    /// Queues all reference changes of `refs`, and leaves it empty. Many are handed over and not copied: see
    /// [`DelayedRefQueue::append`].
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let transactions = Transactions::default();
    /// let mut refs = Vec::new();
    /// for index in 0..100 {
    ///     refs.push(DelayedRef::add(LogicalRange::new(index * 4096, 4096)?));
    /// }
    /// transactions.join()?.append(&mut refs);
    /// assert!(refs.is_empty());
    /// assert_eq!(transactions.commit()?.root.len(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn append(&mut self, refs: &mut Vec<DelayedRef>) {
        let transaction = self.running();
        self.transaction = Some(transaction);
        // Reported before they are queued, which makes no difference: no commit looks while this handle
        // lives.
        for &delayed_ref in refs.iter() {
            emit(|| queued(delayed_ref, transaction));
        }
        self.transactions.queue.append(refs);
    }

    /// The transaction that runs, which does not change while this handle lives.
    #[inline]
    fn running(&self) -> TransactionId {
        self.transaction.unwrap_or_else(|| self.transactions.look_up_running())
    }

    /// Ends the handle. Returns the transaction that its refs are part of: once the commit root is of that
    /// one, or of a later one, they are in it. Locks a shard of the queue if nothing was pushed.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let transactions = Transactions::default();
    /// let mut handle = transactions.join()?;
    /// handle.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
    /// let mine = handle.end();
    /// if transactions.commit_root().transaction() < mine {
    ///     transactions.commit()?; // as an fsync would
    /// }
    /// assert_eq!(transactions.commit_root().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn end(self) -> TransactionId {
        self.running()
    }
}

fn queued(DelayedRef { extent, action }: DelayedRef, transaction: TransactionId) -> Event {
    Event::QueueRef { extent, add: action == RefAction::Add, transaction }
}

/// Reports the end; the hold on the transaction itself ends with the field.
impl Drop for TransactionHandle<'_> {
    #[inline]
    fn drop(&mut self) {
        emit(|| Event::EndTransaction);
    }
}

/// A commit that is complete.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// # use blockgate::{DelayedRef, LogicalRange, Transactions};
/// use blockgate::transaction::CompletedCommit;
///
/// let transactions = Transactions::default();
/// transactions.join()?.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
/// let CompletedCommit { root, changes } = transactions.commit()?;
/// let used: u64 = changes.inserted.iter().map(|extent| extent.len()).sum();
/// assert_eq!((root.transaction().0, used), (1, 4096));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct CompletedCommit {
    /// The commit root.
    pub root: CommitRoot,
    /// What the commit changed.
    pub changes: Changes,
}

/// A commit failed, and with it every later one: no more transactions. Cloning it is cheap.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// # use blockgate::{DelayedRef, LogicalRange, Transactions};
/// use blockgate::{CommitError, RefError};
///
/// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
/// transactions.join()?.push(DelayedRef::drop(extent)); // nobody added it
/// let error: CommitError = transactions.commit().unwrap_err();
/// if let Some(RefError::Unbalanced { extent, .. }) = error.ref_error() {
///     eprintln!("{extent} was dropped once too often");
/// }
/// // Every later call fails, for the same reason; the last commit root stands.
/// assert_eq!(transactions.join().unwrap_err().to_string(), error.to_string());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CommitError {
    why: Why,
}

#[derive(Debug, Clone)]
enum Why {
    Refs(RefError),
    Persist(Arc<dyn Error + Send + Sync>),
    Unwound,
}

impl CommitError {
    fn refs(error: RefError) -> Self {
        Self { why: Why::Refs(error) }
    }

    fn persist(error: Box<dyn Error + Send + Sync>) -> Self {
        Self { why: Why::Persist(error.into()) }
    }

    fn unwound() -> Self {
        Self { why: Why::Unwound }
    }

    /// The reference change that did not fit the tree, if that was it.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let transactions = Transactions::default();
    /// let failed = transactions.commit_with(|_, _| Err("the device is gone".into())).unwrap_err();
    /// assert_eq!(failed.ref_error(), None); // the references were right
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ref_error(&self) -> Option<RefError> {
        match self.why {
            Why::Refs(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the transaction is aborted, and the last commit root stands: ")?;
        f.write_str(match &self.why {
            Why::Refs(_) => "a reference change does not fit the extent tree",
            Why::Persist(_) => "the new commit root could not be persisted",
            Why::Unwound => "the thread that committed panicked",
        })
    }
}

impl Error for CommitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Refs(error) => Some(error),
            Why::Persist(error) => Some(&**error),
            Why::Unwound => None,
        }
    }
}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;
    use crate::units::LogicalRange;

    fn extent(start: u64) -> LogicalRange {
        LogicalRange::new(start, 1).expect("a range")
    }

    fn insert(transactions: &Transactions, start: u64) -> TransactionId {
        let mut handle = transactions.join().expect("runs");
        handle.push(DelayedRef::add(extent(start)));
        handle.end()
    }

    #[test]
    fn a_commit_with_nothing_to_do_moves_on() {
        let transactions = Transactions::default();
        assert_eq!(insert(&transactions, 0), TransactionId(1));
        for number in 1..4 {
            let committed = transactions.commit().expect("commits");
            assert_eq!(committed.root.transaction(), TransactionId(number));
            assert_eq!(committed.root.len(), 1);
        }
        assert_eq!(insert(&transactions, 1), TransactionId(4));
    }

    #[test]
    fn a_handle_dropped_unfinished_keeps_its_refs() {
        let transactions = Transactions::default();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut handle = transactions.join().expect("runs");
            handle.push(DelayedRef::add(extent(0)));
            panic!("the writer fails");
        }));
        assert!(result.is_err());
        assert_eq!(transactions.commit().expect("commits").root.len(), 1);
    }

    #[test]
    fn a_failed_commit_is_sticky() {
        let transactions = Transactions::default();
        insert(&transactions, 0);
        let _ = transactions.commit().expect("commits");
        let mut handle = transactions.join().expect("runs");
        handle.push(DelayedRef::drop(extent(7)));
        handle.end();
        let error = transactions.commit().unwrap_err();
        assert!(matches!(error.ref_error(), Some(RefError::Unbalanced { references: 0, .. })));
        assert!(transactions.join().is_err());
        assert_eq!(transactions.commit().unwrap_err().to_string(), error.to_string());
        assert_eq!(transactions.commit_root().len(), 1);
    }

    #[test]
    fn a_commit_that_fails_to_persist_or_panics_aborts() {
        let transactions = Transactions::default();
        let error = transactions.commit_with(|_, _| Err("disk full".into())).unwrap_err();
        assert!(error.source().is_some_and(|source| source.to_string() == "disk full"));

        let transactions = Transactions::default();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            transactions.commit_with(|_, _| panic!("in persist"))
        }));
        assert!(result.is_err());
        assert!(transactions.join().unwrap_err().to_string().ends_with("panicked"));
    }
}
