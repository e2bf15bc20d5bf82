//! What has to be explored so that two racing steps come in the other order.
//!
//! Let the first be `e` and the second `f`. Before `e`, instead of it, can come everything between the two
//! that does not happen after `e`, and then `f`: a sequence of steps, *v*. Every execution that begins with
//! v begins, up to the order of independent steps, with one of its *initials*: the threads whose first step
//! in v has no predecessor in v. So it is enough to explore one of them.

use super::mutant::Mutant;
use crate::event::{Access, Step};
use crate::threads::{MOST_THREADS, ThreadSet};

/// The steps to come before the first of two racing steps.
pub(super) struct Reversal<'a> {
    between: &'a [Step],
    first: &'a Step,
    second: &'a Step,
    mutant: Option<Mutant>,
}

impl<'a> Reversal<'a> {
    pub(super) fn new(steps: &'a [Step], first: usize, second: usize, mutant: Option<Mutant>) -> Self {
        let between = &steps[first + 1..second];
        Self { between, first: &steps[first], second: &steps[second], mutant }
    }

    /// v without its last step, in order.
    pub(super) fn before_second(&self) -> impl Iterator<Item = &'a Step> + Clone {
        let (first, second, mutant) = (self.first, self.second, self.mutant);
        let is_kept =
            move |step: &&Step| mutant != Some(Mutant::TruncatedReversal) || step.thread() == second.thread();
        self.between.iter().filter(move |step| !first.is_in(step.clock)).filter(is_kept)
    }

    /// The initials of v, and one of them: the thread of its first step.
    pub(super) fn initials(&self) -> (ThreadSet, usize) {
        // Of each thread in v, the number of its first step. Its later steps in v follow without a gap, so
        // another step has one of them in its past if it has the first one.
        let mut begun = [u16::MAX; MOST_THREADS];
        let mut initials = ThreadSet::EMPTY;
        let mut first = None;
        for step in self.before_second() {
            let thread = step.thread();
            first.get_or_insert(thread);
            if begun[thread] == u16::MAX {
                if !has_past_in(step.clock.entries(), &begun) {
                    initials.insert(thread);
                }
                begun[thread] = step.index;
            }
        }
        let last = self.second.thread();
        if begun[last] == u16::MAX && self.is_second_initial(&begun) {
            initials.insert(last);
        }
        (initials, first.unwrap_or(last))
    }

    /// The second step is taken in a state that it was not taken in: an exchange that failed may succeed. So
    /// what counts is what it may do, which can only make the initials fewer, and that is sound.
    fn is_second_initial(&self, begun: &[u16; MOST_THREADS]) -> bool {
        let Step { event, may, before, .. } = *self.second;
        let may = if self.mutant == Some(Mutant::PredictedExchange) { event.access } else { may };
        !has_past_in(before.entries(), begun)
            && !self.before_second().any(|step| step.event.conflicts_with(event.object, may))
    }

    /// Of the first and the second one the accesses: for the mutants.
    pub(super) fn accesses(&self) -> (Access, &Step) {
        (self.first.event.access, self.second)
    }
}

fn has_past_in(known: &[u16; MOST_THREADS], begun: &[u16; MOST_THREADS]) -> bool {
    known.iter().zip(begun).any(|(known, begun)| known >= begun)
}
