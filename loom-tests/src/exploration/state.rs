//! The roles as little machines: the interpreter does a step of each by events of the specification.

use std::hash::{Hash, Hasher};

use blockgate::{BlockGroupId, Event, LogicalRange, TransactionId};

use crate::protocol::machine::{Machine, Performed, advance};
use crate::protocol::role::Role;
use crate::protocol::step::Step;
use crate::specification::Specification;

/// Bytes of an extent. All are alike.
const UNIT: u64 = 4096;

/// What takes part, and how it differs from the protocol.
pub struct Scene {
    roles: Vec<Role>,
    groups: usize,
    programs: Vec<(Role, Vec<Step>)>,
    unchecked: Option<Step>,
    /// What breaks a rule is done nevertheless.
    is_lenient: bool,
}

/// What is left out, or done in the wrong order.
#[derive(Clone, Copy)]
pub enum Change {
    Nothing,
    /// This step waits for nothing, or is admitted in any case; and yet it is reported.
    Unchecked(Step),
    /// A role follows another program.
    Program(Role, fn(Role) -> Vec<Step>),
}

impl Scene {
    /// Role 0 replaces, beside it are `roles`.
    pub fn new(roles: &[Role], groups: usize, change: Change, is_lenient: bool) -> Self {
        let roles = [&[Role::Replace], roles].concat();
        let all = roles.iter().copied().chain([Role::Moving, Role::Deleter]);
        let program = |role: Role| match change {
            Change::Program(changed, program) if changed == role => program(role),
            _ => role.program().to_vec(),
        };
        let programs = all.map(|role| (role, reported(&program(role)))).collect();
        let unchecked = if let Change::Unchecked(step) = change { Some(step) } else { None };
        Self { roles, groups, programs, unchecked, is_lenient }
    }

    /// Those that overwrite or delete are given an extent in the first group.
    pub fn begin(&self) -> State<'_> {
        let layout: Vec<_> = (0..self.groups).map(|group| self.group_range(group)).collect();
        let mut specification = Specification::new(&layout);
        for (number, role) in self.roles.iter().enumerate() {
            if matches!(role, Role::Nocow | Role::Deleter | Role::Cloner) {
                specification.give(self.given(number), 1);
            }
        }
        let actors = self.roles.iter().map(|role| Actor::of(*role)).collect();
        State { scene: self, specification, actors }
    }

    fn program(&self, role: Role) -> &[Step] {
        let own = self.programs.iter().find(|(other, _)| *other == role);
        own.map_or(&[], |(_, program)| program)
    }

    /// Room for what each role writes, and for what it was given.
    fn group_range(&self, group: usize) -> LogicalRange {
        let length = 2 * self.roles.len() as u64 * UNIT;
        LogicalRange::new(group as u64 * length, length).expect("a range")
    }

    /// Where role `number` writes: no two meet, so which one an allocator finds makes no difference.
    fn slot(&self, group: usize, number: usize) -> LogicalRange {
        let start = self.group_range(group).start() + number as u64 * UNIT;
        LogicalRange::new(start, UNIT).expect("a range")
    }

    fn given(&self, number: usize) -> LogicalRange {
        self.slot(0, self.roles.len() + number)
    }
}

/// A commit is what the committer does. Left out is what is no event: see [`Step`].
fn reported(program: &[Step]) -> Vec<Step> {
    use Step as S;
    let commit = |step: &Step| match step {
        S::Commit => Role::Committer.program().to_vec(),
        S::CommitUnlessNoneRuns | S::CommitUnlessNoneQueued => [&[*step], Role::Committer.program()].concat(),
        step => vec![*step],
    };
    let silent = [S::ReadRoot, S::LockCommits, S::WaitHandles, S::UnlockCommits];
    program.iter().flat_map(commit).filter(|step| !silent.contains(step)).collect()
}

/// The specification's state, and where each role is.
#[derive(Clone)]
pub struct State<'s> {
    scene: &'s Scene,
    pub specification: Specification,
    pub actors: Vec<Actor>,
}

impl Hash for State<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.specification, &self.actors).hash(hasher);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    role: Role,
    /// Its place in its program.
    at: usize,
    /// The group that it is at.
    group: usize,
    /// What it made of the cursor.
    both: bool,
    is_over: bool,
}

impl Actor {
    fn of(role: Role) -> Self {
        Self { role, at: 0, group: 0, both: false, is_over: false }
    }
}

