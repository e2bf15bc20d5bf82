//! The state of an execution, and which threads can go on.

use super::role::{Job, Pending, Role, Wait};
use crate::clock::Clock;
use crate::dependence::Accesses;
use crate::event::{Object, Sort};
use crate::failure::{FailureKind, Waiting};
use crate::objects::cell::Shared;
use crate::objects::mutex::Lock;
use crate::objects::table::Table;
use crate::objects::word::{Accessor, Word};
use crate::operation::Operation;
use crate::schedule::Decision;
use crate::threads::{MOST_THREADS, ThreadSet};
use crate::trace::Trace;
use std::sync::atomic::{AtomicU64, Ordering};

/// Decides which thread goes on.
pub(crate) trait Scheduler {
    /// One of `enabled`; or `None` if no execution through here is wanted. `last` went on last.
    fn choose(&mut self, trace: &Trace, enabled: ThreadSet, last: usize) -> Option<Decision>;
}

/// Where an execution stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The first thread is alone: there is nothing to choose, so nothing is recorded.
    Alone,
    /// Each operation is a step that the scheduler chooses.
    Explored,
    /// Nothing new lies ahead, as the scheduler says. The execution goes on to its end, in any order, since
    /// to unwind its threads would run their guards in a world that no real execution comes to.
    Unwanted,
    /// It has failed. Its threads unwind; their operations take effect at once and are no events.
    Broken,
}

pub(crate) struct Execution {
    /// Distinguishes the executions of this process, to refuse what was made in another one.
    pub(crate) number: u64,
    pub(crate) phase: Phase,
    pub(crate) is_in_a_thread: bool,
    pub(crate) current: usize,
    /// The thread that took the last step. (A new thread that goes as far as its first operation takes none.)
    last: usize,
    /// The thread that goes on when the current thread is suspended, if that is decided.
    pub(crate) next: Option<usize>,
    /// Which value the current step reads, if it loads.
    pub(crate) choice: u8,
    pub(crate) roles: Vec<Role>,
    /// Those that were spawned and have not come to their first operation.
    pub(crate) fresh: ThreadSet,
    pub(crate) words: Table<Word>,
    pub(crate) locks: Table<Lock>,
    pub(crate) cells: Table<Shared>,
    pub(crate) spawns: Accesses,
    pub(crate) trace: Trace,
    pub(crate) failure: Option<FailureKind>,
    pub(crate) max_steps: usize,
    pub(crate) scheduler: Box<dyn Scheduler>,
    pub(crate) is_observed: bool,
    pub(crate) observed: Vec<Operation>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Execution {
    pub(crate) fn new(scheduler: Box<dyn Scheduler>, max_steps: usize) -> Self {
        Self {
            number: 0,
            phase: Phase::Alone,
            is_in_a_thread: false,
            current: 0,
            last: 0,
            next: None,
            choice: 0,
            roles: Vec::with_capacity(MOST_THREADS),
            fresh: ThreadSet::EMPTY,
            words: Table::new(),
            locks: Table::new(),
            cells: Table::new(),
            spawns: Accesses::default(),
            trace: Trace::default(),
            failure: None,
            max_steps,
            scheduler,
            is_observed: false,
            observed: Vec::new(),
        }
    }

    /// Begins anew, with `job` as the first thread.
    pub(crate) fn begin(&mut self, job: Job) {
        self.number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self.phase = Phase::Alone;
        (self.current, self.last, self.next, self.choice) = (0, 0, None, 0);
        self.roles.clear();
        self.fresh = ThreadSet::EMPTY;
        self.words.clear();
        self.locks.clear();
        self.cells.clear();
        self.spawns = Accesses::default();
        self.trace.clear();
        self.failure = None;
        self.observed.clear();
        self.add_role(job, Clock::ZERO, Clock::ZERO);
    }

    /// A new thread, which is not to begin before the current one is suspended.
    pub(crate) fn add_role(&mut self, job: Job, progress: Clock, known: Clock) -> usize {
        let index = self.roles.len();
        self.roles.push(Role::new(job, index, progress, known));
        self.fresh.insert(index);
        index
    }

    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self.phase, Phase::Explored | Phase::Unwanted)
    }

    pub(crate) fn role(&mut self) -> &mut Role {
        &mut self.roles[self.current]
    }

    /// The current thread's part in an access to a word.
    pub(crate) fn accessor(roles: &mut [Role], current: usize) -> Accessor<'_> {
        let thread = u8::try_from(current).expect("at most eight threads");
        Accessor { thread, known: &mut roles[current].known }
    }

    pub(crate) fn word_and_accessor(&mut self, object: Object) -> (&mut Word, Accessor<'_>) {
        (self.words.get_mut(object), Self::accessor(&mut self.roles, self.current))
    }

    /// The first failure counts. What follows is no execution of the program any more.
    pub(crate) fn fail(&mut self, kind: FailureKind) {
        self.failure.get_or_insert(kind);
        self.phase = Phase::Broken;
    }

    /// Whether nothing but the scheduler keeps the thread from going on.
    pub(crate) fn is_ready(&self, thread: usize, pending: &Pending) -> bool {
        match pending.wait {
            Wait::Turn => true,
            Wait::Lock => self.locks.get(pending.object).holder.is_none(),
            Wait::Token => self.roles[thread].token.is_set,
            Wait::End(other) => self.roles[other].is_over,
        }
    }

    fn enabled(&self) -> ThreadSet {
        let ready = |(thread, role): (usize, &Role)| {
            let pending = role.pending.as_ref()?;
            self.is_ready(thread, pending).then_some(thread)
        };
        self.roles.iter().enumerate().filter_map(ready).collect()
    }

    /// Decides which thread goes on: none, where none can.
    pub(crate) fn decide(&mut self) -> Option<usize> {
        let enabled = self.enabled();
        if enabled.is_empty() {
            return None;
        }
        if self.trace.len() >= self.max_steps {
            self.fail(FailureKind::TooManySteps(self.max_steps));
            return None;
        }
        let decision = self.choose(enabled)?;
        if !enabled.contains(decision.thread) {
            let (step, thread) = (self.trace.len(), decision.thread);
            self.fail(FailureKind::NotDeterministic(format!("thread {thread} cannot take step {step}")));
            return None;
        }
        (self.current, self.choice) = (decision.thread, decision.choice);
        self.last = decision.thread;
        Some(decision.thread)
    }

    fn choose(&mut self, enabled: ThreadSet) -> Option<Decision> {
        if self.phase == Phase::Explored {
            if let Some(decision) = self.scheduler.choose(&self.trace, enabled, self.last) {
                return Some(decision);
            }
            self.attempt_locks();
            self.phase = Phase::Unwanted;
            self.trace.watched_from = usize::MAX;
        }
        let thread = enabled.preferring(self.last)?;
        Some(Decision { thread, choice: 0 })
    }

    /// Every thread that has not ended, and what it waits for.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let pending = |(thread, role): (usize, &Role)| role.pending.map(|pending| (thread, pending));
        let waiting = self.roles.iter().enumerate().filter_map(pending);
        let all = waiting.map(|(thread, Pending { object, place, .. })| {
            let holder = (object.sort() == Sort::Mutex).then(|| self.locks.get(object).holder).flatten();
            Waiting { thread, object, place, holder }
        });
        all.collect()
    }
}
