//! An execution as it is recorded, and its canonical form.

use crate::clock::Clock;
use crate::dependence::Accesses;
use crate::event::{Access, Event, Object, Place, Step};
use crate::mutant::Mutant;

/// How far a thread has come, and what happened before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) steps: u16,
    pub(crate) clock: Clock,
}

/// What a thread did, before it has its place in the trace.
#[derive(Clone, Copy)]
pub(crate) struct Occurrence {
    pub(crate) event: Event,
    pub(crate) choice: u8,
    pub(crate) choices: u8,
    pub(crate) place: Place,
    /// What made it possible, and so cannot be reversed: the unlock before a lock, the end before a join.
    pub(crate) enabled_by: Option<Clock>,
    /// Whether it could have come before the event on its object that it follows.
    pub(crate) is_reversible: bool,
}

impl Occurrence {
    pub(crate) fn new(thread: usize, object: Object, access: Access, place: Place) -> Self {
        let thread = u8::try_from(thread).expect("at most eight threads");
        Self {
            event: Event { thread, access, object },
            choice: 0,
            choices: 1,
            place,
            enabled_by: None,
            is_reversible: true,
        }
    }
}

/// Attempts are numbered from here on.
const FIRST_ATTEMPT: u32 = 1 << 31;

/// The steps of an execution, and the pairs of them that race.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) steps: Vec<Step>,
    /// What threads were waiting for where the execution ended, in a deadlock or since nothing else was wanted
    /// of it: the step that each would have taken, and after how many steps.
    attempts: Vec<(Step, usize)>,
    /// By number of step; the second is `watched_from` or later.
    pub(crate) races: Vec<(u32, u32)>,
    /// Races before this step are known from the executions before.
    pub(crate) watched_from: usize,
    pub(crate) mutant: Option<Mutant>,
}

impl Trace {
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.attempts.clear();
        self.races.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(crate) fn is_overlooked_release(&self, changes: bool) -> bool {
        self.mutant == Some(Mutant::ReleaseIsNoWrite) && !changes
    }

    /// The step, or the attempt, of this number, and after how many steps.
    pub(crate) fn step(&self, number: u32) -> (&Step, usize) {
        match number.checked_sub(FIRST_ATTEMPT) {
            Some(attempt) => {
                let (step, after) = &self.attempts[attempt as usize];
                (step, *after)
            }
            None => (&self.steps[number as usize], number as usize),
        }
    }

    pub(crate) fn is_attempt(number: u32) -> bool {
        number >= FIRST_ATTEMPT
    }

    /// Appends a step of the thread that has come as far as `progress`.
    pub(crate) fn record(
        &mut self,
        progress: &mut Progress,
        accesses: &mut Accesses,
        occurrence: Occurrence,
    ) {
        let position = self.steps.len();
        let number = u32::try_from(position).expect("the limit of steps is far below");
        let is_watched = position >= self.watched_from;
        let step = self.step_of(progress, accesses, occurrence, (number, is_watched));
        self.steps.push(step);
    }

    /// Notes the step that a thread would have taken, had the execution gone on and its lock become free. It
    /// races with the lock that keeps it waiting, and there is no other step that would tell.
    pub(crate) fn attempt(&mut self, progress: &Progress, accesses: &Accesses, occurrence: Occurrence) {
        let attempt = u32::try_from(self.attempts.len()).expect("at most eight threads");
        let number = FIRST_ATTEMPT + attempt;
        let step = self.step_of(&mut progress.clone(), &mut accesses.clone(), occurrence, (number, true));
        self.attempts.push((step, self.steps.len()));
    }

    fn step_of(
        &mut self,
        progress: &mut Progress,
        accesses: &mut Accesses,
        occurrence: Occurrence,
        (number, is_watched): (u32, bool),
    ) -> Step {
        let Occurrence { event, choice, choices, place, enabled_by, is_reversible } = occurrence;
        let before = progress.clock;
        let is_reversible = is_reversible || self.mutant == Some(Mutant::ParkBeforeUnpark);
        let is_watched = is_watched && is_reversible;
        let (mut clock, races) = (before, &mut self.races);
        accesses.note((number, event.thread(), event.access), &mut clock, &self.steps, |earlier| {
            if is_watched {
                races.push((earlier, number));
            }
        });
        if let Some(enabler) = enabled_by.filter(|_| self.mutant != Some(Mutant::UnlockForgotten)) {
            clock.join(&enabler);
        }
        progress.steps += 1;
        clock.set(event.thread(), progress.steps);
        progress.clock = clock;
        let index = progress.steps;
        Step { event, index, choice, choices, before, clock, place }
    }
}

/// The canonical form of a trace, as a number: equal for two executions that differ only in the order of
/// independent events, and for others different (but for a chance of one in 2^64 a pair).
///
/// A trace is determined by what each of its events is and which events happen before it, so each is hashed
/// with its clock, and the sum does not depend on the order.
pub(crate) fn canonical(steps: &[Step]) -> u64 {
    steps.iter().fold(0, |sum, step| sum.wrapping_add(hash(step)))
}

fn hash(step: &Step) -> u64 {
    let Event { thread, access, object } = step.event;
    let access = u64::from(access == Access::Write);
    let event_bits =
        u64::from(thread) << 32 | u64::from(step.index) << 16 | u64::from(step.choice) << 1 | access;
    let known = step
        .clock
        .entries()
        .chunks(4)
        .map(|four| four.iter().fold(0, |packed, entry| packed << 16 | u64::from(*entry)));
    std::iter::once(event_bits)
        .chain(known)
        .fold(mix(u64::from(object.bits())), |hash, next| mix(hash ^ next))
}

/// The finalizer of splitmix64 (Steele, Lea and Flood 2014).
fn mix(seed: u64) -> u64 {
    let x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}
