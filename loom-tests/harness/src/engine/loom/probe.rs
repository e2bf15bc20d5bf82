//! What loom's `tracing` events say of a search: threads, scheduling points, what meets, and where a hole is.
//!
//! Loom keeps all of it to itself but emits events, so a subscriber of the model's own OS thread listens: to the
//! span `thread` of each loom thread, the span `iter` of each execution, and the events of its operations. All
//! other call sites are switched off for good.

use super::event::{self, Kind, Kinds, Line, Sort, Subject, is_watched};
use super::holes::{Access, Words};
use super::order::{MOST_THREADS, Order};
use super::place::{self, Place};
use super::pulse::Pulse;
use super::steps::Steps;
use crate::search::{Doubt, Hole, Row};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest, set_default};
use tracing::{Event, Metadata, Subscriber};

/// What was seen on this OS thread.
#[derive(Default)]
pub(super) struct Seen {
    /// Loom threads, the main one included; the most in any execution.
    pub(super) threads: u64,
    /// Scheduling points of the deepest execution.
    pub(super) deepest: u64,
    /// Two threads did something that could have come in the other order.
    pub(super) met: bool,
    /// Once each, with a place for each kind.
    holes: Vec<(Hole, Place)>,
    /// More than one search at once.
    own_search: bool,
    /// Different stacks of waits on a condvar, and what they are known by.
    waits: Vec<Place>,
    known_waits: HashSet<Vec<usize>>,
    drawn: Steps,
}

impl Seen {
    /// What was drawn, which is left empty.
    pub(super) fn rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.drawn).rows()
    }

    /// The reasons why this search has not explored everything. Looks at the program's debug information.
    pub(super) fn doubts(self) -> BTreeSet<Doubt> {
        let timeout = self.waits.into_iter().find_map(|mut wait| wait.is_in("wait_timeout").then_some(wait));
        let holes = self.holes.into_iter().chain(timeout.map(|wait| (Hole::Timeout, wait)));
        let holes = holes.map(|(hole, place)| Doubt::Hole(hole, place.line()));
        holes.chain(self.own_search.then_some(Doubt::OwnSearch)).collect()
    }
}

/// The execution that is under way.
#[derive(Default)]
struct Watch {
    seen: Seen,
    kinds: Kinds,
    /// The running thread.
    thread: usize,
    depth: u64,
    searches: u32,
    order: Order,
    words: Words,
    /// Of each thread the object of its last notifier, which a spawn makes into that of its join.
    notifier: [usize; MOST_THREADS],
    /// The notifiers of joins, with the thread that ends.
    joins: Vec<(usize, usize)>,
    /// The steps of this execution, a line each, if they are wanted.
    steps: Option<String>,
    /// For a timeline.
    is_drawn: bool,
    /// For those that ask how far it is.
    pulse: Option<Arc<Pulse>>,
    /// Each operation is printed (`LOOM_LOG`).
    is_logged: bool,
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

/// Watches this OS thread while the guard lives.
pub(super) fn install(pulse: Option<Arc<Pulse>>) -> DefaultGuard {
    let is_logged = std::env::var_os("LOOM_LOG").is_some_and(|value| !value.is_empty() && value != "off");
    WATCH.set(Watch { pulse, is_logged, ..Watch::default() });
    set_default(Probe)
}

/// Before the first operation of an execution. Its steps are written down, if `steps`.
///
/// # Returns
/// The steps of the execution before it, if those were.
pub(super) fn begin_execution(steps: bool) -> Option<String> {
    WATCH.with_borrow_mut(|watch| watch.begin(steps))
}

/// From here on the operations are kept for a timeline, or not.
pub(super) fn draw(is_drawn: bool) {
    WATCH.with_borrow_mut(|watch| watch.is_drawn = is_drawn);
}

/// What was seen since [`install`], which is forgotten.
pub(super) fn seen() -> Seen {
    WATCH.take().seen
}

impl Watch {
    fn begin(&mut self, steps: bool) -> Option<String> {
        if let Some(pulse) = &self.pulse {
            pulse.executions.fetch_add(1, Relaxed);
        }
        (self.depth, self.order) = (0, Order::default());
        self.words.clear();
        self.joins.clear();
        // Loom says "iter" once before each of its executions.
        self.seen.own_search |= std::mem::take(&mut self.searches) > 1;
        std::mem::replace(&mut self.steps, steps.then(String::new))
    }

