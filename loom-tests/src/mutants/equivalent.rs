//! What no model can notice, and why that is no gap. An entry that explains nothing any more is a defect.

use super::mutant::Place;
use super::mutation::Mutation;
use super::step_mutant::StepMutant;
use crate::protocol::role::Role;
use crate::protocol::step::Step;

/// A weaker ordering that changes nothing that anybody can observe.
pub struct WeakerOrdering {
    pub file: &'static str,
    pub function: &'static str,
    pub operation: &'static str,
    pub argument: &'static str,
}

/// Two steps that may be done in either order.
pub struct Swap {
    pub mutant: StepMutant,
    pub argument: &'static str,
}

impl WeakerOrdering {
    pub fn explains(&self, place: &Place) -> bool {
        (self.file, self.function, self.operation)
            == (place.file, place.function.as_str(), place.operation.as_str())
    }
}

const fn swap(role: Role, first: Step, second: Step, argument: &'static str) -> Swap {
    Swap { mutant: StepMutant { role, mutation: Mutation::Swapped(first, second) }, argument }
}

pub const ORDERINGS: &[WeakerOrdering] = &[
    WeakerOrdering {
        file: "src/replace/cursor.rs",
        function: "Cursor::reset",
        operation: "publish",
        argument: "The cursor starts at zero, so a writer that reads zero cannot distinguish a reset from the \
                   beginning, and concludes nothing from it. The ordering is that of the one `publish`, which `advance` \
                   needs.",
    },
    WeakerOrdering {
        file: "src/transaction/turns.rs",
        function: "Turns::abort",
        operation: "publish",
        argument: "A thread that reads it takes the lock for the reason, under which it was published. The ordering is \
                   that of the one `publish`, which others need.",
    },
    WeakerOrdering {
        file: "src/transaction/turns.rs",
        function: "Turns::look_for_abort",
        operation: "get",
        argument: "A thread that reads it takes the lock for the reason, under which it was published. The ordering is \
                   that of the one `get`, which others need.",
    },
];

pub const STEPS: &[Swap] = &[
    swap(
        Role::Cow,
        Step::EndReservation,
        Step::ReadCursor,
        "The ordered extent is there before both and after both, and the drain waits for it before the \
         cursor moves: whichever comes first, the cursor is on the same side of the group.",
    ),
    swap(
        Role::Cow,
        Step::Write,
        Step::QueueRef,
        "The copy waits for the ordered extent, which is finished after both. A commit in between lists bytes that are \
         not there yet, which only a reader of that root would see. (A1 does not order `Write` and `QueueRef`; \
         `Volume` writes first.)",
    ),
    swap(
        Role::Nocow,
        Step::EndNocow,
        Step::ReadCursor,
        "As for the COW writer: the ordered extent is there before both and after both.",
    ),
    swap(
        Role::Replace,
        Step::WaitReservations,
        Step::WaitNocowWriters,
        "One step closes both gates, and no writer that is inside one waits for the other. The drain needs both \
         to be empty before it looks at ordered extents, and an empty one stays empty (G2).",
    ),
    swap(
        Role::Joiner,
        Step::QueueFirst,
        Step::QueueSecond,
        "Both are done inside, so one drain takes both (C3); folding adds them up in any order (D3).",
    ),
    swap(
        Role::Committer,
        Step::LockCommits,
        Step::CloseTransaction,
        "Levels nest: a committer that waits for the lock with a level of its own keeps joiners out for longer, \
         and nothing else. No joiner that is inside waits for the lock, so the committer that has it still \
         sees them leave.",
    ),
    swap(
        Role::Committer,
        Step::ChangeItem,
        Step::OpenTransaction,
        "The refs are taken already, and refs that are queued after the opening are for the next drain (C3). \
         Nobody but the holder of the lock applies refs (C1). Only where refs do not fit does it matter, since the \
         transaction must then never open (C4): `transaction/failed-refs`.",
    ),
    swap(
        Role::Committer,
        Step::OpenTransaction,
        Step::SwitchRoot,
        "The root that is switched to has what was taken before both. Opening first only lets joiners in sooner \
         (C4).",
    ),
];
