//! What the roles ask of the specification, and only they.

use blockgate::{BlockGroupId, LogicalRange, TransactionId};

use crate::specification::{Refs, Reservation, Role, Specification};

impl Specification {
    /// An extent that is there from the beginning.
    pub fn give(&mut self, extent: LogicalRange, references: i64) {
        self.refs.insert(extent, Refs { run: references, queued: 0 });
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

    /// Whether `role` has a reservation to which no space was allocated yet.
    pub fn has_reserved(&self, role: Role, group: BlockGroupId) -> bool {
        self.reservations.contains(&Reservation { role, group, extent: None })
    }

    /// A change of the tree that the commit at work has not made yet.
    pub fn next_change(&self) -> Option<(LogicalRange, bool)> {
        let inserted = self.run_extents().find(|extent| !self.tree.contains(extent));
        let removed = self.tree.iter().find(|extent| !self.is_run(**extent));
        inserted.map(|extent| (*extent, true)).or(removed.map(|extent| (*extent, false)))
    }

    /// What `role` copies next in `group`.
    pub fn next_to_copy(&self, role: Role, group: BlockGroupId) -> Option<LogicalRange> {
        self.left_to_copy(role, group)?.0.first().copied()
    }
}
