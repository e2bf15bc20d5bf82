//! The protocol of `docs/protocol.md` as a sequential machine, without shards, locks or memory orderings:
//! which role may do which step when (rules go by their names in `docs/`), and what the step changes.

use std::collections::{BTreeMap, BTreeSet};

use blockgate::{BlockGroupId, Event, LogicalAddress, LogicalRange};

use crate::byte_set::ByteSet;

mod none_running;

/// A number for each role that does steps. What holds two tokens alike is two roles.
pub type Role = usize;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Specification {
    groups: Vec<LogicalRange>, // in the order of their numbers and addresses
    pub reservations: BTreeSet<Reservation>,
    nocow_writers: BTreeSet<(Role, BlockGroupId)>,
    ordered: BTreeMap<LogicalRange, usize>, // how many: two owners may look at once, and then one writes
    handles: BTreeSet<Role>,
    commit: Commit,
    pub refs: BTreeMap<LogicalRange, Refs>, // of each extent
    pub tree: BTreeSet<LogicalRange>,
    pub commit_root: BTreeSet<LogicalRange>,
    pub run: u64, // the number of the last transaction whose refs were run: taken, and switched to later
    pub committed: u64, // the number of the transaction whose state the commit root is
    pub drains: BTreeMap<(Role, BlockGroupId), Drain>,
    pub cursor: LogicalAddress,
    pub missing: ByteSet, // written to the source, and not on the target
    unwritten: ByteSet,   // of new extents that are ordered
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    pub role: Role,
    pub group: BlockGroupId,
    pub extent: Option<LogicalRange>, // once it is allocated
}

/// The commit at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Commit {
    #[default]
    None,
    Waits(Role),   // for the handles that are left
    RanRefs(Role), // and the next transaction is closed until it opens that
    Opened(Role),  // and is to switch the root
    Failed {
        is_open: bool,
    }, // and no other can follow; a role that it let in may report so later
}

/// References of an extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Refs {
    pub run: i64,
    pub queued: i64,
}

/// A level of read-only, and what its role did under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Drain {
    waited_reservations: bool,
    waited_nocow_writers: bool,
    waited_ordered: bool,
    pub copy: Copy,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Copy {
    #[default]
    NotCommitted,
    Committing, // by a commit that closed after its waits, its own or another role's
    Left {
        must: BTreeSet<LogicalRange>, // of the extents that every root since its commit lists
        may: BTreeSet<LogicalRange>,  // of those that the first lists, and a later one no more
    },
    Finished,
}

impl Copy {
    fn remove(&mut self, extent: LogicalRange) {
        if let Self::Left { must, may } = self {
            must.retain(|one| !extent.contains(one));
            may.retain(|one| !extent.contains(one));
        }
    }

