//! The steps of transactions: join, refs, commit.

use std::collections::BTreeMap;

use blockgate::{LogicalRange, TransactionId};

use super::{Commit, Role, Rule, Specification, Violation, take};

type Step = Result<(), Violation>;

impl Specification {
    /// Who joins while a commit waits for handles had entered before it closed the transaction.
    pub(super) fn join(&mut self, role: Role) -> Step {
        let is_open = self.commit.as_ref().is_none_or(|commit| commit.changes.is_none()) && !self.aborted;
        self.must(Rule::Handle, is_open, || "joined while the delayed refs are run".into())?;
        self.handles.push(role);
        Ok(())
    }

    pub(super) fn queue_ref(
        &mut self,
        role: Role,
        extent: LogicalRange,
        add: bool,
        transaction: TransactionId,
    ) -> Step {
        self.must(Rule::Handle, self.is_running(transaction), || format!("queued in {transaction}"))?;
        let has_handle = self.handles.contains(&role);
        self.must(Rule::Handle, has_handle, || format!("the ref of {extent} without a handle"))?;
        *self.delayed.entry(extent).or_default() += if add { 1 } else { -1 };
        Ok(())
    }

    pub(super) fn end_transaction(&mut self, role: Role) -> Step {
        let ended = take(&mut self.handles, |one| *one == role);
        self.must(Rule::O14, ended.is_some(), || "ended a handle that it does not hold".into())
    }

    pub(super) fn close_transaction(&mut self, role: Role) -> Step {
        self.must(Rule::OneCommit, self.commit.is_none() && !self.aborted, String::new)?;
        self.must_hold_no_handle(role)?;
        self.commit = Some(Commit { role, changes: None });
        for drain in self.drains.iter_mut().filter(|drain| drain.role == role) {
            drain.commits = drain.waited_ordered;
        }
        Ok(())
    }

    pub(super) fn run_refs(&mut self, role: Role, transaction: TransactionId) -> Step {
        self.must(Rule::Refs, self.handles.is_empty(), || format!("held by {:?}", self.handles))?;
        self.must(Rule::Root, self.is_running(transaction), || format!("{transaction}"))?;
        let mut changes = BTreeMap::new();
        for (extent, change) in std::mem::take(&mut self.delayed) {
            let before = self.live.get(&extent).copied().unwrap_or(0);
            let after = before + change;
            self.must(Rule::Refs, after >= 0, || format!("{extent} would have {after} references"))?;
            if (before == 0) != (after == 0) {
                changes.insert(extent, before == 0);
            }
            self.live.insert(extent, after);
        }
        self.live.retain(|_, references| *references > 0);
        self.own_commit(role)?.changes = Some(changes);
        Ok(())
    }

    pub(super) fn change_item(&mut self, role: Role, extent: LogicalRange, inserted: bool) -> Step {
        let changes = self.own_commit(role)?.changes.as_mut();
        let meant = changes.and_then(|changes| changes.remove(&extent));
        self.must(Rule::Refs, meant == Some(inserted), || format!("{extent} inserted: {inserted}"))
    }

    pub(super) fn switch_root(&mut self, role: Role, from: TransactionId, to: TransactionId) -> Step {
        let is_complete = self.own_commit(role)?.changes.as_ref().is_some_and(BTreeMap::is_empty);
        self.must(Rule::Refs, is_complete, || format!("{:?} are left", self.commit))?;
        let is_next = from.0 == self.committed.0 && self.is_running(to);
        self.must(Rule::Root, is_next, || format!("{from} to {to}"))?;
        self.commit = None;
        self.committed = (to.0, self.live.keys().copied().collect());
        self.committed_for(role);
        Ok(())
    }

    pub(super) fn abort(&mut self, role: Role) -> Step {
        self.own_commit(role)?;
        (self.commit, self.aborted) = (None, true);
        Ok(())
    }

    pub(super) fn must_hold_no_handle(&self, role: Role) -> Step {
        self.must(Rule::O11, !self.handles.contains(&role), || "it holds one".into())
    }

    fn own_commit(&mut self, role: Role) -> Result<&mut Commit, Violation> {
        let own = self.commit.as_mut().filter(|commit| commit.role == role);
        own.ok_or_else(|| Violation { rule: Rule::OneCommit, detail: "it is not the one who commits".into() })
    }

    fn is_running(&self, transaction: TransactionId) -> bool {
        transaction.0 == self.committed.0 + 1
    }
}
