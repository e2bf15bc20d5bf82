//! How the search is broken on purpose, to see that its tests notice.

/// A fault of the search. Each was one, somewhere, or nearly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// A reversal counts as explored if a sleeping thread's step is independent of all of it, though what
    /// comes after the reversal may depend on that step.
    WeakInitials,
    /// Of what the second of two racing steps needs, only its own thread's steps are kept.
    TruncatedReversal,
    /// Whom to explore is always the second step's own thread, though it may need others first.
    SecondThreadFirst,
    /// An exchange that failed is taken for one that fails in any order.
    PredictedExchange,
    /// An exchange that failed sleeps on when its word is written.
    FailedExchangeSleepsOn,
    /// Nobody in the sleep set is ever woken.
    NobodyWakes,
    /// Nobody falls asleep.
    NobodySleeps,
    /// Only writes race with writes: the reads before a write do not.
    ReadsDoNotRace,
    /// A lock does not race with the lock before.
    LocksDoNotRace,
    /// To park is never thought of before an unpark that found a token.
    ParksDoNotRace,
    /// Races of the blocked executions are not reversed.
    BlockedRacesForgotten,
    /// Only the last race of an execution is reversed.
    LastRaceOnly,
    /// A load reads the newest value only.
    NewestOnly,
}

impl Mutant {
    /// Every one that makes the search wrong.
    pub const ALL: [Self; 13] = [
        Self::WeakInitials,
        Self::TruncatedReversal,
        Self::SecondThreadFirst,
        Self::PredictedExchange,
        Self::FailedExchangeSleepsOn,
        Self::NobodyWakes,
        Self::NobodySleeps,
        Self::ReadsDoNotRace,
        Self::LocksDoNotRace,
        Self::ParksDoNotRace,
        Self::BlockedRacesForgotten,
        Self::LastRaceOnly,
        Self::NewestOnly,
    ];
}
