//! Vector clocks: how much of each thread is known.

use crate::threads::MOST_THREADS;

/// For each thread a number of its steps (or epochs). Sixteen bits: an execution has fewer steps than that.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Clock([u16; MOST_THREADS]);

impl Clock {
    pub(crate) const ZERO: Self = Self([0; MOST_THREADS]);

    pub(crate) fn of(self, thread: usize) -> u16 {
        self.0[thread]
    }

    pub(crate) fn set(&mut self, thread: usize, to: u16) {
        self.0[thread] = to;
    }

    pub(crate) fn advance(&mut self, thread: usize) {
        self.0[thread] += 1;
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// Whether `number` of `thread` is in the past.
    pub(crate) fn covers(self, thread: usize, number: u16) -> bool {
        self.0[thread] >= number
    }

    pub(crate) fn entries(&self) -> &[u16; MOST_THREADS] {
        &self.0
    }
}