    fn begin_thread(&mut self, index: usize) {
        let index = index.min(MOST_THREADS - 1);
        self.seen.threads = self.seen.threads.max(index as u64 + 1);
        if index == 0 {
            self.thread = 0;
        } else {
            self.order.spawn(self.thread, index);
            self.joins.push((self.notifier[self.thread], index));
            self.draw(|steps, thread| steps.plain(thread, format!("spawn thread #{index}")));
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        let kind = self.kinds.of(event);
        if let Some(steps) = &mut self.steps {
            let _ = write!(steps, "thread #{}:", self.thread);
            event.record(&mut Line(steps));
            steps.push('\n');
        }
        if self.is_logged {
            let mut line = String::new();
            event.record(&mut Line(&mut line));
            eprintln!("thread #{}:{line}", self.thread);
        }
        match kind {
            Kind::Switch => self.switch(),
            Kind::Yield => {
                self.switch();
                self.draw(|steps, thread| steps.plain(thread, "yield"));
            }
            Kind::Load => self.access(event, kind, Access::Load),
            Kind::Store => self.access(event, kind, Access::Store),
            Kind::Rmw => self.access(event, kind, Access::Rmw),
            Kind::Action => self.action(event),
            Kind::Wait => self.wait(event, kind, &Subject::of(event)),
            Kind::Park => {
                self.step();
                self.draw(|steps, thread| steps.plain(thread, "park"));
            }
            Kind::New => self.draw(|steps, _| steps.made(Subject::of(event).object)),
            Kind::NotifyNew => self.notifier[self.thread] = Subject::of(event).object,
            Kind::Notified => self.notified(&Subject::of(event)),
            Kind::CondvarWait => {
                self.condvar_wait();
                self.draw(|steps, thread| steps.operation(thread, kind, &Subject::of(event), event));
            }
            Kind::Other => {}
        }
    }

    fn draw(&mut self, act: impl FnOnce(&mut Steps, usize)) {
        if self.is_drawn {
            act(&mut self.seen.drawn, self.thread);
        }
    }

    fn switch(&mut self) {
        self.depth += 1;
        self.seen.deepest = self.seen.deepest.max(self.depth);
        if let Some(pulse) = &self.pulse {
            pulse.points.fetch_add(1, Relaxed);
            pulse.deepest.store(self.seen.deepest, Relaxed);
        }
    }

    fn step(&mut self) -> u32 {
        let number = self.order.step(self.thread);
        self.seen.met = self.seen.met || self.order.meets_another(self.thread);
        number
    }

    fn access(&mut self, event: &Event<'_>, kind: Kind, access: Access) {
        let subject = Subject::of(event);
        self.draw(|steps, thread| steps.operation(thread, kind, &subject, event));
        let number = self.step();
        let hole = self.words.access(subject.object, access, (self.thread, number), &self.order);
        let holes = [hole, subject.is_seq_cst.then_some(Hole::SeqCst)];
        holes.into_iter().flatten().for_each(|hole| self.hole(hole));
    }

    fn action(&mut self, event: &Event<'_>) {
        let subject = Subject::of(event);
        match subject.sort {
            // Its own event follows.
            Sort::Atomic => {}
            Sort::Mutex | Sort::RwLock => {
                self.step();
                self.draw(|steps, thread| steps.operation(thread, Kind::Action, &subject, event));
                self.hole(Hole::TryLock);
            }
            _ => self.wait(event, Kind::Action, &subject),
        }
    }

    /// The end of a thread, and the wait for it, are no operations of the program.
    fn wait(&mut self, event: &Event<'_>, kind: Kind, subject: &Subject) {
        let ended = self.joined_by(subject.object).filter(|_| subject.sort == Sort::Notify);
        match ended {
            Some(ended) if ended == self.thread => {}
            Some(ended) => self.draw(|steps, thread| steps.plain(thread, format!("join thread #{ended}"))),
            None => {
                self.step();
                self.draw(|steps, thread| steps.operation(thread, kind, subject, event));
            }
        }
    }

    fn notified(&mut self, subject: &Subject) {
        if let Some(ended) = self.joined_by(subject.object) {
            self.order.join(self.thread, ended);
        }
    }

    fn joined_by(&self, notifier: usize) -> Option<usize> {
        self.joins.iter().find(|(known, _)| *known == notifier).map(|(_, thread)| *thread)
    }

    fn hole(&mut self, hole: Hole) {
        if !self.seen.holes.iter().any(|(known, _)| *known == hole) {
            self.seen.holes.push((hole, place::here()));
        }
    }

    /// It says nothing of a timeout: the stack does.
    fn condvar_wait(&mut self) {
        let here = place::here();
        if self.seen.known_waits.insert(here.key()) {
            self.seen.waits.push(here);
        }
    }
}

struct Probe;

fn is_span(meta: &Metadata<'_>, name: &str, target: &str) -> bool {
    meta.is_span() && meta.name() == name && meta.target() == target
}

fn is_thread(meta: &Metadata<'_>) -> bool {
    is_span(meta, "thread", "loom::rt::thread")
}

fn is_execution(meta: &Metadata<'_>) -> bool {
    is_span(meta, "iter", "loom::model")
}

impl Subscriber for Probe {
    fn register_callsite(&self, meta: &'static Metadata<'static>) -> Interest {
        if !self.enabled(meta) {
            return Interest::never();
        }
        event::note_source(meta);
        Interest::always()
    }

    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        is_watched(meta) || is_thread(meta) || is_execution(meta)
    }

    /// A thread's has its index, plus one; others have none of their own.
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if is_execution(span.metadata()) {
            WATCH.with_borrow_mut(|watch| watch.searches += 1);
            return Id::from_u64(u64::MAX);
        }
        let mut index = Index(0);
        span.record(&mut index);
        WATCH.with_borrow_mut(|watch| watch.begin_thread(index.0));
        Id::from_u64(index.0 as u64 + 1)
    }

    fn event(&self, event: &Event<'_>) {
        WATCH.with_borrow_mut(|watch| watch.event(event));
    }

    fn enter(&self, span: &Id) {
        let index = usize::try_from(span.into_u64() - 1).ok();
        if let Some(thread) = index.filter(|index| *index < MOST_THREADS) {
            WATCH.with_borrow_mut(|watch| watch.thread = thread);
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Reads the field `id` of loom's span `thread`.
struct Index(usize);

impl Visit for Index {
    fn record_u64(&mut self, field: &Field, index: u64) {
        if field.name() == "id" {
            self.0 = usize::try_from(index).unwrap_or(usize::MAX).min(MOST_THREADS - 1);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
