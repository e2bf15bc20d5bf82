//! Transactions: join, end, commit; the running of delayed refs and the switch of the commit root.
//!
//! The hard part: a commit must contain every ref of every handle that it closed out, and none of a
//! later one, while tasks join all the time and several want to commit; and neither may wait for long. A
//! [`Gate`] counts the handles. A commit closes it, waits until it is empty, takes the refs, applies them and
//! opens it: a thread that wants to join meanwhile waits, and lands in the next transaction. Only then come the
//! steps that take time (flush, persist), and the switch of the commit root. A writer with a single ref needs no handle:
//! it pushes to the queue at any time, and a commit takes what is queued at one moment (D4 of `src/delayed_ref.rs`).
//!
//! # State: where a ref is
//!
//! | place | from | until |
//! |---|---|---|
//! | queued | the push | a commit takes it, at one moment, with the gate closed and empty |
//! | taken, not switched: in the live tree, not in the commit root | then | that commit switches the root |
//! | in the commit root | then | |
//!
//! Which thread leads a commit, and which threads it serves, is in `turns.rs`.
//!
//! # Invariants
//!
//! - C1: at most one commit is at work.
//! - C2: a handle's refs are in the queue before its hold on the gate ends.
//! - C3: refs are taken only while the gate is closed and empty: a transaction's refs are all of it or none.
//! - C4: the gate opens after the refs were taken and applied, or never; the root is switched after the steps
//!   of the commit succeeded, or never.
//! - C5: once aborted, every join, every push without a handle and every commit fails, also those that were waiting.
//! - C6: a commit serves only threads that asked before it closed, and all of them.
//! - C7: a thread that waits to join or to commit is overtaken by at most one commit.
//! - C8: when a commit returns, what it and every earlier one freed is free, but for what a snapshot keeps (S1).
//!
//! # Rejected
//!
//! - Tried: *one lock that a commit holds from beginning to end*. A thread that commits all the time takes it
//!   again before any waiting thread is awake: of two threads that wrote and committed, one got all commits.
//! - Tried: *opening the gate after the switch*. Every writer then waits for the flush.
//! - *Sharing the commit that is at work*: it may have taken its refs before the last ones of a thread that
//!   asks were queued (the twin `replace/shares-the-commit-at-work` loses an extent).
//! - *Several commits at once* (the kernel closes one transaction while it writes the one before): roots would
//!   have to wait for each other at the switch, and a drain would have to say which one it waits for.
//! - *Numbering handles when they join*: a read of the number for every writer. The queue knows it under the
//!   lock that a push takes anyway, so a handle learns its number when it first queues.
//!
//! Checked by `loom-tests/src/models/transaction.rs`,
//! argued in [`docs/transaction.md`](crate::proof::transaction).
//!
//! The kernel's are
//! `btrfs_join_transaction`, `btrfs_end_transaction` and `btrfs_commit_transaction`.

mod references;
mod snapshot;
mod snapshots;
mod steps;
mod turns;

pub use snapshot::Snapshot;
pub use steps::CommitSteps;

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::delayed_ref::{DelayedRef, DrainedRefs, RefAction};
use crate::event::{Event, emit, record, report};
use crate::extent_tree::{Changes, CommitRoot, RefError};
use crate::gate::{Closed, EnterError, Gate, Inside};
use crate::reference_index::{NewExtents, to_know};
use crate::sharded::Shards;
use crate::sync::Arc;
use crate::units::{LogicalRange, TransactionId};

use references::References;
use turns::{Turn, Turns};

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
/// let root = transactions.commit()?;
/// assert_eq!(root.transaction(), transaction);
/// assert_eq!(root.extents_in(extent).collect::<Vec<_>>(), [extent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transactions<S = ()> {
    handles: Gate,
    references: References,
    turns: Turns,
    steps: S,
}

impl Default for Transactions {
    fn default() -> Self {
        Self::new(Shards::default())
    }
}

impl Transactions {
    /// Transaction 1 runs, over an empty tree. A commit has no steps but its own.
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
        Self::with_steps(shards, ())
    }
}

