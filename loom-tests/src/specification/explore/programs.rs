//! The programs of the roles, step by step as in `docs/protocol.md`.

use blockgate::{BlockGroupId, Event, LogicalRange, TransactionId};

use super::roles::{Kind, LeftOut, World, given, group_range, slot};
use crate::specification::Role;

/// A step that a role does next.
pub enum Next {
    /// This, as soon as it may.
    Do(Event),
    /// This at once, or it is refused and goes on elsewhere.
    DoOr(Event, BlockGroupId, Goto),
    /// It looks at the cursor, to write these bytes.
    ReadCursor(LogicalRange),
}

/// Where a role goes on.
#[derive(Clone, Copy)]
pub enum Goto {
    At(usize),
    /// At this place for the next group; over, if there is none.
    NextGroup(usize),
    Over,
}

use Goto::{At, NextGroup, Over};
use Next::{Do, DoOr, ReadCursor};

pub fn next(world: &World, role: Role) -> (Next, Goto) {
    match world.machines[role].kind {
        Kind::Replace => replace(world, role),
        Kind::Cow => cow(world, role, 0),
        Kind::Nocow => nocow(world, role),
        Kind::Deleter => delete(world, role),
        Kind::Committer => commit(world, role, 0, Over),
        Kind::Scrub => scrub(world, role),
    }
}

fn id(world: &World, role: Role) -> BlockGroupId {
    BlockGroupId(world.machines[role].group as u64)
}

/// Places 0 to 10 of a program that begins at `base`.
fn cow(world: &World, role: Role, base: usize) -> (Next, Goto) {
    let machine = &world.machines[role];
    let (group, at) = (id(world, role), machine.at - base);
    let extent = slot(world.machines.len(), machine.group, role);
    let then = At(machine.at + 1);
    let end_reservation = Do(Event::EndReservation { group, extent, kept: true });
    let add_ordered = Do(Event::AddOrdered { extent });
    let (first, second) = match world.left_out {
        LeftOut::OrderedBeforeReservationEnds => (end_reservation, add_ordered),
        _ => (add_ordered, end_reservation),
    };
    match at {
        0 if world.left_out == LeftOut::ReadOnlyCheck => (Do(Event::BeginReservation { group }), then),
        0 => (DoOr(Event::BeginReservation { group }, group, NextGroup(base)), then),
        1 => (Do(Event::Allocate { group, extent }), then),
        2 => (first, then),
        3 => (second, then),
        4 => (ReadCursor(extent), then),
        5 => (Do(Event::Write { extent, both: machine.both }), then),
        _ => publish(world, role, base + 6, extent),
    }
}

/// The rest of a COW write: its ref, and the end of its ordered extent.
fn publish(world: &World, role: Role, base: usize, extent: LogicalRange) -> (Next, Goto) {
    let machine = &world.machines[role];
    let then = At(machine.at + 1);
    let too_early = world.left_out == LeftOut::RefBeforeOrderedIsFinished;
    let at = machine.at - base;
    let at = if too_early { (at + 4) % 5 } else { at };
    let last = if too_early { 3 } else { 4 };
    let goto = if at == last { Over } else { then };
    let transaction = world.specification.running();
    let event = match at {
        0 => Event::Join,
        1 => Event::QueueRef { extent, add: true, transaction },
        2 if machine.kind == Kind::Nocow => {
            Event::QueueRef { extent: given(world.machines.len(), role), add: false, transaction }
        }
        2 | 3 => Event::EndTransaction,
        _ => Event::RemoveOrdered { extent, failed: false },
    };
    // Only who moved an extent has a second ref.
    match (at, machine.kind) {
        (2, Kind::Cow) => (Do(event), if last == 3 { Over } else { At(machine.at + 2) }),
        _ => (Do(event), goto),
    }
}

