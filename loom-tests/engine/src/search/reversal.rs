//! What has to be explored so that two racing steps come in the other order.
//!
//! Let the first be `e` and the second `f`. Before `e`, instead of it, can come everything between the two
//! that does not happen after `e`, and then `f`: a sequence of steps, *v*. Every execution that begins with
//! v begins, up to the order of independent steps, with one of its *initials*: the threads whose first step
//! in v has no predecessor in v. So it is enough to explore one of them.

use super::node::Sleep;
use crate::event::{Access, Sort, Step};
use crate::mutant::Mutant;
use crate::threads::{MOST_THREADS, ThreadSet};
use crate::trace::Trace;

/// The steps to come before the first of two racing steps.
pub(super) struct Reversal<'a> {
    between: &'a [Step],
    first: &'a Step,
    second: &'a Step,
    is_attempt: bool,
    mutant: Option<Mutant>,
}

impl<'a> Reversal<'a> {
    /// Of the steps of these numbers. The second may be one that a thread attempted.
    pub(super) fn new(trace: &'a Trace, (first, second): (u32, u32), mutant: Option<Mutant>) -> Self {
        let is_attempt = Trace::is_attempt(second);
        let ((first, begin), (second, end)) = (trace.step(first), trace.step(second));
        Self { between: &trace.steps[begin + 1..end], first, second, is_attempt, mutant }
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
        let last = self.second.thread();
        if self.mutant == Some(Mutant::SecondThreadFirst) {
            return (std::iter::once(last).collect(), last);
        }
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
        if begun[last] == u16::MAX && self.is_second_initial(&begun) {
            initials.insert(last);
        }
        (initials, first.unwrap_or(last))
    }

    /// The second step comes before the first one now, so what orders the two is no predecessor: only what its
    /// thread knew before. Of the steps in v it may also depend on reads, where it writes. (What an exchange
    /// does there is not foretold. It need not be: if it read, the first step wrote, and then every later
    /// access to the word happens after the first step, and is not in v.)
    fn is_second_initial(&self, begun: &[u16; MOST_THREADS]) -> bool {
        let Step { event, before, .. } = *self.second;
        !has_past_in(before.entries(), begun)
            && !self.before_second().any(|step| step.event.conflicts_with(event.object, event.access))
    }

    /// For the mutants: whether this race is not looked at.
    pub(super) fn is_overlooked(&self, sleep: &Sleep) -> bool {
        let (first, object) = (self.first.event, self.second.event.object);
        match self.mutant {
            Some(Mutant::ReadsDoNotRace) => first.access == Access::Read,
            Some(Mutant::OneReadRaces) => first.access == Access::Read && first.thread > 0,
            Some(Mutant::LocksDoNotRace) => object.sort() == Sort::Mutex,
            Some(Mutant::ParksDoNotRace) => object.sort() == Sort::Token,
            Some(Mutant::WaitingLocksForgotten) => self.is_attempt,
            Some(Mutant::WeakInitials) => sleep.has_independent_of(self.before_second()),
            _ => false,
        }
    }
}

fn has_past_in(known: &[u16; MOST_THREADS], begun: &[u16; MOST_THREADS]) -> bool {
    known.iter().zip(begun).any(|(known, begun)| known >= begun)
}
