//! The extent tree, live and as of the last commit.
//!
//! The hard part: readers hold the commit root for as long as they copy, and a commit must not wait for
//! them, nor cost in proportion to the tree. So the tree is a persistent map: a snapshot is a pointer,
//! and a change copies one path.
//!
//! # Invariants
//!
//! - T1: a [`CommitRoot`] never changes; it is the state after one transaction, never a mix.
//! - T2: commit roots are switched in the order of their transactions and never go back, also over runs.
//! - T3: extent items do not overlap, and each has at least one reference.
//! - T4: [`ExtentTree::apply`] does all of its changes or, on an error, none.
//!
//! # Rejected
//!
//! - *A map under a reader-writer lock*, copied at each commit. The copy costs in proportion to the tree, and
//!   without it a commit waits for every reader.
//! - Tried: *a persistent B-tree* (imbl 7). A commit of 100 changes took 0.42 of the time at 10^3 extents, and 0.55 at
//!   10^6; so it grew more, by 7.0 and not by 5.4. (What grows is cache misses: a `BTreeMap` changed in place grows
//!   by 8 to 9.) It brings eight crates, under another license than this one, for 0.2 ms of a commit that flushes a device.
//!
//! Checked by `loom-tests/src/models/transaction.rs`,
//! argued in [`docs/transaction.md`](crate::proof::transaction).
//!
//! The kernel's switch is
//! `switch_commit_roots`.

use std::fmt;

use rpds::RedBlackTreeMapSync;

use crate::delayed_ref::FoldedRef;
use crate::event::{Event, emit};
use crate::sync::Mutex;
use crate::units::{LogicalAddress, LogicalRange, TransactionId};

type Items = RedBlackTreeMapSync<LogicalAddress, ExtentItem>;

/// What the tree knows of an extent, by its start.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, Transactions};
///
/// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
/// transactions.join()?.push_all(&[DelayedRef::add(extent), DelayedRef::add(extent)]);
/// let root = transactions.commit()?;
/// let item = root.get(extent.start()).expect("it was added");
/// assert_eq!((item.extent, item.references), (extent, 2)); // shared: not to be overwritten in place
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentItem {
    /// Where it is.
    pub extent: LogicalRange,
    /// How many references it has, at least one.
    pub references: u64,
}

/// The live tree, which only a commit changes, and the commit root, which anyone reads.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::delayed_ref::FoldedRef;
/// use blockgate::{ExtentTree, LogicalRange, TransactionId};
///
/// let (tree, extent) = (ExtentTree::new(), LogicalRange::new(0, 4096)?);
/// let changes = tree.apply(&[FoldedRef { extent, change: 1 }])?; // the live tree
/// assert_eq!(changes.inserted, [extent]);
/// assert!(tree.commit_root().is_empty()); // readers do not see it,
/// tree.switch_commit_root(tree.candidate(TransactionId(1)));
/// assert_eq!(tree.commit_root().len(), 1); // until the commit is complete
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ExtentTree {
    live: Mutex<Items>,
    commit_root: Mutex<CommitRoot>,
}

impl Default for ExtentTree {
    fn default() -> Self {
        Self::new()
    }
}

impl ExtentTree {
    /// An empty tree, with commit root 0.
    #[must_use]
    pub fn new() -> Self {
        Self::from_root(CommitRoot::empty())
    }

    /// The tree as of `root`, which is its commit root. Does not block.
    ///
    /// ```
    /// # use blockgate::extent_tree::ExtentItem;
    /// # use blockgate::{CommitRoot, ExtentTree, LogicalRange, TransactionId};
    /// # let stored = [ExtentItem { extent: LogicalRange::new(0, 4096)?, references: 1 }];
    /// let tree = ExtentTree::from_root(CommitRoot::from_items(TransactionId(7), stored)?);
    /// assert_eq!(tree.commit_root().items().collect::<Vec<_>>(), stored);
    /// tree.switch_commit_root(tree.candidate(TransactionId(8))); // 7 and less would be a panic
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn from_root(root: CommitRoot) -> Self {
        Self { live: Mutex::new(root.items.clone()), commit_root: Mutex::new(root) }
    }

