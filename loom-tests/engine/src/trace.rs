//! An execution as it is recorded, and its canonical form.

use crate::clock::Clock;
use crate::dependence::Accesses;
use crate::event::{Access, Event, Object, Place, Step};

/// How far a thread has come, and what happened before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) steps: u16,
    pub(crate) clock: Clock,
}

/// What a thread did, before it has its place in the trace.
pub(crate) struct Occurrence {
    pub(crate) event: Event,
    pub(crate) may: Access,
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
            may: access,
            choice: 0,
            choices: 1,
            place,
            enabled_by: None,
            is_reversible: true,
        }
    }
}

/// The steps of an execution, and the pairs of them that race.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) steps: Vec<Step>,
    /// By number of step; the second is `watched_from` or later.
    pub(crate) races: Vec<(u32, u32)>,
    /// Races before this step are known from the executions before.
    pub(crate) watched_from: usize,
}

impl Trace {
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.races.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Appends a step of the thread that has come as far as `progress`.
    pub(crate) fn record(
        &mut self,
        progress: &mut Progress,
        accesses: &mut Accesses,
        occurrence: Occurrence,
    ) {
        let Occurrence { event, may, choice, choices, place, enabled_by, is_reversible } = occurrence;
        let (before, position) = (progress.clock, self.steps.len());
        let number = u32::try_from(position).expect("the limit of steps is far below");
        let is_watched = is_reversible && position >= self.watched_from;
        let (mut clock, races) = (before, &mut self.races);
        accesses.note((number, event.thread(), event.access), &mut clock, &self.steps, |earlier| {
            if is_watched {
                races.push((earlier, number));
            }
        });
        if let Some(enabler) = enabled_by {
            clock.join(&enabler);
        }
        progress.steps += 1;
        clock.set(event.thread(), progress.steps);
        progress.clock = clock;
        let index = progress.steps;
        self.steps.push(Step { event, may, index, choice, choices, before, clock, place });
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
    let who = u64::from(thread) << 32 | u64::from(step.index) << 16 | u64::from(step.choice) << 1 | access;
    let known = step
        .clock
        .entries()
        .chunks(4)
        .map(|four| four.iter().fold(0, |packed, entry| packed << 16 | u64::from(*entry)));
    std::iter::once(who).chain(known).fold(mix(u64::from(object.bits())), |hash, next| mix(hash ^ next))
}

/// The finalizer of splitmix64 (Steele, Lea and Flood 2014).
fn mix(seed: u64) -> u64 {
    let x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}
