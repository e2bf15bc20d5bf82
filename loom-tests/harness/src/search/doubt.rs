//! What keeps a search that went to its end from being exhaustive.

use std::collections::BTreeSet;
use std::fmt;

/// A reason why a search that nothing cut has not explored everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// A role does what the engine does not explore fully, there, if the place is known.
    Hole(Hole, Option<String>),
    /// The model switched the exploration off for a while.
    SwitchedOff,
    /// The model ran a search of its own, with limits that nobody knows.
    OwnSearch,
}

/// What loom does not explore as C11 has it: `docs/loom.md` has a paragraph for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hole {
    LoadThenWrite,
    StoreAgainstRmw,
    TryLock,
    Timeout,
    SeqCst,
}

impl Hole {
    fn words(self) -> &'static str {
        match self {
            Self::LoadThenWrite => {
                "a thread writes an atomic that it loaded just before: loom's issues 166, 392"
            }
            Self::StoreAgainstRmw => "a store meets a read-modify-write: loom's issues 254, 282, 389",
            Self::TryLock => "a try_lock never finds the lock held",
            Self::Timeout => "a timeout never passes",
            Self::SeqCst => "SeqCst counts as AcqRel: loom's issue 180",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hole(hole, place) => {
                let place = place.as_deref().unwrap_or("an unknown place (no debug information)");
                write!(f, "with a hole at {place} ({})", hole.words())
            }
            Self::SwitchedOff => f.write_str("not exhaustively (the model switches the exploration off)"),
            Self::OwnSearch => f.write_str("not exhaustively (the model runs a search of its own)"),
        }
    }
}

/// Of a search with doubts: "explored, with a hole at a.rs:3 (…)".
pub(crate) fn explored(doubts: &BTreeSet<Doubt>) -> String {
    let doubts: Vec<_> = doubts.iter().map(ToString::to_string).collect();
    format!("explored, {}", doubts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_is_said() {
        let hole = Doubt::Hole(Hole::TryLock, Some("a.rs:3".into()));
        assert_eq!(
            explored(&[hole, Doubt::SwitchedOff].into()),
            "explored, with a hole at a.rs:3 (a try_lock never finds the lock held), not exhaustively (the model \
             switches the exploration off)"
        );
        assert!(explored(&[Doubt::Hole(Hole::SeqCst, None)].into()).contains("no debug information"));
    }
}