    /// Applies folded refs to the live tree: all of them or, on an error, none.
    ///
    /// # Errors
    /// [`RefError`] names the first ref that does not fit the tree: it drops a reference that does not exist,
    /// or adds one to an extent that overlaps another.
    ///
    /// # Example
    /// ```
    /// use blockgate::RefError;
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    ///
    /// let (tree, extent) = (ExtentTree::new(), LogicalRange::new(0, 8192)?);
    /// let one_too_many = [FoldedRef { extent, change: -1 }];
    /// match tree.apply(&one_too_many) {
    ///     Err(RefError::Unbalanced { extent, references, .. }) => {
    ///         assert_eq!((extent.start(), references), (0, 0)); // and the tree is as it was
    ///     }
    ///     _ => unreachable!("there is nothing to drop"),
    /// }
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    pub fn apply(&self, refs: &[FoldedRef]) -> Result<Changes, RefError> {
        let changes = self.apply_unreported(refs)?;
        changes.report();
        Ok(changes)
    }

    /// As [`ExtentTree::apply`], for a caller that holds a lock; after that lock it calls [`Changes::report`].
    pub(crate) fn apply_unreported(&self, refs: &[FoldedRef]) -> Result<Changes, RefError> {
        let mut live = self.live.lock();
        let (items, changes) = applied(&live, refs)?;
        *live = items;
        Ok(changes)
    }

    /// The live tree as the commit root of `transaction` would be, without making it so.
    ///
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    /// let (tree, extent) = (ExtentTree::new(), LogicalRange::new(0, 4096)?);
    /// let _ = tree.apply(&[FoldedRef { extent, change: 1 }])?;
    /// let root = tree.candidate(TransactionId(1)); // to be persisted, and then switched to
    /// assert_eq!(root.len(), 1);
    /// assert!(tree.commit_root().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn candidate(&self, transaction: TransactionId) -> CommitRoot {
        CommitRoot { transaction, items: self.live.lock().clone() }
    }

    /// The live tree, to look at: no commit root, so its number says nothing.
    pub(crate) fn live(&self) -> CommitRoot {
        self.candidate(TransactionId(0))
    }

    /// Makes `root` the commit root. Readers of older ones keep theirs.
    ///
    /// # Panics
    /// If the commit root is of that transaction already, or of a later one (T2).
    ///
    /// # Example
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    /// let tree = ExtentTree::new();
    /// let reader = tree.commit_root();
    /// tree.switch_commit_root(tree.candidate(TransactionId(1)));
    /// assert_eq!(reader.transaction(), TransactionId(0)); // an older one stays what it was
    /// ```
    pub fn switch_commit_root(&self, root: CommitRoot) {
        let switched = self.switch_unreported(root);
        emit(|| switched);
    }

    /// As [`ExtentTree::switch_commit_root`], for a caller that reports the event itself.
    pub(crate) fn switch_unreported(&self, root: CommitRoot) -> Event {
        let mut current = self.commit_root.lock();
        let (from, to) = (current.transaction, root.transaction);
        if from < to {
            let old = std::mem::replace(&mut *current, root);
            drop(current);
            drop(old); // the last reader of a root may have much to free: not under the lock
            Event::SwitchRoot { from, to }
        } else {
            drop(current);
            panic!("T2: the commit root is of {from}, and cannot go to {to}");
        }
    }

    /// The commit root, as a snapshot that no commit changes or waits for.
    pub fn commit_root(&self) -> CommitRoot {
        self.commit_root.lock().clone()
    }

    /// The commit root, where exclusive access proves that no other thread is using the tree.
    pub fn exclusive_commit_root(&mut self) -> &CommitRoot {
        self.commit_root.get_mut()
    }
}