    /// A root that lists `listed` is switched to.
    fn switch(&mut self, listed: BTreeSet<LogicalRange>) {
        match self {
            Self::Committing => *self = Self::Left { must: listed, may: BTreeSet::new() },
            Self::Left { must, may } => {
                may.extend(must.difference(&listed));
                must.retain(|extent| listed.contains(extent));
            }
            Self::NotCommitted | Self::Finished => {}
        }
    }
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
        let holds_handle = self.handles.contains(&role);
        let commits =
            [Commit::Waits(role), Commit::RanRefs(role), Commit::Opened(role)].contains(&self.commit);
        let has_failed = matches!(self.commit, Commit::Failed { .. });
        let drains = |group| self.drains.contains_key(&(role, group));
        let is_read_write = |group| self.drains.keys().all(|(_, drained)| *drained != group);
        let writes_of = |bytes| {
            self.ordered.iter().filter(move |one| one.0.overlaps(&bytes)).map(|one| *one.1).sum::<usize>()
        };
        let in_flight = |bytes| writes_of(bytes) > 0;
        let index_of = |bytes| self.groups.iter().position(|group| group.contains(&bytes));
        let group_of = |bytes| BlockGroupId(index_of(bytes).unwrap_or(usize::MAX) as u64);
        match event {
            // Writers: admission, ordered extent, I/O.
            Event::BeginReservation { group } => {
                must("O1: the group is read-write", is_read_write(group));
                self.reservations.insert(Reservation { role, group, extent: None });
            }
            Event::NoSpace { group } => {
                let reservation = Reservation { role, group, extent: None };
                must("O14: held", self.reservations.remove(&reservation));
            }
            Event::Allocate { group, extent } => {
                let reserved = self.reservations.iter().filter_map(|held| held.extent.as_ref());
                let listed = self.ordered.keys().chain(self.refs.keys()).chain(&self.commit_root);
                let is_free = !reserved.chain(listed).any(|used| used.overlaps(&extent));
                let reservation = Reservation { role, group, extent: None };
                must("B4: the space is free", is_free && group_of(extent) == group);
                must("O1: it has a reservation", self.reservations.remove(&reservation));
                self.reservations.insert(Reservation { extent: Some(extent), ..reservation });
            }
            Event::EndReservation { group, extent, kept } => {
                let reservation = Reservation { role, group, extent: Some(extent) };
                must("O2: ordered first", kept == (in_flight(extent) || self.refs.contains_key(&extent)));
                must("O14: held", self.reservations.remove(&reservation));
            }
            Event::BeginNocow { group } => {
                must("O5: the group is read-write", is_read_write(group));
                self.nocow_writers.insert((role, group));
            }
            Event::EndNocow { group } => must("O14: held", self.nocow_writers.remove(&(role, group))),
            Event::AddOrdered { extent } => {
                let (group, is_old) = (group_of(extent), self.refs.contains_key(&extent));
                let reservation = Reservation { role, group, extent: Some(extent) };
                must("O2: it is reserved", is_old || self.reservations.contains(&reservation));
                must("O6: it is a NOCOW writer", !is_old || self.nocow_writers.contains(&(role, group)));
                must("A3: nobody else writes there", is_old || !in_flight(extent));
                if !is_old {
                    self.unwritten.insert(extent);
                }
                *self.ordered.entry(extent).or_default() += 1;
            }
            Event::Write { extent, both } => {
                must("O3: it is ordered", self.ordered.keys().any(|ordered| ordered.contains(&extent)));
                must("A3: nobody else writes there", writes_of(extent) <= 1);
                must("V2: to both devices behind the cursor", both == (extent.start() < self.cursor));
                self.unwritten.remove(extent);
                if both {
                    self.missing.remove(extent);
                } else {
                    self.missing.insert(extent);
                }
            }
            Event::RemoveOrdered { extent, failed } => {
                let is_queued = self.refs.keys().any(|one| one.contains(&extent));
                must("O4: its ref is queued first", failed || is_queued);
                must("O17: all of it is written", failed || !self.unwritten.overlaps(extent));
                let held = self.ordered.remove(&extent).unwrap_or(0);
                must("O14: held", held > 0);
                self.ordered.extend((held > 1).then(|| (extent, held - 1)));
                if held == 1 {
                    self.unwritten.remove(extent);
                }
            }
            Event::SplitOrdered { extent, at } => {
                let held = self.ordered.remove(&extent).unwrap_or(0);
                must("O14: it is in flight", held > 0);
                self.ordered.extend((held > 1).then(|| (extent, held - 1)));
                for (start, end) in [(extent.start(), at), (at, extent.end())] {
                    let part = LogicalRange::new(start, end - start).expect("neither part is empty");
                    *self.ordered.entry(part).or_default() += 1;
                }
            }
            // Transactions: handles, delayed refs, commits.
            Event::Join => {
                let is_closed = matches!(self.commit, Commit::RanRefs(_) | Commit::Failed { is_open: false });
                must("C4: the transaction is open", !is_closed);
                must("O11: it holds no other handle", self.handles.insert(role));
            }
            Event::QueueRef { extent, add, transaction } => {
                let refs = self.refs.get(&extent).copied().unwrap_or_default();
                let is_new = add && refs == Refs::default() && in_flight(extent);
                must("C2: it holds a handle, or the extent is new and in flight", holds_handle || is_new);
                must("D4: in the transaction that runs", transaction.0 == self.run + 1);
                must("C5: no commit has failed", holds_handle || !has_failed);
                let is_kept = add || refs.run + refs.queued > 1; // by another owner, which may write
                must("A3: nobody writes to what it drops", is_kept || !in_flight(extent));
                self.refs.entry(extent).or_default().queued += if add { 1 } else { -1 };
            }
            Event::EndTransaction => must("O14: held", self.handles.remove(&role)),
            Event::CloseTransaction => {
                must("O11: it holds no handle", !holds_handle);
                must("C1: no commit is at work, or failed", self.commit == Commit::None);
                self.commit = Commit::Waits(role);
                let is_served = |drain: &&mut Drain| drain.waited_ordered && drain.copy == Copy::NotCommitted;
                let served = self.drains.values_mut().filter(is_served);
                served.for_each(|drain| drain.copy = Copy::Committing);
            }
            Event::RunRefs { transaction } => {
                must("C1: it commits the running one", commits && transaction.0 == self.committed + 1);
                must("C3: no handle is left", self.handles.is_empty());
                self.refs.values_mut().for_each(|refs| refs.run += std::mem::take(&mut refs.queued));
                must("D1: what is dropped was added", self.refs.values().all(|refs| refs.run >= 0));
                self.refs.retain(|_, refs| refs.run > 0);
                (self.commit, self.run) = (Commit::RanRefs(role), transaction.0);
            }
            Event::ChangeItem { extent, inserted } => {
                let is_change = if inserted { self.tree.insert(extent) } else { self.tree.remove(&extent) };
                must("C1: it commits, and ran the refs", self.commit == Commit::RanRefs(role));
                must("D1: by its refs", is_change && inserted == self.is_run(extent));
            }
            Event::OpenTransaction => {
                must("C4: it commits, and ran the refs", self.commit == Commit::RanRefs(role));
                must("D1: all refs were applied", self.tree.iter().eq(self.run_extents()));
                self.commit = Commit::Opened(role);
            }
            Event::SwitchRoot { from, to } => {
                must("C1: it commits, and has opened", self.commit == Commit::Opened(role));
                must("T2: to the next root", (from.0, to.0) == (self.committed, self.committed + 1));
                (self.committed, self.commit_root) = (to.0, self.tree.clone());
                self.commit = Commit::None;
                for ((_, group), drain) in &mut self.drains {
                    let listed = self.commit_root.iter().filter(|extent| group_of(**extent) == *group);
                    drain.copy.switch(listed.copied().collect());
                }
            }
            Event::Abort => {
                must("C1: it commits", commits);
                self.commit = Commit::Failed { is_open: self.commit == Commit::Opened(role) };
            }
            // The replace: the steps of the drain.
            Event::SetReadOnly { group, .. } => _ = self.drains.entry((role, group)).or_default(),
            Event::WaitReservations { group, .. } => {
                must("O7: it has set the group read-only", drains(group));
                must("O11: it holds no handle", !holds_handle);
                must("R1: no reservation is left", self.reservations.iter().all(|held| held.group != group));
                self.drains.entry((role, group)).and_modify(|drain| drain.waited_reservations = true);
            }
            Event::WaitNocowWriters { group, .. } => {
                must("O7: it has set the group read-only", drains(group));
                must("O11: it holds no handle", !holds_handle);
                must("R1: no NOCOW writer is left", self.nocow_writers.iter().all(|held| held.1 != group));
                self.drains.entry((role, group)).and_modify(|drain| drain.waited_nocow_writers = true);
            }
            Event::WaitOrdered { range, .. } => {
                let (group, is_left) = (group_of(range), in_flight(range));
                // Outside of a drain: since when it waits is no event.
                let Some(drain) = self.drains.get_mut(&(role, group)) else { return broken };
                must("O11: it holds no handle", !holds_handle);
                must("O8: after step 2", drain.waited_reservations && drain.waited_nocow_writers);
                must("O9: before its commit", !commits);
                must("R2: no ordered extent is left", !is_left);
                drain.waited_ordered = true;
            }
            Event::Copy { extent } => {
                let group = group_of(extent);
                let left = self.left_to_copy(role, group);
                let listed = left.into_iter().flat_map(|(must, may)| must.iter().chain(may));
                let copied = listed.filter(|one| extent.contains(one));
                must("O9: it has committed after the waits", left.is_some());
                must("O10: in the root, once", copied.map(LogicalRange::len).sum::<u64>() == extent.len());
                must("R2: nobody writes to it", !in_flight(extent));
                self.drains.entry((role, group)).and_modify(|drain| drain.copy.remove(extent));
                self.missing.remove(extent);
            }
            Event::FinishCopy { group, .. } => {
                let left = self.left_to_copy(role, group);
                must("O9: it has committed after the waits", left.is_some());
                must("R6: nothing is left to copy", left.is_none_or(|(must, _)| must.is_empty()));
                self.drains.entry((role, group)).and_modify(|drain| drain.copy = Copy::Finished);
            }
            Event::MoveCursor { to: 0 } => self.cursor = 0, // the target is given up
            Event::MoveCursor { to: u64::MAX } if self.cursor == 0 => self.cursor = u64::MAX, // all are cloned
            Event::MoveCursor { to } => {
                let next = self.groups.iter().take_while(|group| group.end() <= self.cursor).count();
                let drain = self.drains.get(&(role, BlockGroupId(next as u64)));
                must("A5: past the next group", self.groups.get(next).is_some_and(|group| group.end() == to));
                must("O13: the group is read-only", drain.is_some());
                must("O12: all is copied", drain.is_some_and(|drain| drain.copy == Copy::Finished));
                self.cursor = to;
            }
            Event::SetReadWrite { group } => must("O14: held", self.drains.remove(&(role, group)).is_some()),
            // Since when the group is read-only is no event.
            Event::Refused { .. } => {}
            _ => must("step: it is one of the protocol's", false),
        }
        broken
    }

    /// What the drain of `group` by `role` must and may copy, once it has committed.
    pub fn left_to_copy(
        &self,
        role: Role,
        group: BlockGroupId,
    ) -> Option<(&BTreeSet<LogicalRange>, &BTreeSet<LogicalRange>)> {
        self.drains.get(&(role, group)).and_then(|drain| match &drain.copy {
            Copy::Left { must, may } => Some((must, may)),
            Copy::NotCommitted | Copy::Committing | Copy::Finished => None,
        })
    }

    /// The extents that the next root lists, once the refs that were run are applied.
    pub fn run_extents(&self) -> impl Iterator<Item = &LogicalRange> {
        self.refs.iter().filter(|(_, refs)| refs.run > 0).map(|(extent, _)| extent)
    }

    /// Whether it is one of them.
    pub fn is_run(&self, extent: LogicalRange) -> bool {
        self.refs.get(&extent).is_some_and(|refs| refs.run > 0)
    }

    /// Whether everything that was taken was given up.
    pub fn is_over(&self) -> bool {
        let held = self.reservations.len() + self.nocow_writers.len() + self.ordered.len();
        let is_committing = matches!(self.commit, Commit::Waits(_) | Commit::RanRefs(_) | Commit::Opened(_));
        held + self.handles.len() + self.drains.len() == 0 && !is_committing
    }

    /// Live extents behind the cursor whose newest bytes are not on the target.
    pub fn lost(&self) -> impl Iterator<Item = &LogicalRange> {
        let live = self.refs.iter().filter(|(_, refs)| refs.run + refs.queued > 0).map(|(extent, _)| extent);
        live.filter(|extent| extent.start() < self.cursor && self.missing.overlaps(**extent))
    }
}
