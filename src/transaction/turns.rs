//! Which thread leads the next commit, and which threads are served by it.
//!
//! The hard part: a thread that asks for a commit must be served by one that closed *after* it asked, and yet
//! a hundred that ask at once must not cost a hundred commits. So a thread that asks while a commit is at work
//! is served by the next one, together with all others that ask meanwhile; one of them leads it.
//!
//! # State: under one lock, which nobody holds while a commit is at work
//!
//! | phase | means | a thread that asks |
//! |---|---|---|
//! | idle | no commit is at work | leads the next one, at once |
//! | gathering | one thread leads, and has not closed the transaction yet | is served by that commit |
//! | closed | that commit is at work | waits; is served by the commit after it |
//!
//! A commit that nobody else can be expected to share goes from idle to closed at once. The others gather for
//! as long as one yield of the processor takes: the threads that the last commit served are about to ask
//! again, and would miss this one.
//!
//! # Invariants
//!
//! - C1: at most one commit is at work.
//! - C6: a commit serves only threads that asked before it closed, and all of them.
//! - C7: a thread that waits to join or to commit is overtaken by at most one commit.

use crate::extent_tree::CommitRoot;
use crate::sync::{Monitor, Published, Publisher, published, yield_now};
use crate::units::TransactionId;

use super::CommitError;

/// Whose turn it is.
#[derive(Debug)]
pub(super) struct Turns {
    state: Monitor<State>,
    /// Not zero once a commit has failed: for threads that neither join nor commit, to look at without the lock.
    has_aborted: Published,
}

/// What a thread that asked for a commit is to do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Lead this one; it has closed to threads that ask. Then [`Turns::complete`] or [`Turns::abort`] it.
    Lead(TransactionId),
    /// Nothing: another thread has led it.
    Served(CommitRoot),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Gathering,
    Closed,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The number of the last commit that is complete.
    completed: u64,
    /// How many threads wait for the next commit that closes.
    waiting: usize,
    /// How many threads the commit at work serves, besides its leader.
    sharing: usize,
    /// The last commit was shared: those threads may ask again any moment.
    was_shared: bool,
    /// Roots that threads which were served have not fetched yet.
    shared: Vec<Shared>,
    aborted: Option<CommitError>,
    has_aborted: Publisher,
}

/// A root, and how many threads are to fetch it.
#[derive(Debug)]
struct Shared {
    root: CommitRoot,
    left: usize,
}

impl State {
    /// The number of the first commit that closes from now on.
    fn next(&self) -> TransactionId {
        // The one at work has closed already: it may lack what the asking thread queued.
        let is_at_work = self.phase == Phase::Closed;
        TransactionId(self.completed + 1 + u64::from(is_at_work))
    }

    /// The calling thread's turn, if it has come. `asked`: the commit that it waits for.
    fn turn(&mut self, asked: &mut Option<TransactionId>) -> Option<Result<Answer, CommitError>> {
        // Before the look for an abort: a later commit that failed takes nothing from a thread that this one served.
        if let Some(root) = asked.and_then(|asked| self.fetch(asked)) {
            return Some(Ok(Answer::Served(root)));
        }
        if let Some(error) = &self.aborted {
            return Some(Err(error.clone()));
        }
        if self.phase == Phase::Idle {
            return Some(Ok(self.lead(asked.is_some())));
        }
        // Asked once: a thread that is woken too early must not move on to a later commit.
        if asked.is_none() {
            *asked = Some(self.next());
            self.waiting += 1;
        }
        None
    }

    /// The root of commit number `asked`, where that is complete.
    fn fetch(&mut self, asked: TransactionId) -> Option<CommitRoot> {
        let index = self.shared.iter().position(|shared| shared.root.transaction() == asked)?;
        let shared = &mut self.shared[index];
        shared.left -= 1;
        // The last one takes it out, so that no old root keeps memory.
        if shared.left == 0 {
            return Some(self.shared.swap_remove(index).root);
        }
        Some(shared.root.clone())
    }

    fn lead(&mut self, has_waited: bool) -> Answer {
        // The leader is not one of those that it serves.
        self.waiting -= usize::from(has_waited);
        if self.waiting == 0 && !self.was_shared {
            return Answer::Lead(self.close());
        }
        self.phase = Phase::Gathering;
        Answer::Gather
    }

    fn close(&mut self) -> TransactionId {
        let number = self.next();
        self.phase = Phase::Closed;
        self.sharing = std::mem::take(&mut self.waiting);
        number
    }

    fn complete(&mut self, root: &CommitRoot) {
        self.completed += 1;
        self.phase = Phase::Idle;
        self.was_shared = self.sharing > 0;
        if self.was_shared {
            self.shared.push(Shared { root: root.clone(), left: self.sharing });
        }
    }
}

enum Answer {
    Lead(TransactionId),
    Gather,
    Served(CommitRoot),
}

