//! A state on the way: which threads were explored from there, which sleep, which are to be explored.

use crate::event::{Access, Event, Object, Place, Step};
use crate::mutant::Mutant;
use crate::schedule::Decision;
use crate::threads::{MOST_THREADS, ThreadSet};

/// Threads whose next step need not be explored, since what comes of it was explored from a state before.
#[derive(Clone, Copy)]
pub(super) struct Sleep {
    pub(super) threads: ThreadSet,
    events: [Event; MOST_THREADS],
}

impl Sleep {
    pub(super) const NOBODY: Self = Self {
        threads: ThreadSet::EMPTY,
        events: [Event { thread: 0, access: Access::Read, object: Object::SPAWNS }; MOST_THREADS],
    };

    /// `event` is what the thread did when it was explored. While it sleeps its operation stays the same: what
    /// could change that wakes it.
    pub(super) fn insert(&mut self, event: Event) {
        self.threads.insert(event.thread());
        self.events[event.thread()] = event;
    }

    /// The threads that still sleep after `event`.
    fn after(&self, event: Event, mutant: Option<Mutant>) -> Self {
        if self.threads.is_empty() {
            return Self::NOBODY;
        }
        let sleeps_on = |thread: &usize| {
            let sleeper = self.events[*thread];
            let is_deaf = match mutant {
                Some(Mutant::NobodyWakes) => sleeper.thread != event.thread,
                Some(Mutant::ForetoldExchange) => {
                    sleeper.access == Access::Read && sleeper.thread != event.thread
                }
                _ => false,
            };
            is_deaf || !sleeper.depends_on(event)
        };
        Self { threads: self.threads.iter().filter(sleeps_on).collect(), events: self.events }
    }

    /// Whether a sleeper's step is independent of all of `steps`.
    pub(super) fn has_independent_of<'a>(&self, mut steps: impl Iterator<Item = &'a Step> + Clone) -> bool {
        let independent = |thread: usize| {
            let sleeper = self.events[thread];
            !steps.any(|step| step.event.depends_on(sleeper))
        };
        self.threads.iter().any(independent)
    }
}

/// Which share of a state's branches is explored, is the current one, is left.
pub(super) struct Shares {
    pub(super) explored: f64,
    pub(super) current: f64,
    pub(super) left: f64,
}

/// A state on the way to the current execution's end, and what is known of the executions through it.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) sleep: Sleep,
    enabled: ThreadSet,
    /// The threads that are to be explored from here, after the current one.
    pub(super) to_explore: ThreadSet,
    pub(super) current: Decision,
    /// How many values the current step can read.
    pub(super) choices: u8,
    /// What the current step was, once it was taken: it must be the same again.
    taken: Option<(Event, Place)>,
    /// How many branches were explored from here, other threads and other values.
    explored: u32,
}

impl Node {
    /// The state that `step` led to from `parent`, or the first one. `None` if no thread that can go on is awake.
    pub(super) fn new(
        before: Option<(&Self, &Step)>,
        enabled: ThreadSet,
        last: usize,
        mutant: Option<Mutant>,
    ) -> Option<Self> {
        let sleep = before.map_or(Sleep::NOBODY, |(parent, step)| parent.sleep.after(step.event, mutant));
        let thread = enabled.without(sleep.threads).preferring(last)?;
        Some(Self {
            sleep,
            enabled,
            to_explore: ThreadSet::EMPTY,
            current: Decision { thread, choice: 0 },
            choices: 1,
            taken: None,
            explored: 0,
        })
    }

    /// Explores every thread that is awake, whatever races there are.
    pub(super) fn explore_all(&mut self) {
        self.to_explore = self.enabled.without(self.sleep.threads);
        self.to_explore.remove(self.current.thread);
    }

    /// The threads that were explored from here, are being explored, or will be.
    pub(super) fn covered(&self) -> ThreadSet {
        let mut covered = self.sleep.threads;
        covered.insert(self.current.thread);
        self.to_explore.iter().for_each(|thread| covered.insert(thread));
        covered
    }

    /// Notes the step that was taken, or the same one once more.
    ///
    /// # Errors
    /// If the program did something else before.
    pub(super) fn take(&mut self, step: &Step) -> Result<(), String> {
        match self.taken.replace((step.event, step.place)) {
            Some((event, place)) if event != step.event || !is_same(place, step.place) => Err(format!(
                "thread {} accessed the {} at {}, and the {} at {place} before",
                event.thread, step.event.object, step.place, event.object
            )),
            _ => {
                self.choices = step.choices;
                Ok(())
            }
        }
    }

    /// Goes on to the next value, or the next thread, to explore from here. Whether there is one.
    pub(super) fn advance(&mut self, mutant: Option<Mutant>) -> bool {
        self.explored += 1;
        if self.current.choice + 1 < self.choices && mutant != Some(Mutant::NewestOnly) {
            self.current.choice += 1;
            return true;
        }
        if let Some((event, _)) = self.taken.take().filter(|_| mutant != Some(Mutant::NobodySleeps)) {
            self.sleep.insert(event);
        }
        let Some(thread) = self.to_explore.first() else { return false };
        self.to_explore.remove(thread);
        (self.current, self.choices) = (Decision { thread, choice: 0 }, 1);
        true
    }

    /// All branches after the current one, if there are any, as a state of its own; and how they are shared out.
    pub(super) fn others(&self, mutant: Option<Mutant>) -> (Option<Self>, Shares) {
        // By the branches that races have called for: in the others nearly everything is blocked.
        let (explored, known) = self.branches();
        let mut others = self.clone();
        if mutant != Some(Mutant::PieceByRaces) {
            others.explore_all();
        }
        let shares = Shares {
            explored: explored / known,
            current: 1.0 / known,
            left: (known - explored - 1.0) / known,
        };
        let is_any = others.advance(mutant);
        if mutant == Some(Mutant::PieceForgetsTheSleepers) {
            others.sleep = Sleep::NOBODY;
        }
        others.explored = 0;
        (is_any.then_some(others), shares)
    }

    /// How many branches from here are explored, and how many are known.
    pub(super) fn branches(&self) -> (f64, f64) {
        let values_left = u32::from(self.choices - self.current.choice);
        let others = self.to_explore.iter().map(|_| 1).sum::<u32>();
        (f64::from(self.explored), f64::from(self.explored + values_left + others))
    }
}

/// One place mostly has one address, and to compare that is cheaper.
fn is_same(one: Place, other: Place) -> bool {
    std::ptr::eq(one, other) || one == other
}
