//! What the programs of the roles ask of the specification, and only they.

use blockgate::{LogicalRange, TransactionId};

use crate::specification::{Role, Specification};

impl Specification {
    /// An extent that is there from the beginning.
    pub fn give(&mut self, extent: LogicalRange) {
        self.refs.insert(extent, (1, 0));
        self.tree.insert(extent);
        self.commit_root.insert(extent);
        self.missing.insert(extent);
    }

    pub fn running(&self) -> TransactionId {
        TransactionId(self.run + 1)
    }

    pub fn committed(&self) -> TransactionId {
        TransactionId(self.committed)
    }

    /// Whether a commit that began after the waits of `role`'s drain is complete.
    pub fn is_served(&self, role: Role) -> bool {
        self.to_copy.keys().any(|(who, _)| *who == role)
    }

    /// A change of the tree that the commit at work has not made yet.
    pub fn next_change(&self) -> Option<(LogicalRange, bool)> {
        let inserted = self.refs.keys().find(|extent| !self.tree.contains(extent));
        let removed = self.tree.iter().find(|extent| !self.refs.contains_key(extent));
        inserted.map(|extent| (*extent, true)).or(removed.map(|extent| (*extent, false)))
    }

    /// What the drain of `role` has left to copy.
    pub fn next_to_copy(&self, role: Role) -> Option<LogicalRange> {
        self.to_copy.iter().find(|((who, _), _)| *who == role)?.1.first().copied()
    }
}
