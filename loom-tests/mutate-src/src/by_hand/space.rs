//! Of block groups and their space.

use super::{Change, change};

const SHARED: &str = "src/block_group/shared.rs";
const GROUP: &str = "src/block_group/mod.rs";
const ROOM: &str = "src/block_group/room.rs";

pub const CHANGES: &[Change] = &[
    change(
        SHARED,
        "space is allocated before the reservation is counted",
        "B1: a reservation is counted before its space is allocated",
        "let inside = self.reservations.enter().map_err(|refusal| self.refused(refusal))?;
        emit(|| Event::BeginReservation { group: self.id });
        let extent = self.space.allocate(length).map_err(|largest| self.no_space(length, largest))?;",
        "let extent = self.space.allocate(length).map_err(|largest| self.no_space(length, largest))?;
        let inside = self.reservations.enter().map_err(|refusal| self.refused(refusal))?;
        emit(|| Event::BeginReservation { group: self.id });",
    ),
    change(
        SHARED,
        "an in-place write is admitted by the gate of the reservations",
        "R1: a NOCOW writer is waited for as one",
        "let inside = self.nocow_writers.enter()",
        "let inside = self.reservations.enter()",
    ),
    change(
        SHARED,
        "a wait for NOCOW writers is left out where read-only is nested",
        "R1: a wait is for all that were admitted, at each level",
        "let waited = self.gates().nocow_writers.wait_empty();",
        "let waited = self.level() == 1 && self.gates().nocow_writers.wait_empty();",
    ),
    change(
        SHARED,
        "a wait for reservations is left out where read-only is nested",
        "R1: a wait is for all that were admitted, at each level",
        "let waited = self.gates().reservations.wait_empty();",
        "let waited = self.level() == 1 && self.gates().reservations.wait_empty();",
    ),
    change(
        SHARED,
        "a wait for reservations waits for the NOCOW writers",
        "R1: step 2 waits for reservations",
        "let waited = self.gates().reservations.wait_empty();",
        "let waited = self.gates().nocow_writers.wait_empty();",
    ),
    change(
        SHARED,
        "a wait for NOCOW writers waits for the reservations",
        "R1: step 2 waits for NOCOW writers",
        "let waited = self.gates().nocow_writers.wait_empty();",
        "let waited = self.gates().reservations.wait_empty();",
    ),
    change(
        SHARED,
        "a reservation ends before its space is given back",
        "B1: a reservation is counted until its space is back",
        "    space: Allocated<'group>,\n    inside: Inside<'group>,\n}",
        "    inside: Inside<'group>,\n    space: Allocated<'group>,\n}",
    ),
    change(
        SHARED,
        "opening is announced before the group is open",
        "a writer that waits for an opening finds the group open",
        "let _at_work = group.room.as_deref().map(Room::open);\n                drop(level);",
        "drop(group.room.as_deref().map(Room::open));\n                drop(level);",
    ),
    change(
        SHARED,
        "what is given back is announced before it is free",
        "a writer that waits for space finds it",
        "let released = self.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Free);
        debug_assert!(released.is_ok(), \"{released:?}\");
        if let Some(room) = &self.room {
            room.freed_in(self.index());
        }",
        "if let Some(room) = &self.room {
            room.freed_in(self.index());
        }
        let released = self.space.rebook(extent, SpaceKind::Reserved, SpaceKind::Free);
        debug_assert!(released.is_ok(), \"{released:?}\");",
    ),
    change(
        SHARED,
        "space that becomes free is announced for group 0",
        "a first write begins where space became free",
        "room.freed_in(self.index());",
        "room.freed_in(0);",
    ),
    change(
        GROUP,
        "a check forgets levels of the NOCOW gate",
        "a check finds every token that leaked",
        "self.shared.reservations.leaked_levels().max(self.shared.nocow_writers.leaked_levels())",
        "self.shared.reservations.leaked_levels()",
    ),
    change(
        GROUP,
        "a check forgets leaked NOCOW admissions",
        "a check finds every token that leaked",
        "            (self.shared.nocow_writers.leaked(), GroupDefect::NocowAdmissions),\n",
        "            (0, GroupDefect::NocowAdmissions),\n",
    ),
    change(
        ROOM,
        "a free does not take a refusal away",
        "a request is refused until space became free",
        "known.frees += 1;\n            known.refusal = None;",
        "known.frees += 1;",
    ),
    change(
        ROOM,
        "a free is not counted",
        "a pass during which something became free leaves no refusal",
        "known.frees += 1;\n            known.refusal = None;",
        "known.refusal = None;",
    ),
    change(
        ROOM,
        "an opening does not take a refusal away",
        "a request is refused until a group is opened",
        "known.openings += 1;\n        known.refusal = None;",
        "known.openings += 1;",
    ),
    change(
        ROOM,
        "a refusal is stored where something changed meanwhile",
        "a pass during which something became free leaves no refusal",
        "if !known.has_changed_since(before) {\n            known.refusal = Some(refusal);\n        }",
        "known.refusal = Some(refusal);",
    ),
];
