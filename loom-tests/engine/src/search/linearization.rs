//! A trace again, in another order of its independent steps.
//!
//! What a program observes must not depend on that order: the search takes one order of each trace, and what
//! shows in another one it would never see. So a harness judges some orders of each trace.

use super::replay::{Fixed, differs};
use crate::event::Step;
use crate::failure::{Failure, FailureKind};
use crate::runtime::runner::{Body, End, Runner};
use crate::schedule::{Decision, Schedule};
use crate::threads::{MOST_THREADS, ThreadSet};
use crate::trace::{Trace, canonical};
use fastrand::Rng;

/// A complete execution.
pub struct Complete<'a> {
    number: u64,
    trace: &'a Trace,
    deadlock: Option<FailureKind>,
    runner: (&'a mut Runner, &'a Body, usize),
}

impl<'a> Complete<'a> {
    pub(super) fn new(
        number: u64,
        trace: &'a Trace,
        deadlock: Option<FailureKind>,
        runner: (&'a mut Runner, &'a Body, usize),
    ) -> Self {
        Self { number, trace, deadlock, runner }
    }

    /// Which execution it is, from 1 on, those counted that sleep sets blocked.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.trace.len()
    }

    /// The schedule that leads to it.
    pub fn schedule(&self) -> Schedule {
        Schedule::of(&self.trace.steps)
    }

    /// The deadlock that it ended in, if the search passes them.
    pub fn deadlock(&self) -> Option<&FailureKind> {
        self.deadlock.as_ref()
    }

    /// The same number for executions that differ only in the order of independent steps, and (but for a
    /// chance of one in 2^64) only for these.
    pub fn trace(&self) -> u64 {
        canonical(&self.trace.steps)
    }

    /// Runs the execution `times` times again, each time with the independent steps in a random order, and
    /// calls `judge` after each.
    ///
    /// # Errors
    /// If one of them is another trace, or fails: so what the program does depends on an order that the
    /// search takes for immaterial.
    pub fn reorder(
        &mut self,
        times: u32,
        seed: u64,
        mut judge: impl FnMut(&Schedule),
    ) -> Result<(), Failure> {
        let mut rng = Rng::with_seed(seed ^ self.trace());
        for _ in 0..times {
            let schedule = linearization(&self.trace.steps, &mut rng);
            self.run_again(&schedule)?;
            judge(&schedule);
        }
        Ok(())
    }

    fn run_again(&mut self, schedule: &Schedule) -> Result<(), Failure> {
        let expected = self.trace();
        let (runner, body, _) = &mut self.runner;
        let search = std::mem::replace(&mut runner.execution().scheduler, Box::new(Fixed(schedule.clone())));
        runner.execution().trace.watched_from = usize::MAX;
        let end = runner.run(body);
        runner.execution().scheduler = search;
        let steps = &runner.execution().trace.steps;
        let kind = match end {
            End::Failed { kind: FailureKind::Deadlock(_), .. } if self.deadlock.is_some() => None,
            End::Failed { kind, .. } => Some(kind),
            End::Complete | End::Unwanted => None,
        };
        let differs = (canonical(steps) != expected).then(differs);
        let (execution, schedule) = (self.number, Schedule::of(steps));
        kind.or(differs).map_or(Ok(()), |kind| Err(Failure { kind, execution, schedule }))
    }
}

/// A random order of `steps` in which everything comes after what happens before it.
fn linearization(steps: &[Step], rng: &mut Rng) -> Schedule {
    let mut taken = [0u16; MOST_THREADS];
    let mut next = [const { Vec::new() }; MOST_THREADS];
    steps.iter().rev().for_each(|step| next[step.thread()].push(step));
    let order = (0..steps.len()).map(|_| {
        let ready = |thread: &usize| next[*thread].last().is_some_and(|step| is_ready(step, &taken));
        let ready: ThreadSet = (0..MOST_THREADS).filter(ready).collect();
        let thread = ready.iter().nth(rng.usize(..ready.len())).expect("fewer than there are");
        let step = next[thread].pop().expect("a thread that is ready has a step");
        taken[thread] += 1;
        Decision { thread, choice: step.choice }
    });
    order.collect()
}

fn is_ready(step: &Step, taken: &[u16; MOST_THREADS]) -> bool {
    let past = step.clock.entries().iter().zip(taken).enumerate();
    past.into_iter().all(|(thread, (past, taken))| thread == step.thread() || past <= taken)
}
