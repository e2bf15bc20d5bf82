//! A transaction composed by hand from a gate, a queue of delayed refs and an extent tree, by programs of
//! steps: one handle with two refs, and one commit.

use std::sync::Arc;

use blockgate::delayed_ref::DrainedRefs;
use blockgate::sync::{Mutex, MutexGuard};
use blockgate::{
    Closed, DelayedRef, DelayedRefQueue, ExtentTree, Gate, Inside, LogicalRange, Shards, TransactionId,
};
use loom_harness::{check, note, reached};

use super::steps::{Role, Step};
use crate::support::{Note, compare_nothing, have, last, role};

/// Who does what: the main thread commits, another thread joins and queues two refs.
#[derive(Debug, Clone)]
pub struct Transaction {
    joiner: Vec<Step>,
    committer: Vec<Step>,
    commits_twice: bool,
}

impl Transaction {
    /// Nothing is left out.
    pub fn new() -> Self {
        Self {
            joiner: Role::Joiner.program().into(),
            committer: Role::Committer.program().into(),
            commits_twice: false,
        }
    }

    /// The handle has ended, and two commit at once.
    pub fn committed_twice(self) -> Self {
        Self { commits_twice: true, ..self }
    }

    pub fn joiner(self, joiner: Vec<Step>) -> Self {
        Self { joiner, ..self }
    }

    pub fn committer(self, committer: Vec<Step>) -> Self {
        Self { committer, ..self }
    }

    /// The model in which nothing is left out, and its roles.
    pub fn model(&self) -> (&'static str, [&'static str; 2]) {
        if self.commits_twice {
            ("transaction/by-hand-2-committers", ["joiner, then committer", Role::Committer.name()])
        } else {
            ("transaction/by-hand", [Role::Committer.name(), Role::Joiner.name()])
        }
    }

    fn is_whole(&self) -> bool {
        self.joiner == Role::Joiner.program() && self.committer == Role::Committer.program()
    }

    /// The body of a model or twin.
    pub fn run(&self) {
        if self.is_whole() {
            // The events are those of the tree alone: of who commits and of the refs there are none.
            crate::support::begin(&[], &["C1", "D1"]);
        } else {
            compare_nothing();
        }
        let world = Arc::new(World::new(self.clone()));
        if self.commits_twice {
            world.join();
            role(&world, World::commit, World::check);
        } else {
            role(&world, World::join, World::check);
        }
        world.commit();
        last(world, World::check);
    }
}

struct World {
    steps: Transaction,
    handles: Gate,
    queue: DelayedRefQueue,
    tree: ExtentTree,
    commits: Mutex<()>,
    /// How many drains came before each ref was queued.
    drains: [Note<Option<u64>>; 2],
    /// The handle has ended.
    ended: Note<bool>,
}

/// What the committer holds.
#[derive(Default)]
struct Committing<'w> {
    lock: Option<MutexGuard<'w, ()>>,
    closed: Option<Closed<'w>>,
    refs: Option<DrainedRefs>,
}

const ONE_STATE: &str = "C3: a commit root is one transaction's state";

fn block(number: usize) -> LogicalRange {
    LogicalRange::new(number as u64 * 4096, 4096).expect("a range")
}

/// Does `step`. What takes is reported right after it, what gives up right before: see `src/event.rs`.
fn noted(step: Step, act: impl FnOnce()) {
    let gives_up = step.undoes().is_some();
    if gives_up {
        note(step.to_string());
    }
    act();
    if !gives_up {
        note(step.to_string());
    }
}

impl World {
    fn new(steps: Transaction) -> Self {
        let shards = Shards::new(2);
        Self {
            steps,
            handles: Gate::new(shards),
            queue: DelayedRefQueue::new(shards),
            tree: ExtentTree::new(),
            commits: Mutex::new(()),
            drains: Default::default(),
            ended: Note::default(),
        }
    }

    fn join(&self) {
        let mut inside = None;
        for step in &self.steps.joiner {
            noted(*step, || match step {
                Step::Enter => inside = Some(self.enter()),
                Step::PublishFirst => self.publish(0),
                Step::PublishSecond => self.publish(1),
                Step::Leave => drop(have(inside.take())),
                step => unreachable!("{step} is no step of a joiner"),
            });
        }
        self.ended.set(true);
        // What no step gave up is leaked.
        std::mem::forget(inside);
    }

    fn enter(&self) -> Inside<'_> {
        let inside = self.handles.enter().or_else(|_closed| {
            reached("waited-to-enter");
            self.handles.wait_enter()
        });
        inside.expect("nobody seals it")
    }

    fn publish(&self, number: usize) {
        let drains = self.queue.push(DelayedRef::add(block(number)));
        self.drains[number].set(Some(drains));
    }

    fn commit(&self) {
        let mut committing = Committing::default();
        let ended_before = self.ended.get();
        for step in &self.steps.committer {
            noted(*step, || self.commit_step(*step, &mut committing));
        }
        // What no step gave up is leaked.
        std::mem::forget((committing.closed, committing.lock));
        self.check_root(ended_before);
    }

    fn commit_step<'w>(&'w self, step: Step, c: &mut Committing<'w>) {
        match step {
            Step::Close => c.closed = Some(self.handles.close()),
            Step::WaitEmpty => {
                if have(c.closed.as_ref()).wait_empty() {
                    reached("waited");
                }
            }
            Step::Drain => c.refs = Some(self.queue.drain()),
            Step::Apply => drop(self.tree.apply(&have(c.refs.take()).fold()).expect("the refs fit")),
            Step::Switch => self.switch(),
            Step::Lock => c.lock = Some(self.commits.lock()),
            Step::Unlock => drop(have(c.lock.take())),
            Step::Open => drop(have(c.closed.take())),
            step => unreachable!("{step} is no step of a committer"),
        }
    }

    fn switch(&self) {
        let next = TransactionId(self.tree.commit_root().transaction().0 + 1);
        self.tree.switch_commit_root(self.tree.candidate(next));
    }

    /// All refs of a handle or none; and all, if it has ended before.
    fn check_root(&self, ended_before: bool) {
        let root = self.tree.commit_root();
        reached(["lands-in-the-next", "in-part", "in-the-root"][root.len()]);
        check(root.len() != 1, ONE_STATE, || "it has one ref of the handle's two".into());
        check(root.len() == 2 || !ended_before, "C2: what ended before a commit is in its root", || {
            format!("the handle had ended, and the root has {} of its refs", root.len())
        });
    }

    fn check(mut self) {
        let drains = self.drains.each_ref().map(Note::get);
        check(drains[0] == drains[1], ONE_STATE, || format!("one handle's refs are of two: {drains:?}"));
        let root = self.tree.exclusive_commit_root().clone();
        let all = root.with(&self.queue.pending().fold()).expect("the refs fit");
        check(all.len() == 2, "D1: each delayed ref is applied exactly once", || format!("{all:?}"));
        let left = (self.handles.leaked(), self.handles.leaked_levels());
        check(left == (0, 0), "all counts are zero and all figures add up", || {
            format!("handles and levels of closedness that are left: {left:?}")
        });
    }
}
