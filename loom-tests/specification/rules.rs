//! The rules of the protocol, by name.

use std::fmt;

/// A rule. O1 to O14 are the rows of the table in `docs/protocol.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    O1,
    O2,
    O3,
    O4,
    O5,
    O6,
    O7,
    O8,
    O9,
    O10,
    O11,
    O12,
    O13,
    O14,
    Reservations,
    NocowWriters,
    OrderedExtents,
    Clone,
    Space,
    Handle,
    OneCommit,
    Refs,
    Root,
    Cursor,
    Known,
}

impl Rule {
    fn text(self) -> &'static str {
        match self {
            Self::O1 => "O1: a reservation is admitted only while the group is read-write",
            Self::O2 => "O2: the ordered extent is added while the reservation is held",
            Self::O3 => "O3: the ordered extent is added before its I/O, and is there while it is done",
            Self::O4 => "O4: the delayed ref is queued before the ordered extent is finished",
            Self::O5 => "O5: a NOCOW writer is admitted only while the group is read-write",
            Self::O6 => "O6: the ordered extent of a NOCOW writer is added while he is one",
            Self::O7 => "O7: who waits for writers has set the group read-only",
            Self::O8 => "O8: reservations and NOCOW writers are waited for before ordered extents",
            Self::O9 => "O9: the commit begins after the ordered extents were waited for",
            Self::O10 => "O10: what is copied is in the commit root of that commit",
            Self::O11 => "O11: who waits or commits holds no handle",
            Self::O12 => "O12: the cursor moves after every extent was copied",
            Self::O13 => "O13: the cursor moves while the group is read-only",
            Self::O14 => "O14: who takes something gives it up, once",
            Self::Reservations => "a wait for reservations ends when none is left",
            Self::NocowWriters => "a wait for NOCOW writers ends when none is left",
            Self::OrderedExtents => "a wait for ordered extents ends when none is left that began before",
            Self::Clone => "a write goes to both devices behind the cursor, and to the source ahead of it",
            Self::Space => "an extent is allocated once",
            Self::Handle => "refs are queued in a handle, and it ends in the transaction that it joined",
            Self::OneCommit => "there is one commit at a time, and none after one failed",
            Self::Refs => "delayed refs are run when no handle is left, and change just what they say",
            Self::Root => "the commit root goes from the state after one transaction to the next one's",
            Self::Cursor => "the cursor only moves forward, past a group, or is given up",
            Self::Known => "only steps of the protocol are done",
        }
    }
}

/// A step that the protocol does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule it breaks.
    pub rule: Rule,
    /// By what.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rule.text(), self.detail)
    }
}