/// The items with `refs` applied. What goes, goes first: what comes in the same transaction may take its
/// place in the tree.
fn applied(items: &Items, refs: &[FoldedRef]) -> Result<(Items, Changes), RefError> {
    let (mut items, mut changes) = (items.clone(), Changes::default());
    // Three passes over the refs instead of a sort: each is in the order of addresses already.
    let of_sign = |sign| refs.iter().filter(move |folded| folded.change.signum() == sign);
    for folded in of_sign(-1).chain(of_sign(0)).chain(of_sign(1)) {
        apply_one(&mut items, folded, &mut changes)?;
    }
    // The only list to which more than one pass adds.
    changes.recounted.sort_unstable();
    Ok((items, changes))
}

fn apply_one(items: &mut Items, folded: &FoldedRef, changes: &mut Changes) -> Result<(), RefError> {
    let FoldedRef { extent, change } = *folded;
    let present = items.get(&extent.start()).copied();
    if present.is_none_or(|item| item.extent != extent)
        && let Some(item) = first_overlapping(items, extent)
    {
        return Err(RefError::Overlaps { extent, other: item.extent });
    }
    let before = present.map_or(0, |item| item.references);
    let references = before.checked_add_signed(change).ok_or(RefError::Unbalanced {
        extent,
        references: before,
        change,
    })?;
    match (before, references) {
        (0, 0) => changes.cancelled.push(extent),
        (_, 0) => {
            items.remove_mut(&extent.start());
            changes.removed.push(extent);
        }
        (0, _) => {
            items.insert_mut(extent.start(), ExtentItem { extent, references });
            changes.inserted.push(extent);
        }
        // The item stays; where the changes cancel, the path to it need not be copied either.
        _ if before != references => {
            items.insert_mut(extent.start(), ExtentItem { extent, references });
            changes.recounted.push(extent);
        }
        _ => {}
    }
    Ok(())
}

/// The first item that has an address in common with `range`. Items do not overlap, so only the last
/// one that starts before `range` can reach into it.
fn first_overlapping(items: &Items, range: LogicalRange) -> Option<ExtentItem> {
    let before = items.range(..=range.start()).next_back().map(|(_, item)| *item);
    before
        .filter(|item| item.extent.overlaps(&range))
        .or_else(|| items.range(range.start()..range.end()).next().map(|(_, item)| *item))
}

/// The extent tree as of one commit: an immutable list. Cloning it costs a pointer.
///
/// It keeps no space: what it lists may be deleted, and its bytes another extent's. A
/// [`Snapshot`](crate::Snapshot) keeps them.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, Transactions};
///
/// let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
/// transactions.join()?.push(DelayedRef::add(extent));
/// let root = transactions.commit()?;
/// transactions.join()?.push(DelayedRef::drop(extent));
/// transactions.commit()?;
/// // A copy that reads the older root goes on undisturbed.
/// assert_eq!(root.extents_in(extent).collect::<Vec<_>>(), [extent]);
/// assert!(transactions.commit_root().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CommitRoot {
    transaction: TransactionId,
    items: Items,
}

impl CommitRoot {
    /// That of a new volume: of transaction 0, without an extent.
    pub(crate) fn empty() -> Self {
        Self { transaction: TransactionId(0), items: Items::new_sync() }
    }

