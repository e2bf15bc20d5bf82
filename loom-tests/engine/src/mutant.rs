//! How the search is broken on purpose, to see that its tests notice.

/// A fault of the search, or of what it knows of an execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// A reversal counts as explored if a sleeping thread's step is independent of all of it, though what
    /// comes after the reversal may depend on that step.
    WeakInitials,
    /// Of what the second of two racing steps needs, only its own thread's steps are kept.
    TruncatedReversal,
    /// The thread to explore is always the second step's own thread, though it may need others first.
    SecondThreadFirst,
    /// What an exchange does is foretold from what it did when it fell asleep: one that failed sleeps on when
    /// its word is written.
    ForetoldExchange,
    /// Nobody in the sleep set is ever woken.
    NobodyWakes,
    /// Nobody falls asleep.
    NobodySleeps,
    /// Only writes race with what follows: the reads before a write do not.
    ReadsDoNotRace,
    /// Of the reads before a write only those of the first thread race with it.
    OneReadRaces,
    /// A lock does not race with the lock before.
    LocksDoNotRace,
    /// To park is never thought of before an unpark that found a token.
    ParksDoNotRace,
    /// Where an execution ends, nobody thinks of the locks that threads wait for.
    WaitingLocksForgotten,
    /// Only the last race of an execution is reversed.
    LastRaceOnly,
    /// A load reads the newest value only.
    NewestOnly,
    /// A lock does not come after the step that unlocked.
    UnlockForgotten,
    /// A park could have come before the unpark that made it possible.
    ParkBeforeUnpark,
    /// Two spawns are independent.
    SpawnsCommute,
    /// An exchange that releases and does not change the value is a read.
    ReleaseIsNoWrite,
    /// A thread keeps what it keeps for an owner by the owner's address.
    ByAddress,
    /// In a piece that is given away, what others explore does not sleep.
    PieceForgetsTheSleepers,
    /// A piece that is given away has what the races so far call for, and no more.
    PieceByRaces,
}

impl Mutant {
    /// Every one.
    pub const ALL: [Self; 20] = [
        Self::WeakInitials,
        Self::TruncatedReversal,
        Self::SecondThreadFirst,
        Self::ForetoldExchange,
        Self::NobodyWakes,
        Self::NobodySleeps,
        Self::ReadsDoNotRace,
        Self::OneReadRaces,
        Self::LocksDoNotRace,
        Self::ParksDoNotRace,
        Self::WaitingLocksForgotten,
        Self::LastRaceOnly,
        Self::NewestOnly,
        Self::UnlockForgotten,
        Self::ParkBeforeUnpark,
        Self::SpawnsCommute,
        Self::ReleaseIsNoWrite,
        Self::ByAddress,
        Self::PieceForgetsTheSleepers,
        Self::PieceByRaces,
    ];

    /// Whether it shows only where a search is explored in pieces.
    pub fn is_of_the_pieces(self) -> bool {
        matches!(self, Self::PieceForgetsTheSleepers | Self::PieceByRaces)
    }

    /// Whether it also changes what the oracles see, so that they must be run with it.
    pub fn is_of_the_recording(self) -> bool {
        matches!(
            self,
            Self::UnlockForgotten
                | Self::ParkBeforeUnpark
                | Self::SpawnsCommute
                | Self::ReleaseIsNoWrite
                | Self::ByAddress
        )
    }
}