impl<S> Transactions<S> {
    /// Transaction 1 runs, over an empty tree. Each commit does `steps` once.
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use blockgate::extent_tree::Changes;
    /// use blockgate::transaction::CommitSteps;
    /// use blockgate::{CommitRoot, Device, MemoryDevice, Shards, Transactions};
    ///
    /// /// The number of the last transaction, on a device.
    /// struct Superblock(MemoryDevice);
    ///
    /// impl CommitSteps for Superblock {
    ///     fn before_switch(
    ///         &self,
    ///         root: &CommitRoot,
    ///         _: &Changes,
    ///     ) -> Result<(), Box<dyn Error + Send + Sync>> {
    ///         self.0.write_at(0, &root.transaction().0.to_le_bytes())?;
    ///         Ok(self.0.flush()?) // only what is durable becomes the commit root
    ///     }
    /// }
    ///
    /// let too_small = Superblock(MemoryDevice::new(4));
    /// let transactions = Transactions::with_steps(Shards::new(2), too_small);
    /// let failed = transactions.commit().unwrap_err();
    /// assert!(failed.source().is_some()); // the device's error
    /// assert_eq!(transactions.commit_root().transaction().0, 0); // the last root stands,
    /// assert!(transactions.join().is_err()); // and no other will come
    /// ```
    #[must_use]
    pub fn with_steps(shards: Shards, steps: S) -> Self {
        Self::from_root(shards, steps, CommitRoot::empty())
    }

    /// The transactions of an earlier run go on from `root`, the last that was made durable: the one after it runs, and
    /// its number is one more (T2). Each commit does `steps` once. Does not block.
    ///
    /// # Panics
    /// If the number of the root's transaction is 2^63 or more: none has from [`CommitRoot::from_items`].
    ///
    /// # Example
    /// ```
    /// use std::error::Error;
    /// use std::sync::Mutex;
    ///
    /// use blockgate::extent_tree::{Changes, ExtentItem};
    /// use blockgate::transaction::CommitSteps;
    /// use blockgate::{CommitRoot, DelayedRef, LogicalRange, Shards, TransactionId, Transactions};
    ///
    /// /// The last root, as it would be on a device.
    /// #[derive(Default)]
    /// struct Stored(Mutex<(u64, Vec<ExtentItem>)>);
    ///
    /// impl CommitSteps for &Stored {
    ///     fn before_switch(
    ///         &self,
    ///         root: &CommitRoot,
    ///         _: &Changes,
    ///     ) -> Result<(), Box<dyn Error + Send + Sync>> {
    ///         *self.0.lock().unwrap() = (root.transaction().0, root.items().collect());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// fn open(stored: &Stored) -> Result<Transactions<&Stored>, Box<dyn Error>> {
    ///     let (number, items) = stored.0.lock().unwrap().clone();
    ///     let root = CommitRoot::from_items(TransactionId(number), items)?;
    ///     Ok(Transactions::from_root(Shards::default(), stored, root))
    /// }
    ///
    /// let (stored, extent) = (Stored::default(), LogicalRange::new(0, 4096)?);
    /// let first_run = open(&stored)?;
    /// first_run.join()?.push(DelayedRef::add(extent));
    /// assert_eq!(first_run.commit()?.transaction(), TransactionId(1));
    /// drop(first_run);
    /// let second_run = open(&stored)?;
    /// assert_eq!(second_run.is_exclusive(extent), Ok(true)); // it is known
    /// assert_eq!(second_run.commit()?.transaction(), TransactionId(2));
    /// # Ok::<(), Box<dyn Error>>(())
    /// ```
    #[must_use]
    pub fn from_root(shards: Shards, steps: S, root: CommitRoot) -> Self {
        let last = root.transaction();
        assert!(
            i64::try_from(last.0).is_ok(),
            "no {last} can be counted on from: take a root from `from_items`"
        );
        let (handles, references) = (Gate::new(shards), References::new(shards, root));
        Self { handles, references, turns: Turns::after(last), steps }
    }

    /// The steps that each commit does.
    ///
    /// ```
    /// use blockgate::{Shards, Transactions};
    /// # use blockgate::{CommitRoot, extent_tree::Changes, transaction::CommitSteps};
    /// # struct Superblock { slot: u64 }
    /// # impl CommitSteps for Superblock {
    /// #     fn before_switch(
    /// #         &self,
    /// #         _: &CommitRoot,
    /// #         _: &Changes,
    /// #     ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// let transactions = Transactions::with_steps(Shards::new(2), Superblock { slot: 1 });
    /// transactions.commit()?;
    /// println!("written to slot {}", transactions.steps().slot);
    /// # Ok::<(), blockgate::CommitError>(())
    /// ```
    #[inline]
    pub fn steps(&self) -> &S {
        &self.steps
    }