    /// The root of `transaction`, from the `items` that an earlier run has stored, in whatever order: those of
    /// [`CommitRoot::items`]. Costs in proportion to their number where they are in order.
    ///
    /// # Errors
    /// [`RootError`]: two extents overlap, a number of references is not between 1 and 2^63 - 1, or the number of the
    /// transaction is not below 2^63.
    ///
    /// # Example
    /// ```
    /// use blockgate::extent_tree::ExtentItem;
    /// use blockgate::{CommitRoot, LogicalRange, TransactionId};
    ///
    /// /// A line of a file: start, length, references.
    /// fn parse(line: &str) -> Result<ExtentItem, Box<dyn std::error::Error>> {
    ///     let mut numbers = line.split(' ').map(str::parse);
    ///     let mut next = || numbers.next().ok_or("a number is missing");
    ///     Ok(ExtentItem { extent: LogicalRange::new(next()??, next()??)?, references: next()?? })
    /// }
    /// let items = ["0 4096 1", "8192 4096 2"].map(parse).into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let root = CommitRoot::from_items(TransactionId(7), items)?;
    /// assert_eq!((root.len(), root.get(8192).map(|item| item.references)), (2, Some(2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_items(
        transaction: TransactionId,
        items: impl IntoIterator<Item = ExtentItem>,
    ) -> Result<Self, RootError> {
        Ok(Self::from_sorted(transaction, &sorted(transaction, items)?))
    }

    /// `items` are as [`sorted`] returns them.
    pub(crate) fn from_sorted(transaction: TransactionId, items: &[ExtentItem]) -> Self {
        // Half a second for a million. (From the middle to the ends is no faster.)
        let items = items.iter().map(|item| (item.extent.start(), *item)).collect();
        Self { transaction, items }
    }

    /// The transaction whose state this is.
    #[must_use]
    pub fn transaction(&self) -> TransactionId {
        self.transaction
    }

    /// The extents that have an address in `range`, in the order of their addresses. An extent that reaches
    /// beyond `range` is listed whole.
    ///
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    /// let tree = ExtentTree::new();
    /// let (first, second) = (LogicalRange::new(0, 8192)?, LogicalRange::new(8192, 4096)?);
    /// let _ = tree.apply(&[first, second].map(|extent| FoldedRef { extent, change: 1 }))?;
    /// let root = tree.candidate(TransactionId(1));
    /// let page = LogicalRange::new(4096, 4096)?;
    /// assert_eq!(root.extents_in(page).collect::<Vec<_>>(), [first]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extents_in(&self, range: LogicalRange) -> impl Iterator<Item = LogicalRange> + '_ {
        let first = first_overlapping(&self.items, range);
        let start = first.map_or(range.end(), |item| item.extent.start());
        // Not an empty range of keys even then: that would be a panic.
        let items = self.items.range(start.min(range.end() - 1)..range.end());
        items.map(|(_, item)| item.extent).filter(move |extent| extent.overlaps(&range))
    }

    /// All extents with their references, in the order of their addresses: what is to be stored, for
    /// [`CommitRoot::from_items`] or [`VolumeBuilder::last_root`](crate::VolumeBuilder::last_root) of a later run.
    ///
    /// ```
    /// # use blockgate::{DelayedRef, LogicalRange, Transactions};
    /// # let (transactions, extent) = (Transactions::default(), LogicalRange::new(0, 4096)?);
    /// transactions.join()?.push_all(&[DelayedRef::add(extent), DelayedRef::add(extent)]);
    /// let root = transactions.commit()?;
    /// let mut file = format!("{}\n", root.transaction().0);
    /// for item in root.items() {
    ///     file += &format!("{} {} {}\n", item.extent.start(), item.extent.len(), item.references);
    /// }
    /// assert_eq!(file, "1\n0 4096 2\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn items(&self) -> impl Iterator<Item = ExtentItem> + '_ {
        self.items.values().copied()
    }

    /// What the tree knows of the extent that starts at `start`.
    ///
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    /// let (tree, extent) = (ExtentTree::new(), LogicalRange::new(4096, 4096)?);
    /// let _ = tree.apply(&[FoldedRef { extent, change: 1 }])?;
    /// let root = tree.candidate(TransactionId(1));
    /// assert_eq!(root.get(4096).map(|item| item.references), Some(1));
    /// assert_eq!(root.get(5000), None); // within the extent, not its start
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn get(&self, start: LogicalAddress) -> Option<ExtentItem> {
        self.items.get(&start).copied()
    }

    /// How many extents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.size()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The tree with `refs` applied: what a commit would make of them.
    ///
    /// # Errors
    /// As [`ExtentTree::apply`].
    ///
    /// # Example
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    /// let (root, extent) = (ExtentTree::new().commit_root(), LogicalRange::new(0, 4096)?);
    /// let next = root.with(&[FoldedRef { extent, change: 1 }])?;
    /// assert_eq!((root.len(), next.len()), (0, 1));
    /// assert_eq!(next.transaction(), TransactionId(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(&self, refs: &[FoldedRef]) -> Result<Self, RefError> {
        let (items, _) = applied(&self.items, refs)?;
        Ok(Self { transaction: TransactionId(self.transaction.0 + 1), items })
    }

    /// What a commit of `refs` would change.
    pub(crate) fn changes(&self, refs: &[FoldedRef]) -> Result<Changes, RefError> {
        applied(&self.items, refs).map(|(_, changes)| changes)
    }
}

