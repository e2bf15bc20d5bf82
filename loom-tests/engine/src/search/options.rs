//! What is asked for.

use super::piece::Piece;
use super::progress::{Progress, Reporter};
use crate::mutant::Mutant;
use crate::operation::Operation;
use crate::runtime::observer::Observer;
use std::time::Duration;

/// A search through the executions of a program, without bounds unless asked for.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::Ordering::Relaxed;
/// use traceset::{AtomicU64, Search, thread};
///
/// let report = Search::new().run(|| {
///     let word = Arc::new(AtomicU64::new(0));
///     let other = Arc::clone(&word);
///     thread::spawn(move || other.fetch_add(1, Relaxed));
///     word.fetch_add(1, Relaxed);
/// });
/// assert!(report.is_exhaustive());
/// assert_eq!(report.complete, 2);
/// ```
#[must_use]
pub struct Search {
    pub(crate) max_executions: Option<u64>,
    pub(crate) max_duration: Option<Duration>,
    pub(crate) max_steps: usize,
    pub(crate) piece: Option<Piece>,
    pub(crate) giving: Option<Giving>,
    pub(crate) most_preemptions: Option<u32>,
    pub(crate) reporter: Option<Reporter>,
    pub(crate) observer: Option<Observer>,
    pub(crate) passes_deadlocks: bool,
    pub(crate) oracle: Option<Oracle>,
    pub(crate) mutant: Option<Mutant>,
}

/// Gives pieces away, each after so many executions.
pub(crate) struct Giving {
    pub(super) every: u64,
    pub(super) give: Box<dyn FnMut(Piece)>,
}

/// What the reduction is compared with in its tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Oracle {
    /// Every schedule.
    Plain,
    /// Sleep sets alone, without looking for races.
    Sleep,
}

/// A step's number has sixteen bits, and so has that of an epoch, of which a step begins two at the most.
pub(super) const MOST_STEPS: usize = 30_000;

impl Default for Search {
    fn default() -> Self {
        Self::new()
    }
}

impl Search {
    /// All executions, of at most 10,000 steps each.
    pub fn new() -> Self {
        Self {
            max_executions: None,
            max_duration: None,
            max_steps: 10_000,
            piece: None,
            giving: None,
            most_preemptions: None,
            reporter: None,
            observer: None,
            passes_deadlocks: false,
            oracle: None,
            mutant: None,
        }
    }

    /// Ends the search after so many executions, blocked ones included.
    pub fn max_executions(mut self, most: u64) -> Self {
        self.max_executions = Some(most);
        self
    }

    /// Ends the search after so long. (It looks at the clock once in a while.)
    pub fn max_duration(mut self, most: Duration) -> Self {
        self.max_duration = Some(most);
        self
    }

    /// An execution of more steps fails.
    ///
    /// # Panics
    /// If `most` is more than 30,000.
    pub fn max_steps(mut self, most: usize) -> Self {
        assert!(most <= MOST_STEPS, "max_steps: {MOST_STEPS} are the most, and not {most}");
        self.max_steps = most;
        self
    }

    /// Explores `piece` alone, of a search of the same program.
    pub fn piece(mut self, piece: Piece) -> Self {
        self.piece = Some(piece);
        self
    }

    /// After each `every` executions, gives a piece of what is left to `give`, if there is one: another thread
    /// may explore it by [`Search::piece`]. The complete executions of this search and of all pieces are those of the
    /// whole, each in one of them. How many there are, and which, does not depend on which thread explores which piece.
    ///
    /// # Panics
    /// If `every` is 0.
    pub fn give_away(mut self, every: u64, give: impl FnMut(Piece) + 'static) -> Self {
        assert!(every > 0, "give_away: after at least one execution");
        self.giving = Some(Giving { every, give: Box::new(give) });
        self
    }

    /// Explores the schedules with at most so many preemptions, without any reduction. So a failure is found
    /// that is short to read; and if none is found, that proves nothing.
    ///
    /// A preemption is a step of another thread where the last one could have gone on.
    pub fn most_preemptions(mut self, most: u32) -> Self {
        self.most_preemptions = Some(most);
        self
    }

    /// Does not end the search at a deadlock: it is counted as a complete execution.
    pub fn pass_deadlocks(mut self) -> Self {
        self.passes_deadlocks = true;
        self
    }

    /// Calls `callback` about that often.
    pub fn progress(mut self, every: Duration, callback: impl FnMut(&Progress) + 'static) -> Self {
        self.reporter = Some(Reporter::new(every, Box::new(callback)));
        self
    }

    /// Calls `observer` with each operation of the first execution, as [`replay`](crate::replay()) does with one that
    /// is run again. So a caller can see whether that one still comes out as it was after all others: if something
    /// survives an execution, such as a `static`, it need not.
    pub fn observe_first(mut self, observer: impl FnMut(&Operation) + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// For the tests of this crate: another search, with the same result.
    #[doc(hidden)]
    pub fn oracle(mut self, oracle: Oracle) -> Self {
        self.oracle = Some(oracle);
        self
    }

    /// For the tests of this crate: a search that is wrong.
    #[doc(hidden)]
    pub fn mutant(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }
}
