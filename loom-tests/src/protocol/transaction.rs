//! A transaction with a gate, a queue of delayed refs and an extent tree: one handle with two refs, and one
//! commit, or two.

use blockgate::delayed_ref::DrainedRefs;
use blockgate::sync::{Mutex, MutexGuard};
use blockgate::{
    Closed, DelayedRef, DelayedRefQueue, ExtentTree, Gate, Inside, LogicalRange, Shards, TransactionId,
};

use super::machine::{Machine, Performed, have, run};
use super::role::Role;
use super::step::Step;
use crate::engine::{Counter, Note, check, note, reached};
use crate::stage::{COUNTS, Compare, Curtain, Play, stage};

/// The roles, and the program of each.
#[derive(Debug, Clone)]
pub struct TransactionByHand {
    joiner: Vec<Step>,
    committer: Vec<Step>,
    commits_twice: bool,
}

impl TransactionByHand {
    /// Nothing is left out: the main thread commits, another thread joins and queues two refs.
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

    /// The model in which nothing is left out.
    pub fn model_name(&self) -> &'static str {
        if self.commits_twice { "transaction/by-hand-2-committers" } else { "transaction/by-hand" }
    }

    fn is_whole(&self) -> bool {
        self.joiner == Role::Joiner.program() && self.committer == Role::Committer.program()
    }

    pub fn play(self) -> Play {
        let compare = if self.is_whole() { Compare::AtOnce } else { Compare::Nothing };
        let (commits_twice, committer) = (self.commits_twice, Role::Committer.name());
        // The events are those of the tree alone: handles and refs are those of parts that report nothing.
        let empty =
            stage(&[]).waiving(&["C1", "D1"]).comparing(compare).world(move || Parts::new(self.clone()));
        let cast = if commits_twice {
            let main = |parts: &Parts, curtain: Curtain<Parts>| {
                parts.join();
                let raised = curtain.raise();
                parts.commit();
                raised
            };
            empty.main_around("joiner, then committer", main).role(committer, Parts::commit)
        } else {
            empty.main(committer, Parts::commit).role(Role::Joiner.name(), Parts::join)
        };
        cast.end(Parts::check)
    }
}

/// What the roles share.
struct Parts {
    steps: TransactionByHand,
    handles: Gate,
    queue: DelayedRefQueue,
    tree: ExtentTree,
    commits: Mutex<()>,
    /// How many drains came before each ref was queued.
    drains: [Note<u64>; 2],
    /// How many handles have ended: a commit beside one wants to know.
    ended: Counter,
}

/// What a role holds. None of it is given up but by a step.
struct Hands<'w> {
    parts: &'w Parts,
    inside: Option<Inside<'w>>,
    lock: Option<MutexGuard<'w, ()>>,
    closed: Option<Closed<'w>>,
    refs: Option<DrainedRefs>,
}

const ONE_STATE: &str = "C3: a commit root is one transaction's state";

fn block(number: usize) -> LogicalRange {
    LogicalRange::new(number as u64 * 4096, 4096).expect("a range")
}

impl Parts {
    fn new(steps: TransactionByHand) -> Self {
        let shards = Shards::new(2);
        Self {
            steps,
            handles: Gate::new(shards),
            queue: DelayedRefQueue::new(shards),
            tree: ExtentTree::new(),
            commits: Mutex::new(()),
            drains: Default::default(),
            ended: Counter::new(),
        }
    }

    fn perform(&self, program: &[Step]) {
        let mut hands = Hands { parts: self, inside: None, lock: None, closed: None, refs: None };
        let Ok(()) = run(program, &mut hands, |_| ());
        // What no step gave up is leaked.
        std::mem::forget(hands);
    }

    fn join(&self) {
        self.perform(&self.steps.joiner);
        if !self.steps.commits_twice {
            self.ended.increment();
        }
    }

    fn commit(&self) {
        let ended_before = self.steps.commits_twice || self.ended.read() > 0;
        self.perform(&self.steps.committer);
        self.check_root(ended_before);
    }

    fn enter(&self) -> Inside<'_> {
        let inside = self.handles.enter().or_else(|_closed| {
            reached("waited-to-enter");
            self.handles.wait_enter()
        });
        inside.expect("nobody seals it")
    }

    fn queue(&self, number: usize) {
        let drains = self.queue.push(DelayedRef::add(block(number)));
        self.drains[number].set(drains);
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
        let drains = self.drains.each_mut().map(Note::take);
        check(drains[0] == drains[1], ONE_STATE, || format!("one handle's refs are of two: {drains:?}"));
        let root = self.tree.exclusive_commit_root().clone();
        let all = root.with(&self.queue.pending().fold()).expect("the refs fit");
        check(all.len() == 2, "D1: each delayed ref is applied exactly once", || format!("{all:?}"));
        let left = (self.handles.leaked(), self.handles.leaked_levels());
        check(left == (0, 0), COUNTS, || format!("handles and levels of closedness that are left: {left:?}"));
    }
}

impl Hands<'_> {
    fn act(&mut self, step: Step) {
        let parts = self.parts;
        match step {
            Step::Enter => self.inside = Some(parts.enter()),
            Step::QueueFirst => parts.queue(0),
            Step::QueueSecond => parts.queue(1),
            Step::Leave => drop(have(self.inside.take())),
            Step::LockCommits => self.lock = Some(parts.commits.lock()),
            Step::CloseTransaction => self.closed = Some(parts.handles.close()),
            Step::WaitHandles => {
                if have(self.closed.as_ref()).wait_empty() {
                    reached("waited");
                }
            }
            Step::RunRefs => self.refs = Some(parts.queue.drain()),
            Step::ChangeItem => {
                drop(parts.tree.apply(&have(self.refs.take()).fold()).expect("the refs fit"));
            }
            Step::SwitchRoot => parts.switch(),
            Step::OpenTransaction => drop(have(self.closed.take())),
            Step::UnlockCommits => drop(have(self.lock.take())),
            step => unreachable!("{step} is no step of a joiner or a committer"),
        }
    }
}

impl Machine for Hands<'_> {
    type Stop = std::convert::Infallible;

    /// A step that takes something is noted right after it, one that gives something up right before: see
    /// `src/event.rs`.
    fn perform(&mut self, step: Step) -> Performed<Self::Stop> {
        let gives_up = step.undoes().is_some();
        if gives_up {
            note(step.to_string());
        }
        self.act(step);
        if !gives_up {
            note(step.to_string());
        }
        Performed::Done
    }
}
