//! The protocol of `docs/protocol.md` as a sequential machine, without shards, locks or memory orderings:
//! who may do which step when (rules go by their names in `docs/`), and what the step changes.

pub mod explore;

use std::collections::{BTreeMap, BTreeSet};

use blockgate::{BlockGroupId, Event, LogicalAddress, LogicalRange};

/// Tells apart who does a step. Who holds two alike is two roles.
pub type Role = usize;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Specification {
    groups: Vec<LogicalRange>, // in the order of their numbers and addresses
    reservations: BTreeSet<(Role, BlockGroupId, Option<LogicalRange>)>, // and its space, once it has
    nocow_writers: BTreeSet<(Role, BlockGroupId)>,
    ordered: BTreeSet<LogicalRange>,
    handles: BTreeSet<Role>,
    committer: Option<Role>,
    has_failed: bool,                             // a commit: there is no other
    pub is_closed: bool, // from the run of the refs to the opening; permanently, if the commit fails before it
    pub run: u64, // the number of the last transaction whose refs were run: taken, and switched to later
    pub refs: BTreeMap<LogicalRange, (i64, i64)>, // of each extent: those that were run, and those queued
    pub tree: BTreeSet<LogicalRange>,
    pub commit_root: BTreeSet<LogicalRange>,
    pub committed: u64, // the number of the transaction whose state the commit root is
    drains: BTreeSet<(Role, BlockGroupId, &'static str)>, // levels of read-only, and what was done in them
    pub to_copy: BTreeMap<(Role, BlockGroupId), BTreeSet<LogicalRange>>, // by every root since its wait
    may_copy: BTreeMap<(Role, BlockGroupId), BTreeSet<LogicalRange>>, // by the first of them, and no more
    pub cursor: LogicalAddress,
    pub missing: BTreeSet<LogicalRange>, // written to the source, and not on the target
}

impl Specification {
    pub fn new(groups: &[LogicalRange]) -> Self {
        Self { groups: groups.to_vec(), ..Self::default() }
    }

    /// `role` does `event`. Returns the rules that it breaks; what it changes is changed all the same.
    #[expect(clippy::too_many_lines, reason = "the protocol is read from top to bottom")]
    pub fn step(&mut self, role: Role, event: Event) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let mut must = |rule, holds: bool| broken.extend((!holds).then_some(rule));
        let (holds_handle, commits) = (self.handles.contains(&role), self.committer == Some(role));
        let in_flight = |bytes| self.ordered.iter().any(|ordered| ordered.overlaps(&bytes));
        let has_done = |what, group| self.drains.contains(&(role, group, what));
        let index_of = |bytes| self.groups.iter().position(|group| group.contains(&bytes));
        let group_of = |bytes| BlockGroupId(index_of(bytes).unwrap_or(usize::MAX) as u64);
        match event {
            // Writers: admission, ordered extent, I/O.
            Event::BeginReservation { group } => {
                must("O1: the group is read-write", self.drains.iter().all(|drain| drain.1 != group));
                self.reservations.insert((role, group, None));
            }
            Event::NoSpace { group } => must("O14: held", self.reservations.remove(&(role, group, None))),
            Event::Allocate { group, extent } => {
                let reserved = self.reservations.iter().filter_map(|held| held.2.as_ref());
                let listed = self.ordered.iter().chain(self.refs.keys()).chain(&self.commit_root);
                let is_free = !reserved.chain(listed).any(|used| used.overlaps(&extent));
                must("B4: the space is free", is_free && group_of(extent) == group);
                must("O1: it has a reservation", self.reservations.remove(&(role, group, None)));
                self.reservations.insert((role, group, Some(extent)));
            }
            Event::EndReservation { group, extent, kept } => {
                must("O2: ordered first", kept == (in_flight(extent) || self.refs.contains_key(&extent)));
                must("O14: held", self.reservations.remove(&(role, group, Some(extent))));
            }
            Event::BeginNocow { group } => {
                must("O5: the group is read-write", self.drains.iter().all(|drain| drain.1 != group));
                self.nocow_writers.insert((role, group));
            }
            Event::EndNocow { group } => must("O14: held", self.nocow_writers.remove(&(role, group))),
            Event::AddOrdered { extent } => {
                let (group, old) = (group_of(extent), self.refs.contains_key(&extent));
                must("O2: it is reserved", old || self.reservations.contains(&(role, group, Some(extent))));
                must("O6: it is a NOCOW writer", !old || self.nocow_writers.contains(&(role, group)));
                must("A3: nobody else writes there", !in_flight(extent));
                self.ordered.insert(extent);
            }
            Event::Write { extent, both } => {
                must("O3: it is ordered", self.ordered.iter().any(|ordered| ordered.contains(&extent)));
                must("V2: to both devices behind the cursor", both == (extent.start() < self.cursor));
                self.missing.retain(|missing| !extent.contains(missing));
                self.missing.extend((!both).then_some(extent));
            }
            Event::RemoveOrdered { extent, failed } => {
                must("O4: its ref is queued first", failed || self.refs.contains_key(&extent));
                must("O14: held", self.ordered.remove(&extent));
            }
            // Transactions: handles, delayed refs, commits.
            Event::Join => {
                must("C4: the transaction is open", !self.is_closed);
                must("O11: it holds no other handle", self.handles.insert(role));
            }
            Event::QueueRef { extent, add, transaction } => {
                must("C2: it holds a handle", holds_handle);
                must("C2: in the transaction that it joined", transaction.0 == self.run + 1);
                must("A3: nobody writes to what it drops", add || !in_flight(extent));
                self.refs.entry(extent).or_default().1 += if add { 1 } else { -1 };
            }
            Event::EndTransaction => must("O14: held", self.handles.remove(&role)),
            Event::CloseTransaction => {
                must("O11: it holds no handle", !holds_handle);
                must("C1: no commit is at work, or failed", self.committer.is_none() && !self.has_failed);
                self.committer = Some(role);
                // Whoever waits by now is served by this commit, whether it commits or another role does.
                let waited: Vec<_> =
                    self.drains.iter().filter(|drain| drain.2 == "ordered").copied().collect();
                self.drains.extend(waited.into_iter().map(|(role, group, _)| (role, group, "committing")));
            }
            Event::RunRefs { transaction } => {
                must("C1: it commits the running one", commits && transaction.0 == self.committed + 1);
                must("C3: no handle is left", self.handles.is_empty());
                self.refs.values_mut().for_each(|(run, queued)| *run += std::mem::take(queued));
                must("D1: what is dropped was added", self.refs.values().all(|(run, _)| *run >= 0));
                self.refs.retain(|_, (run, _)| *run > 0);
                (self.is_closed, self.run) = (true, transaction.0);
            }
            Event::ChangeItem { extent, inserted } => {
                let is_change = if inserted { self.tree.insert(extent) } else { self.tree.remove(&extent) };
                must("C1: it commits, and ran the refs", commits && self.is_closed);
                must("D1: by its refs", is_change && inserted == self.refs.contains_key(&extent));
            }
            Event::OpenTransaction => {
                must("C4: it commits, and ran the refs", commits && self.is_closed);
                must("D1: all refs were applied", self.tree.iter().eq(self.refs.keys()));
                self.is_closed = false;
            }
            Event::SwitchRoot { from, to } => {
                must("C1: it commits, and ran the refs", commits && self.run == self.committed + 1);
                must("C4: it has opened", !self.is_closed);
                must("T2: to the next root", (from.0, to.0) == (self.committed, self.committed + 1));
                (self.committed, self.commit_root) = (to.0, self.tree.clone());
                self.committer = None;
                for &(role, group, _) in self.drains.iter().filter(|drain| drain.2 == "committing") {
                    let listed = self.commit_root.iter().copied().filter(|one| group_of(*one) == group);
                    let left = self.to_copy.entry((role, group)).or_insert_with(|| listed.collect());
                    let gone: Vec<_> = left.difference(&self.commit_root).copied().collect();
                    left.retain(|extent| self.commit_root.contains(extent));
                    self.may_copy.entry((role, group)).or_default().extend(gone);
                }
            }
            Event::Abort => {
                must("C1: it commits", commits);
                (self.committer, self.has_failed) = (None, true);
            }
            // The replace: the steps of the drain.
            Event::SetReadOnly { group, .. } => _ = self.drains.insert((role, group, "read-only")),
            Event::WaitReservations { group, .. } | Event::WaitNocowWriters { group, .. } => {
                let nocow = matches!(event, Event::WaitNocowWriters { .. });
                let is_reserved = self.reservations.iter().any(|one| one.1 == group);
                let is_overwritten = self.nocow_writers.iter().any(|one| one.1 == group);
                must("O7: it has set the group read-only", has_done("read-only", group));
                must("O11: it holds no handle", !holds_handle);
                must("R1: nobody is left", if nocow { !is_overwritten } else { !is_reserved });
                self.drains.insert((role, group, if nocow { "NOCOW" } else { "reservations" }));
            }
            Event::WaitOrdered { range, .. } if has_done("read-only", group_of(range)) => {
                let group = group_of(range);
                must("O11: it holds no handle", !holds_handle);
                must("O8: after step 2", has_done("reservations", group) && has_done("NOCOW", group));
                must("O9: before its commit", !commits);
                must("R2: no ordered extent is left", !in_flight(range));
                self.drains.insert((role, group, "ordered"));
            }
            Event::Copy { extent } => {
                let drain = (role, group_of(extent));
                must("O9: it has committed after the waits", self.to_copy.contains_key(&drain));
                let (must_copy, may_copy) = (self.to_copy.get(&drain), self.may_copy.get(&drain));
                let left = must_copy.into_iter().chain(may_copy).flatten().filter(|one| extent.contains(one));
                must("O10: in the root, once", left.map(LogicalRange::len).sum::<u64>() == extent.len());
                must("R2: nobody writes to it", !in_flight(extent));
                for copied in [&mut self.to_copy, &mut self.may_copy] {
                    copied.entry(drain).and_modify(|left| left.retain(|one| !extent.contains(one)));
                }
                self.missing.retain(|missing| !extent.contains(missing));
            }
            Event::FinishCopy { group, .. } => {
                let left = self.to_copy.remove(&(role, group));
                must("O9: it has committed after the waits", left.is_some());
                must("O12: nothing is left to copy", left.is_none_or(|left| left.is_empty()));
                self.drains.insert((role, group, "copied"));
            }
            Event::MoveCursor { to: 0 } => self.cursor = 0, // the target is given up
            Event::MoveCursor { to: u64::MAX } if self.cursor == 0 => self.cursor = u64::MAX, // all are cloned
            Event::MoveCursor { to } => {
                let next = self.groups.iter().take_while(|group| group.end() <= self.cursor).count();
                must("A5: past the next group", self.groups.get(next).is_some_and(|group| group.end() == to));
                must("O13: the group is read-only", has_done("read-only", BlockGroupId(next as u64)));
                must("O12: all is copied", has_done("copied", BlockGroupId(next as u64)));
                self.cursor = to;
            }
            Event::SetReadWrite { group } => {
                must("O14: held", has_done("read-only", group));
                self.drains.retain(|drain| (drain.0, drain.1) != (role, group));
                _ = (self.to_copy.remove(&(role, group)), self.may_copy.remove(&(role, group)));
            }
            // Since when the group is read-only, or since when it waits outside of a drain, is no event.
            Event::Refused { .. } | Event::WaitOrdered { .. } => {}
            _ => must("step: it is one of the protocol's", false),
        }
        broken
    }

    /// Whether everything that was taken was given up.
    pub fn is_over(&self) -> bool {
        let held = self.reservations.len() + self.nocow_writers.len() + self.ordered.len();
        held + self.handles.len() + self.drains.len() == 0 && self.committer.is_none()
    }

    /// Live extents behind the cursor whose newest bytes are not on the target.
    pub fn lost(&self) -> impl Iterator<Item = &LogicalRange> {
        let live = self.refs.iter().filter(|(_, (run, queued))| run + queued > 0).map(|(extent, _)| extent);
        live.filter(|extent| self.missing.iter().any(|one| one.start() < self.cursor && one.overlaps(extent)))
    }
}