/// What came of trying a role's next step.
pub enum Stepped {
    /// It was done; `None`: the cursor was read.
    Did(Option<Event>),
    /// The role is over, or has to wait. The state is not to be used.
    Waits,
    /// This rule forbids it. The state is not to be used.
    Broke(Option<Event>, &'static str),
}

impl State<'_> {
    /// The next step of role `number`.
    pub fn step(&mut self, number: usize) -> Stepped {
        let Actor { role, mut at, is_over, .. } = self.actors[number];
        if is_over {
            return Stepped::Waits;
        }
        let program = self.scene.program(role);
        let mut acting = Acting { number, state: self, did: None };
        match advance(program, &mut at, &mut acting) {
            Ok(_) => {
                let did = acting.did;
                self.actors[number].at = at;
                if at == program.len() {
                    self.end_program(number);
                }
                Stepped::Did(did)
            }
            Err(Stop::Refused(group)) => {
                self.go_elsewhere(number);
                Stepped::Did(Some(Event::Refused { group }))
            }
            Err(Stop::Waits) => Stepped::Waits,
            Err(Stop::Broke(event, rule)) => Stepped::Broke(event, rule),
        }
    }

    fn end_program(&mut self, number: usize) {
        match self.actors[number].role {
            Role::Replace | Role::Scrub => self.go_to_next_group(number),
            // What it cloned it drops one reference of.
            Role::Cloner => self.actors[number] = Actor::of(Role::Deleter),
            _ => self.end_role(number),
        }
    }

    /// A refused writer tries the next group; to overwrite, it moves the extent.
    fn go_elsewhere(&mut self, number: usize) {
        match self.actors[number].role {
            Role::Nocow => self.actors[number].role = Role::Moving,
            _ => self.go_to_next_group(number),
        }
    }

    fn go_to_next_group(&mut self, number: usize) {
        let actor = &mut self.actors[number];
        (actor.at, actor.group) = (0, actor.group + 1);
        if actor.group == self.scene.groups {
            self.end_role(number);
        }
    }

    /// One end of a role is like another: fewer states.
    fn end_role(&mut self, number: usize) {
        let role = self.scene.roles[number];
        self.actors[number] = Actor { is_over: true, ..Actor::of(role) };
    }

    /// What is wrong with a state from which no role can go on.
    pub fn defect_at_the_end(&self) -> Option<String> {
        if let Some(actor) = self.actors.iter().find(|actor| !actor.is_over) {
            return Some(format!("deadlock: a role waits and nobody will wake it: {actor:?}"));
        }
        let lost: Vec<_> = self.specification.lost().collect();
        if !lost.is_empty() {
            return Some(format!("lost extents: {lost:?}"));
        }
        let is_over = self.specification.is_over() || self.scene.is_lenient;
        (!is_over).then(|| format!("something was not given up: {:?}", self.specification))
    }
}

/// A role that does a step.
struct Acting<'a, 's> {
    number: usize,
    state: &'a mut State<'s>,
    /// What is reported.
    did: Option<Event>,
}

enum Stop {
    Refused(BlockGroupId),
    Waits,
    Broke(Option<Event>, &'static str),
}

impl Machine for Acting<'_, '_> {
    type Stop = Stop;

    fn perform(&mut self, step: Step) -> Performed<Stop> {
        let performed = match step {
            step if Role::Committer.program().contains(&step) && self.is_served() => Ok(Performed::Nothing),
            Step::ReadCursor => {
                self.actor().both = self.extent().start() < self.state.specification.cursor;
                Ok(Performed::Done)
            }
            Step::BeginReservation => self.reserve(),
            Step::BeginNocow => self.be_admitted(step, self.event(step)).map(|()| Performed::Done),
            Step::ChangeItem => self.change_item(),
            Step::Copy => self.copy(),
            Step::CommitUnlessNoneRuns => self.take_root_if(Specification::none_runs),
            Step::CommitUnlessNoneQueued => self.take_root_if(Specification::none_is_queued),
            step => self.act(step, self.event(step)).map(|()| Performed::Done),
        };
        performed.unwrap_or_else(Performed::Stopped)
    }
}

impl Acting<'_, '_> {
    fn actor(&mut self) -> &mut Actor {
        &mut self.state.actors[self.number]
    }

    /// Another role's commit, which began after the waits of this one's drain, is complete: it serves both.
    fn is_served(&self) -> bool {
        let group = BlockGroupId(self.state.actors[self.number].group as u64);
        self.state.specification.left_to_copy(self.number, group).is_some()
    }

    /// What it writes to, or adds a reference to.
    fn extent(&self) -> LogicalRange {
        let (scene, actor) = (self.state.scene, &self.state.actors[self.number]);
        match actor.role {
            Role::Nocow | Role::Cloner => scene.given(self.number),
            _ => scene.slot(actor.group, self.number),
        }
    }