/// `items` in the order of their addresses, where they can be the root of `transaction`.
pub(crate) fn sorted(
    transaction: TransactionId,
    items: impl IntoIterator<Item = ExtentItem>,
) -> Result<Vec<ExtentItem>, RootError> {
    if transaction.0 > MOST {
        return Err(RootError::Transaction { transaction });
    }
    let mut items: Vec<_> = items.into_iter().collect();
    if let Some(ExtentItem { extent, references }) =
        items.iter().find(|item| !(1..=MOST).contains(&item.references))
    {
        return Err(RootError::References { extent: *extent, references: *references });
    }
    // One pass where they are in order already.
    items.sort_unstable_by_key(|item| item.extent);
    match items.windows(2).find(|pair| pair[0].extent.overlaps(&pair[1].extent)) {
        Some(pair) => Err(RootError::Overlap { one: pair[0].extent, other: pair[1].extent }),
        None => Ok(items),
    }
}

/// The most references and transactions that a stored root may have. From there on none can count up to an overflow.
const MOST: u64 = i64::MAX.unsigned_abs();

/// Why stored items are no commit root.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::extent_tree::{ExtentItem, RootError};
/// use blockgate::{CommitRoot, LogicalRange, TransactionId};
///
/// let (one, other) = (LogicalRange::new(0, 8192)?, LogicalRange::new(4096, 4096)?);
/// let items = [one, other].map(|extent| ExtentItem { extent, references: 1 });
/// match CommitRoot::from_items(TransactionId(7), items) {
///     Err(RootError::Overlap { one, .. }) => assert_eq!(one.start(), 0), // is the root before it whole?
///     outcome => unreachable!("{outcome:?}"),
/// }
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootError {
    /// Two extents have addresses in common.
    Overlap {
        /// One.
        one: LogicalRange,
        /// The other.
        other: LogicalRange,
    },
    /// An extent has no reference, or more than 2^63 - 1.
    References {
        /// The extent.
        extent: LogicalRange,
        /// How many references it has.
        references: u64,
    },
    /// The transaction has a number from which later ones could not be counted: 2^63 or more.
    Transaction {
        /// The transaction.
        transaction: TransactionId,
    },
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap { one, other } => {
                write!(f, "extents {one} and {other} overlap: the root is damaged, open an older one")
            }
            Self::References { extent, references: 0 } => {
                write!(f, "extent {extent} has no reference: leave it out, or count what refers to it")
            }
            Self::References { extent, references } => write!(
                f,
                "extent {extent} has {references} references, more than 2^63 - 1: the root is damaged, open an older one"
            ),
            Self::Transaction { transaction } => write!(
                f,
                "a root of {transaction} cannot be the last one, since numbers end at 2^63 - 1: it is damaged, open an older one"
            ),
        }
    }
}

impl std::error::Error for RootError {}