    /// The steps that each commit does, where exclusive access proves that none is at work.
    ///
    /// ```
    /// use blockgate::{Shards, Transactions};
    /// # use blockgate::{CommitRoot, extent_tree::Changes, transaction::CommitSteps};
    /// # struct Superblock { slot: u64 }
    /// # impl CommitSteps for Superblock {
    /// #     fn before_switch(
    /// #         &self,
    /// #         _: &CommitRoot,
    /// #         _: &Changes,
    /// #     ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// let mut transactions = Transactions::with_steps(Shards::new(2), Superblock { slot: 1 });
    /// transactions.commit()?;
    /// transactions.steps_mut().slot = 2; // from the next commit on
    /// transactions.commit()?;
    /// # Ok::<(), blockgate::CommitError>(())
    /// ```
    pub fn steps_mut(&mut self) -> &mut S {
        &mut self.steps
    }

    /// Joins the running transaction. Blocks while a commit closes it: until its handles have ended and the
    /// commit has taken their refs, but not while it makes them durable. A thread that waits joins the next
    /// transaction, and is overtaken by no second commit (C7).
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
    /// assert_eq!(transactions.commit()?.extents_in(extent).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn join(&self) -> Result<TransactionHandle<'_>, CommitError> {
        let inside = match self.handles.enter() {
            Ok(inside) => inside,
            Err(_) => self.enter_later()?,
        };
        emit(|| Event::Join);
        Ok(TransactionHandle { references: &self.references, transaction: None, _inside: inside })
    }

    /// Queues one reference change in the transaction that runs, without a handle. It does not wait for a commit: the
    /// one at work takes it, or the next. Of what a thread queued, and then another one, no root has the second without
    /// the first (D4).
    ///
    /// For a ref that is right whatever else is queued: the first reference to an extent that the caller has allocated.
    /// Locks the calling thread's shard of the queue, and is two locked operations cheaper than [`Transactions::join`],
    /// a push, and the end of the handle.
    ///
    /// Returns the transaction that it is part of, as [`TransactionHandle::end`].
    ///
    /// # Errors
    /// [`CommitError`] when a commit failed: nothing is queued then.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// let mine = transactions.push(DelayedRef::add(extent))?; // the bytes are on the device
    /// if transactions.commit_root().transaction() < mine {
    ///     transactions.commit()?; // as an fsync would
    /// }
    /// assert_eq!(transactions.commit_root().extents_in(extent).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn push(&self, delayed_ref: DelayedRef) -> Result<TransactionId, CommitError> {
        let note = |drains| record(|| queued(delayed_ref, after_drains(drains)));
        let Some(drains) = self.references.queue.push_unless_sealed(delayed_ref, note) else {
            return Err(self.aborted());
        };
        let transaction = after_drains(drains);
        report(|| queued(delayed_ref, transaction));
        Ok(transaction)
    }

    /// As [`Transactions::push`], of several reference changes that belong together: a root has all of them, or none.
    ///
    /// # Errors
    /// As [`Transactions::push`].
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let transactions = Transactions::default();
    /// let (old, new) = (LogicalRange::new(0, 4096)?, LogicalRange::new(4096, 4096)?);
    /// transactions.push(DelayedRef::add(old))?;
    /// transactions.push_all(&[DelayedRef::add(new), DelayedRef::drop(old)])?; // an extent moves
    /// assert_eq!(transactions.commit()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_all(&self, refs: &[DelayedRef]) -> Result<TransactionId, CommitError> {
        let each = |drains, tell: fn(DelayedRef, TransactionId)| {
            for one in refs {
                tell(*one, after_drains(drains));
            }
        };
        let note = |drains| each(drains, |one, transaction| record(|| queued(one, transaction)));
        let Some(drains) = self.references.queue.push_all_unless_sealed(refs, note) else {
            return Err(self.aborted());
        };
        each(drains, |one, transaction| report(|| queued(one, transaction)));
        Ok(after_drains(drains))
    }

    /// What every join and every commit says, once a commit has failed; nothing before. For a path that does neither, and
    /// yet is not to go on then: a write in place. Takes a lock only then.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// # let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// # let write_in_place = |_: LogicalRange| ();
    /// use blockgate::CommitError;
    ///
    /// let overwrite = |extent| {
    ///     transactions.failure().map_or(Ok(()), Err)?;
    ///     Ok::<_, CommitError>(write_in_place(extent))
    /// };
    /// assert!(overwrite(extent).is_ok());
    /// transactions.join()?.push(DelayedRef::drop(extent)); // it was never added: a defect of the caller
    /// assert!(transactions.commit().is_err());
    /// assert!(overwrite(extent).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn failure(&self) -> Option<CommitError> {
        self.turns.look_for_abort()
    }

    /// The same, for `?`.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), CommitError> {
        self.failure().map_or(Ok(()), Err)
    }

    /// Where something was found sealed: the reason.
    #[cold]
    fn aborted(&self) -> CommitError {
        self.turns.aborted().expect("C5: all is sealed under the lock, with the reason set")
    }

    #[cold]
    fn enter_later(&self) -> Result<Inside<'_>, CommitError> {
        self.handles.wait_enter().map_err(|refusal| match refusal {
            EnterError::Sealed => self.aborted(),
            refusal => panic!("transaction handles were leaked: {refusal}"),
        })
    }

    /// How many threads wait to join at this moment. It may change before you look at it. Locks each shard's
    /// monitor in turn.
    ///
    /// ```
    /// let transactions = blockgate::Transactions::default();
    /// assert_eq!(transactions.waiting_to_join(), 0); // no commit is closing
    /// ```
    #[must_use]
    pub fn waiting_to_join(&self) -> u64 {
        self.handles.waiting()
    }

    /// How many threads wait for the next commit at this moment; those that the commit at work serves are not
    /// among them. It may change before you look at it.
    ///
    /// ```
    /// let transactions = blockgate::Transactions::default();
    /// transactions.commit()?;
    /// assert_eq!(transactions.waiting_to_commit(), 0); // nobody else is here
    /// # Ok::<(), blockgate::CommitError>(())
    /// ```
    #[must_use]
    pub fn waiting_to_commit(&self) -> usize {
        self.turns.waiting()
    }

    /// Whether `extent` has one reference, queued ones included: then its owner may overwrite it in place.
    ///
    /// To be asked after the write's ordered extent was added; and a thread that clones the extent waits for its ordered
    /// extents after the clone's reference was queued. Then one of the two sees the other.
    ///
    /// Locks the index of queued references; where the extent is not in the tree yet, also each shard of the queue.
    /// What [`TransactionHandle::push`] changed of an extent in the tree is not known.
    ///
    /// Source: `can_nocow_extent`.
    ///
    /// # Errors
    /// [`RefError::NoReference`], and [`RefError::Overlaps`] for a part of an extent.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// assert!(transactions.is_exclusive(extent).is_err()); // nobody has added it
    /// transactions.join()?.push(DelayedRef::add(extent));
    /// assert_eq!(transactions.is_exclusive(extent), Ok(true));
    /// transactions.join()?.change(&[DelayedRef::add(extent)])?; // a clone
    /// assert_eq!(transactions.is_exclusive(extent), Ok(false)); // write elsewhere
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_exclusive(&self, extent: LogicalRange) -> Result<bool, RefError> {
        let (known, live) = self.references.known(std::iter::once(extent));
        Ok(known.index.is_exclusive(&live, extent)? && !known.snapshots.lists(extent))
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
        self.references.tree.commit_root()
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

    /// How many [snapshots](Snapshot) were leaked, where exclusive access proves that none lives.
    ///
    /// ```
    /// let mut transactions = blockgate::Transactions::default();
    /// std::mem::forget(transactions.snapshot()?); // what it keeps would never be free
    /// assert_eq!(transactions.leaked_snapshots(), 1);
    /// # Ok::<(), blockgate::CommitError>(())
    /// ```
    pub fn leaked_snapshots(&mut self) -> usize {
        self.references.exclusive_snapshots().len()
    }

    /// Whether a commit failed, so that there will be no other; where exclusive access proves that none is at work.
    pub(crate) fn has_aborted(&mut self) -> bool {
        self.turns.has_aborted()
    }

    /// The commit root and the refs that wait for the next commit, where exclusive access proves that
    /// no other thread is using them. (After a commit that failed, the refs that it took are in neither.)
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
        let refs = self.references.pending();
        (self.references.tree.exclusive_commit_root().clone(), refs)
    }
}