    /// The event of a step that is one.
    fn event(&self, step: Step) -> Event {
        let (scene, specification) = (self.state.scene, &self.state.specification);
        let Actor { group, both, .. } = self.state.actors[self.number];
        let (extent, range, group) = (self.extent(), scene.group_range(group), BlockGroupId(group as u64));
        let transaction = specification.running();
        match step {
            Step::BeginReservation => Event::BeginReservation { group },
            Step::EndReservation => Event::EndReservation { group, extent, kept: true },
            Step::BeginNocow => Event::BeginNocow { group },
            Step::EndNocow => Event::EndNocow { group },
            Step::AddOrdered => Event::AddOrdered { extent },
            Step::Write => Event::Write { extent, both },
            Step::RemoveOrdered => Event::RemoveOrdered { extent, failed: false },
            Step::Join => Event::Join,
            Step::QueueRef => Event::QueueRef { extent, add: true, transaction },
            Step::DropRef => Event::QueueRef { extent: scene.given(self.number), add: false, transaction },
            Step::EndTransaction => Event::EndTransaction,
            Step::CloseTransaction => Event::CloseTransaction,
            Step::RunRefs => Event::RunRefs { transaction },
            Step::OpenTransaction => Event::OpenTransaction,
            Step::SwitchRoot => {
                let from = specification.committed();
                Event::SwitchRoot { from, to: TransactionId(from.0 + 1) }
            }
            Step::SetReadOnly => Event::SetReadOnly { group, levels: 1 },
            Step::WaitReservations => Event::WaitReservations { group, waited: false },
            Step::WaitNocowWriters => Event::WaitNocowWriters { group, waited: false },
            Step::WaitOrdered => Event::WaitOrdered { range, count: 0, failed: 0 },
            Step::MoveCursor => Event::MoveCursor { to: range.end() },
            Step::SetReadWrite => Event::SetReadWrite { group },
            step => unreachable!("{step} is not one event"),
        }
    }

    /// The admission, and then the allocation.
    fn reserve(&mut self) -> Result<Performed<Stop>, Stop> {
        let (extent, group) = (self.extent(), BlockGroupId(self.actor().group as u64));
        if self.state.specification.has_reserved(self.number, group) {
            self.act(Step::BeginReservation, Event::Allocate { group, extent })?;
            return Ok(Performed::Done);
        }
        self.be_admitted(Step::BeginReservation, self.event(Step::BeginReservation))?;
        Ok(Performed::InPart)
    }

    fn be_admitted(&mut self, step: Step, event: Event) -> Result<(), Stop> {
        if self.state.scene.unchecked == Some(step) {
            return self.act(step, event);
        }
        let before = self.state.specification.clone();
        if self.state.specification.step(self.number, event).is_empty() {
            self.did = Some(event);
            return Ok(());
        }
        self.state.specification = before;
        Err(Stop::Refused(BlockGroupId(self.actor().group as u64)))
    }

    fn change_item(&mut self) -> Result<Performed<Stop>, Stop> {
        let Some((extent, inserted)) = self.state.specification.next_change() else {
            return Ok(Performed::Nothing);
        };
        self.act(Step::ChangeItem, Event::ChangeItem { extent, inserted })?;
        Ok(Performed::InPart)
    }

    /// Extent by extent, and then the end of the copy.
    fn copy(&mut self) -> Result<Performed<Stop>, Stop> {
        let group = BlockGroupId(self.actor().group as u64);
        if let Some(extent) = self.state.specification.next_to_copy(self.number, group) {
            self.act(Step::Copy, Event::Copy { extent })?;
            return Ok(Performed::InPart);
        }
        self.act(Step::Copy, Event::FinishCopy { group, extents: 0 })?;
        Ok(Performed::Done)
    }

    /// Takes the root as it is, if it looks as if no transaction ran: then its drain is served, and does not commit.
    fn take_root_if(&mut self, looks_so: impl Fn(&Specification) -> bool) -> Result<Performed<Stop>, Stop> {
        let group = BlockGroupId(self.actor().group as u64);
        if !looks_so(&self.state.specification) {
            return Ok(Performed::Done);
        }
        let broken = self.state.specification.find_none_running(self.number, group);
        match broken.first() {
            Some(one) if !self.state.scene.is_lenient => Err(Stop::Broke(None, one)),
            _ => Ok(Performed::Done),
        }
    }

    fn act(&mut self, step: Step, event: Event) -> Result<(), Stop> {
        let broken = self.state.specification.step(self.number, event);
        let waits_for = waits_for(step).filter(|_| self.state.scene.unchecked != Some(step));
        let waits = |rule: &&str| waits_for.is_some_and(|name| rule.starts_with(name));
        match broken.iter().find(|one| !waits(one)) {
            Some(one) if !self.state.scene.is_lenient => return Err(Stop::Broke(Some(event), one)),
            _ if broken.iter().any(waits) => return Err(Stop::Waits),
            _ => {}
        }
        self.did = Some(event);
        Ok(())
    }
}

/// The rule for which a step waits, and is not forbidden.
fn waits_for(step: Step) -> Option<&'static str> {
    match step {
        Step::WaitReservations | Step::WaitNocowWriters => Some("R1:"),
        Step::WaitOrdered => Some("R2:"),
        Step::Join => Some("C4:"),
        Step::RunRefs => Some("C3:"),
        Step::CloseTransaction => Some("C1:"),
        _ => None,
    }
}
