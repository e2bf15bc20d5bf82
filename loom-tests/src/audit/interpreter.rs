//! The other engine: every interleaving of a program, by a plain depth-first search. It knows nothing of
//! loom, and has no partial order reduction that could be wrong: it takes every step of every thread in
//! every state it meets, and remembers the states it has been in.
//!
//! Words and locks are sequentially consistent, as read-modify-writes and critical sections on one object
//! are in C11: they read the newest value. A *published* value may be read stale, as release and acquire
//! permit: each thread has a view (the oldest value of each cell that it may still read), which travels
//! with every release to every acquire that reads it.

use super::program::{Condition, Event, Op, Outcome, Program, Raw, Rmw, Update, value_of};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;

/// For each cell the number of the oldest value that may still be read.
type View = Vec<usize>;

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    words: Vec<Word>,
    /// The values of each cell are 0, 1, 2, …; of each, the view of the thread that published it.
    cells: Vec<Vec<View>>,
    locks: Vec<Locked>,
    threads: Vec<Thread>,
    raw: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Word {
    value: u64,
    view: View,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Locked {
    value: u64,
    view: View,
    held: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Thread {
    /// The operation it is at, and how far it is inside of it.
    at: usize,
    phase: u8,
    asleep: bool,
    view: View,
    read: Vec<u64>,
}

/// All outcomes of `program`.
pub(crate) fn outcomes(program: &Program) -> BTreeSet<Outcome> {
    let first = State::new(program);
    let (mut found, mut open) = (BTreeSet::new(), vec![first.clone()]);
    let mut seen = HashSet::from([first]);
    while let Some(state) = open.pop() {
        let next: Vec<_> =
            (0..program.threads.len()).flat_map(|thread| state.steps(program, thread)).collect();
        if next.is_empty() {
            found.insert(state.outcome(program));
        }
        for state in next {
            if seen.insert(state.clone()) {
                open.push(state);
            }
        }
    }
    found
}

impl State {
    fn new(program: &Program) -> Self {
        let view = vec![0; program.publishers.len()];
        let thread = Thread { view: view.clone(), ..Thread::default() };
        Self {
            words: vec![Word { value: 0, view: view.clone() }; program.words],
            cells: vec![vec![view.clone()]; program.publishers.len()],
            locks: vec![Locked { value: 0, view, held: false }; program.locks.len()],
            threads: vec![thread; program.threads.len()],
            raw: 0,
        }
    }

    fn outcome(self, program: &Program) -> Outcome {
        if self.threads.iter().zip(&program.threads).any(|(thread, ops)| thread.at < ops.len()) {
            return Outcome::Deadlock;
        }
        let words = self.words.iter().map(|word| word.value);
        Outcome::Finished {
            last: words.chain(self.locks.iter().map(|lock| lock.value)).collect(),
            read: self.threads.into_iter().map(|thread| thread.read).collect(),
        }
    }

    /// Where thread `t` can take this state in one step: nowhere, if it has finished or is blocked.
    fn steps(&self, program: &Program, t: usize) -> Vec<Self> {
        let (mut state, thread) = (self.clone(), &self.threads[t]);
        let Some(op) = program.threads[t].get(thread.at).filter(|_| !thread.asleep) else {
            return Vec::new();
        };
        match (op, thread.phase) {
            (Op::Alone(event), _) => {
                return state.event(t, event).into_iter().map(|state| state.finish(t)).collect();
            }
            (Op::Critical { lock, .. } | Op::Wait { monitor: lock, .. }, 0) => {
                if state.locks[*lock].held {
                    return Vec::new();
                }
                state.lock(t, *lock, matches!(op, Op::Critical { .. }));
            }
            (Op::Critical { inside: Some(event), .. }, 1) => {
                let enter = |mut state: Self| {
                    state.threads[t].phase = 2;
                    state
                };
                return state.event(t, event).into_iter().map(enter).collect();
            }
            (Op::Critical { lock, add, notify, .. }, _) => {
                state.locks[*lock].value += add;
                if *notify {
                    state.wake(program, *lock);
                }
                state.unlock(t, *lock);
                state = state.finish(t);
            }
            (Op::Wait { monitor, on }, _) => {
                let holds = state.holds(t, *monitor, on);
                state.unlock(t, *monitor);
                state.threads[t].phase = 0;
                state.threads[t].asleep = !holds;
                state = if holds { state.finish(t) } else { state };
            }
        }
        vec![state]
    }

    fn finish(mut self, t: usize) -> Self {
        (self.threads[t].at, self.threads[t].phase) = (self.threads[t].at + 1, 0);
        self
    }

    fn lock(&mut self, t: usize, lock: usize, reads: bool) {
        let (lock, thread) = (&mut self.locks[lock], &mut self.threads[t]);
        lock.held = true;
        join(&mut thread.view, &lock.view);
        thread.phase = 1;
        if reads {
            thread.read.push(lock.value);
        }
    }

    fn unlock(&mut self, t: usize, lock: usize) {
        let lock = &mut self.locks[lock];
        lock.held = false;
        join(&mut lock.view, &self.threads[t].view);
    }

    fn wake(&mut self, program: &Program, lock: usize) {
        for (thread, ops) in self.threads.iter_mut().zip(&program.threads) {
            if matches!(ops.get(thread.at), Some(Op::Wait { monitor, .. }) if *monitor == lock) {
                thread.asleep = false;
            }
        }
    }

    fn holds(&mut self, t: usize, monitor: usize, on: &Condition) -> bool {
        match on {
            Condition::AtLeast(wanted) => {
                let value = self.locks[monitor].value;
                if value < *wanted {
                    return false;
                }
                self.threads[t].read.push(value);
                self.locks[monitor].value -= wanted;
                true
            }
            Condition::Updated { word, update } => {
                let result = self.update(t, *word, update);
                // A refused attempt is not part of the outcome: how often a waiter looks is its own affair.
                result.inspect(|value| self.threads[t].read.push(*value)).is_ok()
            }
        }
    }

    /// One event of thread `t`; several states where it may read one of several values.
    fn event(mut self, t: usize, event: &Event) -> Vec<Self> {
        let value = match event {
            Event::Update { word, update } => Some(value_of(self.update(t, *word, update))),
            Event::Rmw { word, action, order } => {
                let value = self.words[*word].value;
                self.exchange(t, *word, action.next(value), *order);
                Some(value)
            }
            Event::Publish { cell } => {
                self.threads[t].view[*cell] = self.cells[*cell].len();
                self.cells[*cell].push(self.threads[t].view.clone());
                None
            }
            Event::Get { cell } => {
                let readable = self.threads[t].view[*cell]..self.cells[*cell].len();
                return readable.map(|value| self.clone().get(t, *cell, value)).collect();
            }
            Event::Raw(raw) => self.raw(*raw),
        };
        self.threads[t].read.extend(value);
        vec![self]
    }

    fn get(mut self, t: usize, cell: usize, value: usize) -> Self {
        join(&mut self.threads[t].view, &self.cells[cell][value]);
        self.threads[t].read.push(value as u64);
        self
    }

    fn update(&mut self, t: usize, word: usize, update: &Update) -> Result<u64, u64> {
        let value = self.words[word].value;
        if let Some(next) = update.next(value) {
            self.exchange(t, word, next, update.orders.0);
            return Ok(value);
        }
        if acquires(update.orders.1) {
            join(&mut self.threads[t].view, &self.words[word].view);
        }
        Err(value)
    }

    /// A read-modify-write. The word keeps the views released before: it is a release sequence.
    fn exchange(&mut self, t: usize, word: usize, next: u64, order: Ordering) {
        let (word, thread) = (&mut self.words[word], &mut self.threads[t]);
        word.value = next;
        if acquires(order) {
            join(&mut thread.view, &word.view);
        }
        if matches!(order, Ordering::Release | Ordering::AcqRel) {
            join(&mut word.view, &thread.view);
        }
    }

    /// Sequentially consistent: the outcomes of a stronger order than the twin uses, so loom must have them.
    fn raw(&mut self, raw: Raw) -> Option<u64> {
        let value = self.raw;
        match raw {
            Raw::Load => Some(value),
            Raw::Store(next) => {
                self.raw = next;
                None
            }
            Raw::CompareExchange(old, next) if old == value => {
                self.raw = next;
                Some(value)
            }
            Raw::CompareExchange(..) => Some(value_of(Err(value))),
        }
    }
}

impl Rmw {
    fn next(self, value: u64) -> u64 {
        match self {
            Self::Add(n) => value.wrapping_add(n),
            Self::Subtract(n) => value.wrapping_sub(n),
            Self::SetBits(mask) => value | mask,
            Self::Read => value,
        }
    }
}

fn acquires(order: Ordering) -> bool {
    matches!(order, Ordering::Acquire | Ordering::AcqRel)
}

fn join(view: &mut View, other: &View) {
    for (mine, theirs) in view.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}