/// Whether an event was reported, or its subscriber unwound: with this.
type Reported = Result<(), Box<dyn Any + Send>>;

impl<S: CommitSteps> Transactions<S> {
    /// Commits: when it returns, every ref of every handle that ended before the call is in the commit
    /// root that it returns, and the steps are done. Also when there is nothing to do: the commit root is then
    /// as it was, with a new number.
    ///
    /// A call that finds a commit at work shares the next one with all others that come meanwhile: one of the
    /// threads leads it, and all return its root.
    ///
    /// Blocks for a commit that is at work, until the handles of the transaction have ended, and for the
    /// steps. Deadlocks if the calling thread holds a handle: end it first.
    ///
    /// # Errors
    /// [`CommitError`] when this or an earlier commit failed. That is permanent: the last commit root
    /// stands, and no later one will come. The way on is [`Transactions::from_root`].
    ///
    /// # Panics
    /// If a step does, or a subscriber; the commit has failed then, unless the root was switched before: a subscriber
    /// that panics in the event of the switch leaves the commit complete.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(extent));
    /// assert_eq!(transactions.commit()?.len(), 1);
    /// let again = transactions.commit()?; // nothing to do, and yet a new root
    /// assert_eq!((again.transaction().0, again.len()), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit(&self) -> Result<CommitRoot, CommitError> {
        let transaction = match self.turns.wait_turn()? {
            Turn::Lead(transaction) => transaction,
            Turn::Served(root) => return Ok(root),
        };
        // Outside of the closure that may panic, so that an abort seals the gate that this commit has closed.
        let mut closed = None;
        // Caught, so that a commit that panics is sealed like any other that fails, and no thread is left
        // waiting.
        let run = catch_unwind(AssertUnwindSafe(|| self.run(transaction, &mut closed)));
        match run {
            Ok(Ok((root, reported))) => {
                self.turns.complete(&root);
                reported.unwrap_or_else(|panic| resume_unwind(panic));
                Ok(root)
            }
            Ok(Err(error)) => {
                self.abort(error.clone(), closed);
                Err(error)
            }
            Err(panic) => {
                self.abort(CommitError::unwound(), closed);
                resume_unwind(panic)
            }
        }
    }

    /// C5. `closed`: where the commit failed before it opened the gate, which stays closed then.
    fn abort(&self, error: CommitError, closed: Option<Closed<'_>>) {
        self.turns.abort(error, || {
            closed.unwrap_or_else(|| self.handles.close()).seal();
            self.references.queue.seal();
        });
        // Before the event: a subscriber that panics is to keep nobody waiting.
        self.steps.aborted();
        emit(|| Event::Abort);
    }

    /// Also returns whether the switch was reported without a panic: the commit is complete then all the same.
    fn run<'a>(
        &'a self,
        transaction: TransactionId,
        closed: &mut Option<Closed<'a>>,
    ) -> Result<(CommitRoot, Reported), CommitError> {
        emit(|| Event::CloseTransaction);
        closed.insert(self.handles.close()).wait_empty();
        let (root, changes) = self.take_refs(transaction)?;
        emit(|| Event::OpenTransaction);
        drop(closed.take()); // C4
        // Before the switch: a root that readers see is one that survives a crash.
        self.steps.before_switch(&root, &changes).map_err(CommitError::persist)?;
        let switched = self.references.tree.switch_unreported(root.clone());
        let reported = catch_unwind(|| emit(|| switched));
        self.steps.free(&self.references.freed(transaction, &changes)); // C8
        Ok((root, reported))
    }

    /// Runs with the gate closed and empty.
    fn take_refs(&self, transaction: TransactionId) -> Result<(CommitRoot, Changes), CommitError> {
        let run = || Event::RunRefs { transaction };
        // C3: no handle is left that could push between this drain and the opening.
        let changes = self.references.apply_refs(|| record(run)).map_err(CommitError::refs)?;
        report(run);
        changes.report();
        Ok((self.references.tree.candidate(transaction), changes))
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
///     let root = commit.join().expect("no panic")?;
///     assert_eq!((root.transaction(), root.len()), (mine, 1));
///     Ok::<(), blockgate::CommitError>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this ends the handle"]
pub struct TransactionHandle<'a> {
    references: &'a References,
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
    /// assert_eq!(transactions.commit()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[inline(always)]
    pub fn push(&mut self, delayed_ref: DelayedRef) {
        let transaction = after_drains(self.references.queue.push(delayed_ref));
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
    /// assert_eq!(transactions.commit()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn push_all(&mut self, refs: &[DelayedRef]) {
        let transaction = after_drains(self.references.queue.push_all(refs));
        self.transaction = Some(transaction);
        for &delayed_ref in refs {
            emit(|| queued(delayed_ref, transaction));
        }
    }

    /// Queues all reference changes of `refs`, and leaves it empty. Many are handed over and not copied: see
    /// [`DelayedRefQueue::append`](crate::DelayedRefQueue::append).
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
    /// assert_eq!(transactions.commit()?.len(), 100);
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
        self.references.queue.append(refs);
    }

    /// Queues reference changes that were checked, all of them or, on an error, none: each as if those before it
    /// were done. Every change of an extent that may be in the tree is to be made by this, and a writer's first
    /// reference to an extent of its own by [`TransactionHandle::push`], which costs less.
    ///
    /// Locks the index of queued references; where an extent is not in the tree yet, also each shard of the queue.
    ///
    /// # Errors
    /// [`RefError::NoReference`] where a reference is dropped that does not exist, [`RefError::Overlaps`] where an
    /// extent overlaps another one that has references.
    ///
    /// # Example
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, RefError, Transactions};
    /// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push(DelayedRef::add(extent));
    /// let mut handle = transactions.join()?;
    /// handle.change(&[DelayedRef::drop(extent)])?;
    /// let twice = handle.change(&[DelayedRef::drop(extent)]);
    /// assert_eq!(twice, Err(RefError::NoReference { extent })); // and the commit is none the worse for it
    /// handle.end();
    /// assert!(transactions.commit()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn change(&mut self, refs: &[DelayedRef]) -> Result<(), RefError> {
        self.change_with(refs, NewExtents::OfTheCaller)
    }

    pub(crate) fn change_with(&mut self, refs: &[DelayedRef], new: NewExtents) -> Result<(), RefError> {
        let transaction = self.running();
        self.transaction = Some(transaction);
        let (mut known, live) = self.references.known(to_know(refs, new));
        known.index.queue(&live, refs, new)?;
        drop(known);
        for &delayed_ref in refs {
            emit(|| queued(delayed_ref, transaction));
        }
        Ok(())
    }

    /// The transaction that runs, which does not change while this handle lives.
    #[inline]
    fn running(&self) -> TransactionId {
        self.transaction.unwrap_or_else(|| self.look_up_running())
    }

    #[cold]
    fn look_up_running(&self) -> TransactionId {
        after_drains(self.references.queue.push_all(&[]))
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

/// The transaction that takes what is queued after `drains` drains: each commit drains once, and the first
/// transaction has the number 1.
fn after_drains(drains: u64) -> TransactionId {
    TransactionId(drains + 1)
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
    /// # use std::sync::Arc;
    /// # use blockgate::{LogicalRange, MemoryDevice, Volume};
    /// let builder = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?);
    /// let builder = builder.persist(|_, _| Err("the device is gone".into()));
    /// let volume = builder.build(Arc::new(MemoryDevice::new(1 << 20)))?;
    /// let failed = volume.commit().unwrap_err();
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
        f.write_str("a commit has failed and the last commit root stands, open again from it: ")?;
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
            let root = transactions.commit().expect("commits");
            assert_eq!(root.transaction(), TransactionId(number));
            assert_eq!(root.len(), 1);
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
        assert_eq!(transactions.commit().expect("commits").len(), 1);
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

    /// Does this instead of making a root durable.
    struct Instead<F>(F);

    impl<F: Fn() -> Result<(), Box<dyn Error + Send + Sync>>> CommitSteps for Instead<F> {
        fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
            self.0()
        }
    }

    #[test]
    fn a_commit_that_fails_to_persist_or_panics_aborts() {
        let transactions = Transactions::with_steps(Shards::new(1), Instead(|| Err("disk full".into())));
        let error = transactions.commit().unwrap_err();
        assert!(error.source().is_some_and(|source| source.to_string() == "disk full"));
        assert_eq!(transactions.join().unwrap_err().to_string(), error.to_string());

        let transactions = Transactions::with_steps(Shards::new(1), Instead(|| panic!("in a step")));
        assert!(catch_unwind(AssertUnwindSafe(|| transactions.commit())).is_err());
        assert!(transactions.join().unwrap_err().to_string().ends_with("panicked"));
    }
}