/// What a commit changed, by extent, each list in the order of addresses: the owner of the space must
/// book it, in the commit's [steps](crate::transaction::CommitSteps). Where an extent took the place of another in one commit, both lists have those bytes.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::delayed_ref::FoldedRef;
/// use blockgate::{ExtentTree, LogicalRange};
///
/// let tree = ExtentTree::new();
/// let (kept, given_up) = (LogicalRange::new(0, 4096)?, LogicalRange::new(4096, 4096)?);
/// let refs = [FoldedRef { extent: kept, change: 1 }, FoldedRef { extent: given_up, change: 0 }];
/// let changes = tree.apply(&refs)?;
/// assert_eq!(changes.inserted, [kept]); // books these as used,
/// assert_eq!(changes.cancelled, [given_up]); // and frees these
/// assert!(tree.apply(&[])?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[must_use = "space that is not booked is lost"]
pub struct Changes {
    /// Extents whose item is new: reserved bytes become used ones.
    pub inserted: Vec<LogicalRange>,
    /// Extents whose last reference went: used bytes become pinned ones, free once the commit is done.
    pub removed: Vec<LogicalRange>,
    /// Extents that came and went between two commits: reserved bytes become pinned ones.
    pub cancelled: Vec<LogicalRange>,
    /// Extents whose item stays, with another number of references: no byte changes its use, but what is stored of a
    /// root must follow.
    pub recounted: Vec<LogicalRange>,
}

impl Changes {
    /// Reports each change of an item.
    pub(crate) fn report(&self) {
        for &extent in &self.inserted {
            emit(|| Event::ChangeItem { extent, inserted: true });
        }
        for &extent in &self.removed {
            emit(|| Event::ChangeItem { extent, inserted: false });
        }
    }

    /// The bytes that are in use from this commit on: of the new items, without those of the old ones.
    ///
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange};
    /// let tree = ExtentTree::new();
    /// let (half, whole) = (LogicalRange::new(0, 4096)?, LogicalRange::new(0, 8192)?);
    /// let _ = tree.apply(&[FoldedRef { extent: half, change: 1 }])?;
    /// let refs = [FoldedRef { extent: half, change: -1 }, FoldedRef { extent: whole, change: 1 }];
    /// let grown = tree.apply(&refs)?;
    /// assert_eq!(grown.bytes_inserted(), [LogicalRange::new(4096, 4096)?]); // the rest was in use
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bytes_inserted(&self) -> Vec<LogicalRange> {
        without(&self.inserted, &self.removed)
    }

    /// The bytes that are in use no more: of the old items, without those of the new ones.
    ///
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange, TransactionId};
    /// let tree = ExtentTree::new();
    /// let (whole, half) = (LogicalRange::new(0, 8192)?, LogicalRange::new(0, 4096)?);
    /// let _ = tree.apply(&[FoldedRef { extent: whole, change: 1 }])?;
    /// let refs = [FoldedRef { extent: whole, change: -1 }, FoldedRef { extent: half, change: 1 }];
    /// let cut = tree.apply(&refs)?;
    /// assert_eq!(cut.removed, [whole]); // the item is gone, but of its bytes only the second half
    /// assert_eq!(cut.bytes_removed(), [LogicalRange::new(4096, 4096)?]);
    /// assert_eq!(cut.bytes_inserted(), []);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bytes_removed(&self) -> Vec<LogicalRange> {
        without(&self.removed, &self.inserted)
    }

    /// The bytes that were to be used and never were.
    ///
    /// ```
    /// # use blockgate::delayed_ref::FoldedRef;
    /// # use blockgate::{ExtentTree, LogicalRange};
    /// let tree = ExtentTree::new();
    /// let extent = LogicalRange::new(0, 4096)?;
    /// let changes = tree.apply(&[FoldedRef { extent, change: 0 }])?; // added, and dropped again
    /// assert_eq!(changes.bytes_cancelled(), [extent]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn bytes_cancelled(&self) -> Vec<LogicalRange> {
        // An extent and parts of it may have come and gone: each byte is listed once.
        without(&without(&merged(&self.cancelled), &self.removed), &self.inserted)
    }

    /// Whether no extent item came, went or changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.inserted, &self.removed, &self.cancelled, &self.recounted].iter().all(|list| list.is_empty())
    }
}

