//! The roles as little machines: where each is in its part of the protocol, and what it does next.

use blockgate::{Event, LogicalRange};

use super::programs::{self, Goto, Next};
use crate::specification::{Role, Specification};

/// Bytes of an extent. All are alike.
const UNIT: u64 = 4096;

/// Who takes part, beside the replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Replace,
    Cow,
    Nocow,
    Deleter,
    Committer,
    Scrub,
}

/// What is left out, or done in the wrong order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    Nothing,
    WaitForReservations,
    WaitForNocowWriters,
    WaitForOrdered,
    Commit,
    ReadOnlyCheck,
    NocowCheck,
    OrderedBeforeReservationEnds,
    RefBeforeOrderedIsFinished,
    Copy,
    CursorBeforeReadWrite,
}

/// The specification's state, and where each role is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub specification: Specification,
    pub machines: Vec<Machine>,
    pub groups: usize,
    pub left_out: LeftOut,
    /// What breaks a rule is done nevertheless.
    is_lenient: bool,
}

/// What came of trying a role's next step.
pub enum Stepped {
    /// It was done; `None`: the cursor was read.
    Did(Option<Event>),
    /// The role is over, or has to wait. The world is not to be used.
    Waits,
    /// This rule forbids it. The world is not to be used.
    Broke(Event, &'static str),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub kind: Kind,
    /// Its place in its program.
    pub at: usize,
    /// The group that it is at.
    pub group: usize,
    /// What it made of the cursor.
    pub both: bool,
    pub is_over: bool,
}

impl World {
    /// Role 0 replaces, the others are of `kinds`. Those who need an extent are given one in the first group.
    pub fn new(kinds: &[Kind], groups: usize, left_out: LeftOut, is_lenient: bool) -> Self {
        let kinds = std::iter::once(Kind::Replace).chain(kinds.iter().copied());
        let machine = |kind| Machine { kind, at: 0, group: 0, both: false, is_over: false };
        let machines: Vec<_> = kinds.map(machine).collect();
        let layout: Vec<_> = (0..groups).map(|group| group_range(machines.len(), group)).collect();
        let mut specification = Specification::new(&layout);
        for role in 0..machines.len() {
            if matches!(machines[role].kind, Kind::Nocow | Kind::Deleter) {
                specification.give(given(machines.len(), role));
            }
        }
        Self { specification, machines, groups, left_out, is_lenient }
    }

    /// The next step of `role`.
    pub fn step(&mut self, role: Role) -> Stepped {
        if self.machines[role].is_over {
            return Stepped::Waits;
        }
        let (next, goto) = programs::next(self, role);
        match next {
            Next::ReadCursor(extent) => {
                self.machines[role].both = extent.start() < self.specification.cursor;
                self.go(role, goto);
                Stepped::Did(None)
            }
            Next::Do(event) => self.try_to(role, event, goto),
            Next::DoOr(event, group, refused) => {
                let before = self.specification.clone();
                if self.specification.step(role, event).is_empty() {
                    self.go(role, goto);
                    return Stepped::Did(Some(event));
                }
                self.specification = before;
                self.go(role, refused);
                Stepped::Did(Some(Event::Refused { group }))
            }
        }
    }

    fn try_to(&mut self, role: Role, event: Event, goto: Goto) -> Stepped {
        let broken = self.specification.step(role, event);
        let waits_for = self.waits_for(event);
        let waits = |rule: &&str| waits_for.is_some_and(|name| rule.starts_with(name));
        match broken.iter().find(|one| !waits(one)) {
            Some(one) if !self.is_lenient => return Stepped::Broke(event, one),
            _ if broken.iter().any(waits) => return Stepped::Waits,
            _ => {}
        }
        self.go(role, goto);
        Stepped::Did(Some(event))
    }

    /// The rule for which an event is waited, and not forbidden.
    fn waits_for(&self, event: Event) -> Option<&'static str> {
        let (rule, left_out) = match event {
            Event::WaitReservations { .. } => ("R1:", LeftOut::WaitForReservations),
            Event::WaitNocowWriters { .. } => ("R1:", LeftOut::WaitForNocowWriters),
            Event::WaitOrdered { .. } => ("R2:", LeftOut::WaitForOrdered),
            Event::Join => return Some("C4:"),
            Event::RunRefs { .. } => return Some("C3:"),
            Event::CloseTransaction => return Some("C1:"),
            _ => return None,
        };
        (self.left_out != left_out).then_some(rule)
    }

    fn go(&mut self, role: Role, goto: Goto) {
        let machine = &mut self.machines[role];
        match goto {
            Goto::At(at) => machine.at = at,
            Goto::NextGroup(at) if machine.group + 1 < self.groups => {
                (machine.group, machine.at) = (machine.group + 1, at);
            }
            Goto::NextGroup(_) | Goto::Over => {
                // One end of a role is like another: fewer states.
                let over = Machine { at: 0, group: 0, both: false, is_over: true, kind: machine.kind };
                *machine = over;
            }
        }
    }

    /// What is wrong with a state from which no role can go on.
    pub fn defect_at_the_end(&self) -> Option<String> {
        let waits = |role: &usize| !self.machines[*role].is_over;
        if let Some(role) = (0..self.machines.len()).find(waits) {
            return Some(format!("deadlock: role {role} waits for ever: {:?}", self.machines[role]));
        }
        let lost: Vec<_> = self.specification.lost().collect();
        if !lost.is_empty() {
            return Some(format!("lost extents: {lost:?}"));
        }
        let is_over = self.specification.is_over() || self.is_lenient;
        (!is_over).then(|| format!("something was not given up: {:?}", self.specification))
    }
}

/// Room for what each role writes, and for what it was given.
pub fn group_range(roles: usize, group: usize) -> LogicalRange {
    let length = 2 * roles as u64 * UNIT;
    LogicalRange::new(group as u64 * length, length).expect("a range")
}

/// Where `role` writes: no two meet, so which one an allocator finds makes no difference.
pub fn slot(roles: usize, group: usize, role: Role) -> LogicalRange {
    LogicalRange::new(group_range(roles, group).start() + role as u64 * UNIT, UNIT).expect("a range")
}

/// What `role` was given.
pub fn given(roles: usize, role: Role) -> LogicalRange {
    slot(roles, 0, roles + role)
}