impl Turns {
    /// `completed` is complete, and no commit is at work.
    pub(super) fn after(completed: TransactionId) -> Self {
        let (publisher, has_aborted) = published(0);
        let state = State {
            phase: Phase::Idle,
            completed: completed.0,
            waiting: 0,
            sharing: 0,
            was_shared: false,
            shared: Vec::new(),
            aborted: None,
            has_aborted: publisher,
        };
        Self { state: Monitor::new(state), has_aborted }
    }

    /// Blocks until the calling thread is to lead a commit, or was served by one that closed after this call.
    pub(super) fn wait_turn(&self) -> Result<Turn, CommitError> {
        let mut asked = None;
        match self.state.wait_until(|state| state.turn(&mut asked))? {
            Answer::Lead(number) => Ok(Turn::Lead(number)),
            Answer::Served(root) => Ok(Turn::Served(root)),
            Answer::Gather => {
                // Without the lock: those that the last commit served are to ask meanwhile.
                yield_now();
                Ok(Turn::Lead(self.state.lock().close()))
            }
        }
    }

    /// The commit at work is complete, with this root.
    pub(super) fn complete(&self, root: &CommitRoot) {
        let mut state = self.state.lock();
        state.complete(root);
        state.notify_all();
    }

    /// The commit at work has failed, and with it every later one. Nobody hears of it before `seal` is done.
    pub(super) fn abort(&self, error: CommitError, seal: impl FnOnce()) {
        let mut state = self.state.lock();
        state.aborted = Some(error);
        // Under the lock, which each thread takes that asks why: one that hears of the abort must find no open gate, and
        // nothing else that goes on.
        seal();
        // Release: pairs with the Acquire in `Turns::look_for_abort`. (The lock alone would do: the reason is under it.)
        state.has_aborted.publish(1);
        state.notify_all();
    }

    /// How many threads wait for the next commit that closes.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// The same as [`Turns::aborted`], without the lock as long as none has failed.
    #[inline]
    pub(super) fn look_for_abort(&self) -> Option<CommitError> {
        // Acquire: pairs with the Release in `Turns::abort`.
        if self.has_aborted.get() == 0 { None } else { self.aborted() }
    }

    /// Why there are no more commits.
    pub(super) fn aborted(&self) -> Option<CommitError> {
        self.state.lock().aborted.clone()
    }

    /// Whether there are none, where exclusive access proves that no other thread looks.
    pub(super) fn has_aborted(&mut self) -> bool {
        self.state.get_mut().aborted.is_some()
    }
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;
    use crate::extent_tree::ExtentTree;

    fn root(number: u64) -> CommitRoot {
        ExtentTree::new().candidate(TransactionId(number))
    }

    fn lead(turns: &Turns) -> u64 {
        match turns.wait_turn().expect("not aborted") {
            Turn::Lead(number) => number.0,
            Turn::Served(root) => panic!("served by {}", root.transaction()),
        }
    }

    #[test]
    fn a_thread_alone_leads_each_commit() {
        let turns = Turns::after(TransactionId(0));
        for number in 1..4 {
            assert_eq!(lead(&turns), number);
            turns.complete(&root(number));
        }
    }

    /// Threads that ask while commit 1 is at work are served by commit 2, which one of them leads.
    #[test]
    fn those_who_ask_while_a_commit_is_at_work_share_the_next() {
        let turns = Turns::after(TransactionId(0));
        assert_eq!(lead(&turns), 1);
        std::thread::scope(|scope| {
            let ask = || match turns.wait_turn().expect("not aborted") {
                Turn::Lead(number) => {
                    turns.complete(&root(number.0));
                    (1, number.0)
                }
                Turn::Served(root) => (0, root.transaction().0),
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            while turns.state.lock().waiting < 8 {
                std::thread::yield_now();
            }
            turns.complete(&root(1));
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
            assert_eq!(ends.iter().map(|(led, _)| led).sum::<u64>(), 1);
            assert!(ends.iter().all(|(_, number)| *number == 2), "{ends:?}");
        });
        assert!(turns.state.lock().shared.is_empty(), "all have fetched it");
    }

    #[test]
    fn a_root_is_kept_for_a_thread_that_fetches_it_late() {
        let turns = Turns::after(TransactionId(0));
        let mut asked = None;
        assert_eq!(lead(&turns), 1);
        assert!(turns.state.lock().turn(&mut asked).is_none());
        assert_eq!(asked, Some(TransactionId(2)));
        turns.complete(&root(1));
        for number in 2..5 {
            assert_eq!(lead(&turns), number);
            turns.complete(&root(number));
        }
        turns.abort(CommitError::unwound(), || ());
        // What it asked for is complete: that a later commit failed is none of its business.
        let turn = turns.state.lock().turn(&mut asked);
        let Some(Ok(Answer::Served(root))) = turn else { panic!("it was served") };
        assert_eq!(root.transaction(), TransactionId(2));
        assert!(turns.wait_turn().is_err());
    }
}