/// The bytes of `ranges`, which are in the order of their addresses and may overlap.
fn merged(ranges: &[LogicalRange]) -> Vec<LogicalRange> {
    let mut merged: Vec<LogicalRange> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.overlaps(range) => {
                *last = LogicalRange::between(last.start(), last.end().max(range.end()));
            }
            _ => merged.push(*range),
        }
    }
    merged
}

/// The bytes of `ranges` that are in none of `others`. In each list, ranges are in the order of their
/// addresses and do not overlap.
fn without(ranges: &[LogicalRange], others: &[LogicalRange]) -> Vec<LogicalRange> {
    let (mut left, mut first) = (Vec::new(), 0);
    for range in ranges {
        first += others[first..].partition_point(|other| other.end() <= range.start());
        let mut start = range.start();
        for other in others[first..].iter().take_while(|other| other.start() < range.end()) {
            if start < other.start() {
                left.push(LogicalRange::between(start, other.start()));
            }
            start = other.end();
        }
        if start < range.end() {
            left.push(LogicalRange::between(start, range.end()));
        }
    }
    left
}

/// A reference change that does not fit the tree.
///
/// Part of the proof: [transactions](crate::proof::transaction).
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, RefError, Transactions};
///
/// let transactions = Transactions::default();
/// let (whole, part) = (LogicalRange::new(0, 8192)?, LogicalRange::new(0, 4096)?);
/// transactions.join()?.push(DelayedRef::add(whole));
/// transactions.commit()?;
/// transactions.join()?.push(DelayedRef::add(part)); // a defect of the caller
/// let error = transactions.commit().unwrap_err();
/// assert_eq!(error.ref_error(), Some(RefError::Overlaps { extent: part, other: whole }));
/// assert_eq!(transactions.commit_root().len(), 1); // the last commit root stands
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefError {
    /// More references would be dropped than there are (or counted than a `u64` holds).
    Unbalanced {
        /// The extent.
        extent: LogicalRange,
        /// How many references it has.
        references: u64,
        /// The sum of the changes.
        change: i64,
    },
    /// The extent overlaps another one.
    Overlaps {
        /// The extent of the delayed ref.
        extent: LogicalRange,
        /// The extent in the tree, or one that is queued.
        other: LogicalRange,
    },
    /// The extent has no reference, in the tree or queued. Only checked changes say so: see
    /// [`TransactionHandle::change`](crate::TransactionHandle::change).
    NoReference {
        /// The extent.
        extent: LogicalRange,
    },
}

impl fmt::Display for RefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced { extent, references, change } => write!(
                f,
                "extent {extent} has {references} references, and {change:+} was queued: each reference \
                 is dropped once, by the owner that added it"
            ),
            Self::NoReference { extent } => write!(
                f,
                "extent {extent} has no reference: it was never added, or all were dropped, each once by its owner"
            ),
            Self::Overlaps { extent, other } => {
                write!(
                    f,
                    "a reference to {extent} was queued, which overlaps the extent {other}: queue whole extents"
                )
            }
        }
    }
}