/// In place if it may, else as a COW write that drops the old reference.
fn nocow(world: &World, role: Role) -> (Next, Goto) {
    let machine = &world.machines[role];
    let (group, extent) = (BlockGroupId(0), given(world.machines.len(), role));
    let then = At(machine.at + 1);
    match machine.at {
        0 if world.left_out == LeftOut::NocowCheck => (Do(Event::BeginNocow { group }), then),
        0 => (DoOr(Event::BeginNocow { group }, group, At(COW)), then),
        1 => (Do(Event::AddOrdered { extent }), then),
        2 => (Do(Event::EndNocow { group }), then),
        3 => (ReadCursor(extent), then),
        4 => (Do(Event::Write { extent, both: machine.both }), then),
        5 => (Do(Event::RemoveOrdered { extent, failed: false }), Over),
        _ => cow(world, role, COW),
    }
}

const COW: usize = 6;

fn delete(world: &World, role: Role) -> (Next, Goto) {
    let extent = given(world.machines.len(), role);
    let transaction = world.specification.running();
    match world.machines[role].at {
        0 => (Do(Event::Join), At(1)),
        1 => (Do(Event::QueueRef { extent, add: false, transaction }), At(2)),
        _ => (Do(Event::EndTransaction), Over),
    }
}

/// Places 0 to 3 of a program that begins at `base`.
fn commit(world: &World, role: Role, base: usize, after: Goto) -> (Next, Goto) {
    let specification = &world.specification;
    let (transaction, from) = (specification.running(), specification.committed());
    match (world.machines[role].at - base, specification.next_change()) {
        (0, _) => (Do(Event::CloseTransaction), At(base + 1)),
        (1, _) => (Do(Event::RunRefs { transaction }), At(base + 2)),
        (2, Some((extent, inserted))) => (Do(Event::ChangeItem { extent, inserted }), At(base + 2)),
        (2, None) => (Do(Event::OpenTransaction), At(base + 3)),
        _ => (Do(Event::SwitchRoot { from, to: TransactionId(from.0 + 1) }), after),
    }
}

fn waits(world: &World, role: Role) -> (Next, Goto) {
    let machine = &world.machines[role];
    let group = id(world, role);
    let range = group_range(world.machines.len(), machine.group);
    let event = match machine.at {
        0 => Event::SetReadOnly { group, levels: 1 },
        1 => Event::WaitReservations { group, waited: false },
        2 => Event::WaitNocowWriters { group, waited: false },
        _ => Event::WaitOrdered { range, count: 0, failed: 0 },
    };
    (Do(event), At(machine.at + 1))
}

fn scrub(world: &World, role: Role) -> (Next, Goto) {
    match world.machines[role].at {
        0..=3 => waits(world, role),
        _ => (Do(Event::SetReadWrite { group: id(world, role) }), NextGroup(0)),
    }
}

/// Place 8 of the drain.
fn copy(world: &World, role: Role) -> (Next, Goto) {
    match world.specification.next_to_copy(role) {
        Some(extent) if world.left_out != LeftOut::Copy => (Do(Event::Copy { extent }), At(8)),
        _ => (Do(Event::FinishCopy { group: id(world, role), extents: 0 }), At(9)),
    }
}

/// The steps of the drain: 1 to 3, 4 (the commit), 5 (the copy), 6 and 7.
fn replace(world: &World, role: Role) -> (Next, Goto) {
    let machine = &world.machines[role];
    let to = group_range(world.machines.len(), machine.group).end();
    let group = id(world, role);
    let read_write = Do(Event::SetReadWrite { group });
    let cursor = Do(Event::MoveCursor { to });
    let (sixth, seventh) = match world.left_out {
        LeftOut::CursorBeforeReadWrite => (read_write, cursor),
        _ => (cursor, read_write),
    };
    match machine.at {
        3 if world.left_out == LeftOut::Commit => (waits(world, role).0, At(8)),
        0..=3 => waits(world, role),
        // It waits for its turn to commit, and is served by another's commit meanwhile.
        4 if world.specification.is_served(role) => copy(world, role),
        4..=7 => commit(world, role, 4, At(8)),
        8 => copy(world, role),
        9 => (sixth, At(10)),
        _ => (seventh, NextGroup(0)),
    }
}
