//! The protocol as a sequential machine: who may do which step when, and what the step changes.
//!
//! It knows nothing of shards, locks or memory orderings. [`Specification::step`] takes one event of
//! `blockgate::event` after the other. An event that the protocol does not allow is a [`Violation`] of
//! the [`Rule`] that it breaks; O1 to O14 are the rows of `docs/protocol.md`.

#[cfg_attr(any(loom, shuttle), allow(dead_code, reason = "only the search of the specification needs it"))]
#[path = "explore/access.rs"]
mod access;
mod commit;
mod drain;
pub mod rules;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use blockgate::{BlockGroupId, Event, LogicalAddress, LogicalRange};

pub use rules::{Rule, Violation};

/// Who does a step: any number that tells the roles apart.
pub type Role = usize;

/// The unit of allocation of all scenarios, by which it is known what the target has.
pub const UNIT: u64 = 4096;

/// The state of everything that the protocol speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Specification {
    groups: Vec<Group>,
    /// Ordered extents.
    in_flight: Vec<InFlight>,
    /// Levels of read-only, each with how far its drain has come.
    drains: Vec<Drain>,
    /// Who holds a handle of the running transaction.
    handles: Vec<Role>,
    /// Delayed refs, folded.
    delayed: BTreeMap<LogicalRange, i64>,
    /// References of each extent in the live tree.
    live: BTreeMap<LogicalRange, i64>,
    /// The last transaction whose commit is complete: its number, and its extents.
    committed: (u64, BTreeSet<LogicalRange>),
    commit: Option<Commit>,
    aborted: bool,
    cursor: LogicalAddress,
    /// Units whose newest bytes are on the source, and not on the target.
    on_source_only: BTreeSet<LogicalAddress>,
    /// Whether nothing is enforced at this step.
    waived: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    range: LogicalRange,
    reservations: Vec<Reservation>,
    nocow_writers: Vec<Role>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Reservation {
    role: Role,
    extent: Option<LogicalRange>,
    /// Its ordered extent was added.
    handed_over: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct InFlight {
    extent: LogicalRange,
    /// Of a COW writer: it needs an extent item.
    new: bool,
}

/// One level of read-only.
#[expect(clippy::struct_excessive_bools, reason = "each is a step of the drain")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Drain {
    role: Role,
    group: usize,
    waited_reservations: bool,
    waited_nocow_writers: bool,
    waited_ordered: bool,
    /// Its own commit began after the waits.
    commits: bool,
    /// After that commit: what is left to copy.
    to_copy: Option<BTreeSet<LogicalRange>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Commit {
    role: Role,
    /// Once the delayed refs were taken: the changes of the extent tree that are not made yet.
    changes: Option<BTreeMap<LogicalRange, bool>>,
}

impl Specification {
    /// Nothing has happened yet. The groups are in the order of their addresses.
    pub fn new(groups: &[LogicalRange]) -> Self {
        let group = |range: &LogicalRange| Group {
            range: *range,
            reservations: Vec::new(),
            nocow_writers: Vec::new(),
        };
        Self {
            groups: groups.iter().map(group).collect(),
            in_flight: Vec::new(),
            drains: Vec::new(),
            handles: Vec::new(),
            delayed: BTreeMap::new(),
            live: BTreeMap::new(),
            committed: (0, BTreeSet::new()),
            commit: None,
            aborted: false,
            cursor: 0,
            on_source_only: BTreeSet::new(),
            waived: false,
        }
    }

    /// `role` did `event`: checks that it might, and does it.
    pub fn step(&mut self, role: Role, event: Event) -> Result<(), Violation> {
        match event {
            Event::SetReadOnly { group, .. } => {
                self.set_read_only(role, group);
                Ok(())
            }
            Event::SetReadWrite { group } => self.set_read_write(role, group),
            Event::BeginReservation { group } => self.begin_reservation(role, group),
            Event::NoSpace { group } => self.no_space(role, group),
            Event::Allocate { group, extent } => self.allocate(role, group, extent),
            Event::EndReservation { group, extent, kept } => self.end_reservation(role, group, extent, kept),
            Event::BeginNocow { group } => self.begin_nocow(role, group),
            Event::EndNocow { group } => self.end_nocow(role, group),
            // The group was read-only a moment ago, or will be said to be in a moment.
            Event::Refused { .. } | Event::FinishCopy { .. } => Ok(()),
            Event::WaitedReservations { group, .. } => self.waited_reservations(role, group),
            Event::WaitedNocowWriters { group, .. } => self.waited_nocow_writers(role, group),
            Event::AddOrdered { extent } => self.add_ordered(role, extent),
            Event::Write { extent, both } => self.write(extent, both),
            Event::RemoveOrdered { extent, failed } => self.remove_ordered(extent, failed),
            Event::WaitedOrdered { range, .. } => self.waited_ordered(role, range),
            Event::Join => self.join(role),
            Event::QueueRef { extent, add, transaction } => self.queue_ref(role, extent, add, transaction),
            Event::EndTransaction => self.end_transaction(role),
            Event::CloseTransaction => self.close_transaction(role),
            Event::RunRefs { transaction } => self.run_refs(role, transaction),
            Event::ChangeItem { extent, inserted } => self.change_item(role, extent, inserted),
            Event::SwitchRoot { from, to } => self.switch_root(role, from, to),
            Event::Abort => self.abort(role),
            Event::Copy { extent } => self.copy(role, extent),
            Event::MoveCursor { to } => self.move_cursor(role, to),
            _ => Err(Violation { rule: Rule::Known, detail: format!("{event}") }),
        }
    }

    /// All roles are over: whatever was taken was given up.
    pub fn end(&self) -> Result<(), Violation> {
        let tokens = |group: &Group| group.reservations.len() + group.nocow_writers.len();
        let held = self.groups.iter().map(tokens).sum::<usize>() + self.in_flight.len() + self.handles.len();
        self.must(Rule::O14, held + self.drains.len() == 0 && self.commit.is_none(), || format!("{self:?}"))
    }

    /// The extents that live, or will at the next commit, and whose newest bytes the target lacks.
    pub fn lost(&self) -> Vec<LogicalRange> {
        let on_target =
            |extent: &LogicalRange| units(*extent).all(|unit| !self.on_source_only.contains(&unit));
        let mut live = self.live.clone();
        self.delayed.iter().for_each(|(extent, change)| *live.entry(*extent).or_default() += change);
        live.retain(|extent, references| *references > 0 && !on_target(extent));
        live.into_keys().collect()
    }

    fn must(&self, rule: Rule, holds: bool, detail: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds || self.waived { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
    }

    fn group(&mut self, id: BlockGroupId) -> &mut Group {
        let index = usize::try_from(id.0).expect("few groups");
        &mut self.groups[index]
    }

    fn group_of(&self, extent: LogicalRange) -> Option<usize> {
        self.groups.iter().position(|group| group.range.contains(&extent))
    }
}

fn units(extent: LogicalRange) -> impl Iterator<Item = LogicalAddress> {
    (extent.start()..extent.end()).step_by(UNIT as usize)
}

/// Takes the first entry that fits out of `entries`.
fn take<T>(entries: &mut Vec<T>, fits: impl FnMut(&T) -> bool) -> Option<T> {
    entries.iter().position(fits).map(|index| entries.remove(index))
}