impl std::error::Error for RefError {}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;

    fn range(start: u64, length: u64) -> LogicalRange {
        LogicalRange::new(start, length).expect("a range")
    }

    fn change(extent: LogicalRange, change: i64) -> FoldedRef {
        FoldedRef { extent, change }
    }

    #[test]
    fn the_first_reference_inserts_and_the_last_removes() {
        let (tree, extent) = (ExtentTree::new(), range(8, 8));
        assert_eq!(tree.apply(&[change(extent, 2)]).expect("fits").inserted, [extent]);
        let recounted = Changes { recounted: vec![extent], ..Changes::default() };
        assert_eq!(tree.apply(&[change(extent, -1)]), Ok(recounted));
        assert_eq!(tree.apply(&[change(extent, -1)]).expect("fits").removed, [extent]);
        assert_eq!(tree.apply(&[change(extent, 0)]).expect("fits").cancelled, [extent]);
    }

    #[test]
    fn bytes_that_change_their_extent_are_neither_new_nor_gone() {
        let (whole, halves) = (range(8, 8), [range(8, 4), range(12, 4)]);
        let tree = ExtentTree::new();
        let _ = tree.apply(&[change(whole, 1)]).expect("fits");
        let refs = [change(halves[0], 0), change(whole, -1), change(halves[1], 1), change(range(16, 8), 1)];
        let changes = tree.apply(&refs).expect("what goes, goes first");
        assert_eq!(changes.bytes_inserted(), [range(16, 8)]);
        assert_eq!(changes.bytes_removed(), [halves[0]]);
        assert_eq!(changes.bytes_cancelled(), []);
    }

    #[test]
    fn bytes_that_came_and_went_twice_are_listed_once() {
        let (tree, halves) = (ExtentTree::new(), [range(8, 4), range(12, 4)]);
        let refs =
            [change(halves[0], 0), change(range(8, 8), 0), change(halves[1], 1), change(range(16, 4), 0)];
        let changes = tree.apply(&refs).expect("fits");
        assert_eq!(changes.bytes_cancelled(), [halves[0], range(16, 4)]);
    }

    #[test]
    fn an_error_leaves_the_tree_as_it_was() {
        let tree = ExtentTree::new();
        let refs = [change(range(0, 8), 1), change(range(8, 8), -1)];
        assert!(matches!(tree.apply(&refs), Err(RefError::Unbalanced { references: 0, .. })));
        assert!(tree.candidate(TransactionId(1)).is_empty());
    }

    #[test]
    fn extents_may_not_overlap() {
        let tree = ExtentTree::new();
        let _ = tree.apply(&[change(range(8, 8), 1)]).expect("fits");
        for other in [range(8, 4), range(8, 16), range(0, 9), range(12, 1), range(15, 8), range(0, 64)] {
            assert!(matches!(tree.apply(&[change(other, 1)]), Err(RefError::Overlaps { .. })), "{other}");
        }
        for other in [range(0, 8), range(16, 1)] {
            assert!(tree.apply(&[change(other, 1)]).is_ok(), "{other}");
        }
    }

    #[test]
    fn a_root_lists_what_overlaps_and_does_not_change() {
        let tree = ExtentTree::new();
        let _ = tree.apply(&[change(range(0, 8), 1), change(range(16, 8), 1), change(range(24, 8), 1)]);
        tree.switch_commit_root(tree.candidate(TransactionId(1)));
        let root = tree.commit_root();
        let _ = tree.apply(&[change(range(16, 8), -1)]);
        let list = |a, b| root.extents_in(range(a, b)).map(|e| e.start()).collect::<Vec<_>>();
        assert_eq!(list(0, 32), [0, 16, 24]);
        assert_eq!(list(4, 1), [0]);
        assert_eq!(list(8, 8), []);
        assert_eq!(list(23, 2), [16, 24]);
        assert_eq!(list(32, u64::MAX - 32), []);
        assert_eq!(list(0, u64::MAX), [0, 16, 24]);
    }

    #[test]
    #[should_panic(expected = "T2")]
    fn the_commit_root_never_goes_back() {
        let tree = ExtentTree::new();
        tree.switch_commit_root(tree.candidate(TransactionId(2)));
        tree.switch_commit_root(tree.candidate(TransactionId(1)));
    }
}
