//! The engine that is audited: a program under loom, through `blockgate::sync` itself.

use super::program::{Condition, Event, Lock, Op, Outcome, Program, Raw, Rmw, Update, value_of};
use blockgate::sync::{CounterWord, Monitor, Mutex, Published, Publisher, published};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::{Arc, PoisonError};

/// What loom found.
pub(crate) struct Explored {
    pub(crate) outcomes: BTreeSet<Outcome>,
    pub(crate) executions: u64,
}

/// Explores `program` without any bound. A deadlock ends loom's search, so what comes after it is missing.
///
/// # Panics
/// When loom panics with anything but a deadlock.
pub(crate) fn explore(program: &Program) -> Explored {
    let (found, executions) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
    let (program, sink, count) = (Arc::new(program.clone()), Arc::clone(&found), Arc::clone(&executions));
    let search = AssertUnwindSafe(move || {
        unbounded().check(move || {
            count.fetch_add(1, Relaxed);
            execute(&program, &sink);
        });
    });
    let ended = catch_unwind(search);
    let mut outcomes = std::mem::take(&mut *lock(&found));
    if let Err(panic) = ended {
        let said = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(said.starts_with("deadlock"), "loom gave up: {said}");
        outcomes.insert(Outcome::Deadlock);
    }
    Explored { outcomes, executions: executions.load(Relaxed) }
}

type Shared<T = BTreeSet<Outcome>> = std::sync::Mutex<T>;

/// Loom reads its limits from the environment; here they would be holes that go unseen.
fn unbounded() -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    (builder.max_branches, builder.preemption_bound) = (1_000, None);
    (builder.max_permutations, builder.max_duration, builder.checkpoint_file) = (None, None, None);
    builder
}

/// The objects of a program. The shared halves of loom's are in std's `Arc`, which loom does not see.
struct World {
    words: Vec<CounterWord>,
    publishers: Vec<Shared<Option<Publisher>>>,
    readers: Vec<Published>,
    locks: Vec<AnyLock>,
    raw: loom::sync::atomic::AtomicU64,
    read: Vec<Shared<Vec<u64>>>,
}

enum AnyLock {
    Mutex(Mutex<u64>),
    Monitor(Monitor<u64>),
}

/// One execution: the main thread is thread 0, and the thread that ends last records the outcome.
fn execute(program: &Arc<Program>, found: &Arc<Shared>) {
    let world = Arc::new(World::new(program));
    for thread in 1..program.threads.len() {
        let (program, world, found) = (Arc::clone(program), Arc::clone(&world), Arc::clone(found));
        loom::thread::spawn(move || run(&program, thread, world, &found));
    }
    run(program, 0, world, found);
}

fn run(program: &Program, thread: usize, world: Arc<World>, found: &Shared) {
    let mut role =
        Role { world: &world, publishers: world.take_publishers(program, thread), read: Vec::new() };
    for op in &program.threads[thread] {
        role.operate(op);
    }
    *lock(&world.read[thread]) = role.read;
    if let Some(world) = Arc::into_inner(world) {
        lock(found).insert(world.outcome());
    }
}

impl World {
    fn new(program: &Program) -> Self {
        let (writers, readers): (Vec<_>, Vec<_>) = program.publishers.iter().map(|_| published(0)).unzip();
        let any = |lock: &Lock| match lock {
            Lock::Mutex => AnyLock::Mutex(Mutex::new(0)),
            Lock::Monitor => AnyLock::Monitor(Monitor::new(0)),
        };
        Self {
            words: (0..program.words).map(|_| CounterWord::new(0)).collect(),
            publishers: writers.into_iter().map(|publisher| Shared::new(Some(publisher))).collect(),
            readers,
            locks: program.locks.iter().map(any).collect(),
            raw: loom::sync::atomic::AtomicU64::new(0),
            read: program.threads.iter().map(|_| Shared::default()).collect(),
        }
    }

    fn take_publishers(&self, program: &Program, thread: usize) -> Vec<Option<Publisher>> {
        let mine = program.publishers.iter().map(|publisher| *publisher == thread);
        mine.zip(&self.publishers).map(|(mine, half)| lock(half).take_if(|_| mine)).collect()
    }

    fn outcome(mut self) -> Outcome {
        let words = self.words.iter_mut().map(CounterWord::exclusive_value);
        let locks = self.locks.iter_mut().map(|any| match any {
            AnyLock::Mutex(mutex) => *mutex.get_mut(),
            AnyLock::Monitor(monitor) => *monitor.get_mut(),
        });
        let read = self.read.iter().map(|read| lock(read).clone()).collect();
        Outcome::Finished { read, last: words.chain(locks).collect() }
    }
}

/// A thread of a program.
struct Role<'a> {
    world: &'a World,
    publishers: Vec<Option<Publisher>>,
    read: Vec<u64>,
}

impl Role<'_> {
    fn operate(&mut self, op: &Op) {
        match op {
            Op::Alone(event) => self.event(event),
            Op::Critical { lock, inside, add, notify } => match &self.world.locks[*lock] {
                AnyLock::Mutex(mutex) => {
                    let mut value = mutex.lock();
                    self.inside(*value, inside.as_ref());
                    *value += add;
                }
                AnyLock::Monitor(monitor) => {
                    let mut value = monitor.lock();
                    self.inside(*value, inside.as_ref());
                    *value += add;
                    if *notify {
                        value.notify_all();
                    }
                }
            },
            Op::Wait { monitor, on } => {
                let AnyLock::Monitor(monitor) = &self.world.locks[*monitor] else {
                    unreachable!("programs wait at monitors only")
                };
                let value = monitor.wait_until(|value| self.holds(value, on));
                self.read.push(value);
            }
        }
    }

    fn inside(&mut self, value: u64, event: Option<&Event>) {
        self.read.push(value);
        if let Some(event) = event {
            self.event(event);
        }
    }

    fn holds(&self, value: &mut u64, on: &Condition) -> Option<u64> {
        match on {
            Condition::AtLeast(wanted) => {
                let before = *value;
                *value = before.checked_sub(*wanted)?;
                Some(before)
            }
            Condition::Updated { word, update } => self.update(*word, update).ok(),
        }
    }

    fn event(&mut self, event: &Event) {
        let value = match event {
            Event::Update { word, update } => Some(value_of(self.update(*word, update))),
            Event::Rmw { word, action, order } => {
                let word = &self.world.words[*word];
                Some(match *action {
                    Rmw::Add(n) => word.add(n, *order),
                    Rmw::Subtract(n) => word.subtract(n, *order),
                    Rmw::SetBits(mask) => word.set_bits(mask, *order),
                    Rmw::Read => word.read(*order),
                })
            }
            Event::Publish { cell } => {
                let publisher = self.publishers[*cell].as_mut().expect("a cell has one publisher");
                publisher.publish(publisher.last() + 1);
                None
            }
            Event::Get { cell } => Some(self.world.readers[*cell].get()),
            Event::Raw(raw) => self.raw(*raw),
        };
        self.read.extend(value);
    }

    fn update(&self, word: usize, update: &Update) -> Result<u64, u64> {
        self.world.words[word].update(update.likely, update.orders, |value| update.next(value))
    }

    fn raw(&self, raw: Raw) -> Option<u64> {
        match raw {
            Raw::Load => Some(self.world.raw.load(Acquire)),
            Raw::Store(value) => {
                self.world.raw.store(value, Release);
                None
            }
            Raw::CompareExchange(old, new) => {
                Some(value_of(self.world.raw.compare_exchange(old, new, AcqRel, Acquire)))
            }
        }
    }
}

fn lock<T>(shared: &Shared<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
