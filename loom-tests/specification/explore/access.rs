//! What the programs of the roles ask of the specification, and only they.

use blockgate::{LogicalAddress, LogicalRange, TransactionId};

use super::{Role, Specification, units};
use blockgate::Event;

impl Specification {
    /// An extent that is there from the beginning.
    pub fn give(&mut self, extent: LogicalRange) {
        self.live.insert(extent, 1);
        self.committed.1.insert(extent);
        self.on_source_only.extend(units(extent));
    }

    /// Does `event`, whether or not it is allowed.
    pub fn step_anyway(&mut self, role: Role, event: Event) {
        self.waived = true;
        // What cannot be done has no effect.
        let _ = self.step(role, event);
        self.waived = false;
    }

    pub fn cursor(&self) -> LogicalAddress {
        self.cursor
    }

    pub fn running(&self) -> TransactionId {
        TransactionId(self.committed.0 + 1)
    }

    pub fn committed(&self) -> TransactionId {
        TransactionId(self.committed.0)
    }

    /// A change that the commit at work has not made yet.
    pub fn next_change(&self) -> Option<(LogicalRange, bool)> {
        let changes = self.commit.as_ref()?.changes.as_ref()?;
        changes.first_key_value().map(|(extent, inserted)| (*extent, *inserted))
    }

    /// What the drain of `role` has left to copy.
    pub fn next_to_copy(&self, role: Role) -> Option<LogicalRange> {
        let drain = self.drains.iter().find(|drain| drain.role == role)?;
        drain.to_copy.as_ref()?.first().copied()
    }
}
