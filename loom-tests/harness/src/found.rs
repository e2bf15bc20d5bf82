//! A search as a function call, for a program with a report of its own, such as a table of mutants.

use crate::case::Case;
use crate::engine::Engine;
use crate::judge::locate;
use crate::search::{Ended, Limits};

/// What [`Case::search`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Executions explored; when one failed, its number.
    pub executions: u64,
    /// Whether that was all there are. False when one failed.
    pub exhaustive: bool,
    /// The failure, if there is one.
    pub failure: Option<Failed>,
}

/// A failing execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The violated invariant, or `deadlock`, `race`, `leak`, `panic`, `branch limit`.
    pub invariant: String,
    /// Of what.
    pub detail: String,
    /// The fewest preemptions with which the same invariant fails, when that is known.
    pub preemptions: Option<u8>,
}

impl Case {
    /// Whether the engine that this build is for runs it only in the long run.
    #[must_use]
    pub fn is_long(&self) -> bool {
        Engine::of_this_build().is_ok_and(|engine| self.long.is_for(engine.explorer().is_second()))
    }

    /// Explores without any bound, until the search ends or an execution fails, with the engine that this build
    /// is for. Loom's variables are not read.
    ///
    /// For programs with a `main` of their own (`harness = false`). Not for a `#[test]`: the thread of a
    /// failed model stops inside the panic hook, and libtest waits for the hook to be free before it ends.
    ///
    /// # Panics
    /// When there is no body, or this crate was built without an engine.
    #[must_use]
    pub fn search(&self) -> Found {
        let explorer = Engine::of_this_build().expect("an engine").explorer();
        let limits = Limits::default();
        let found = explorer.explore(self, &limits);
        let (exhaustive, failure) = match found.ended {
            Ended::Explored(coverage) => (coverage.is_exhaustive() && found.doubts.is_empty(), None),
            Ended::Failed { mut failure, at } => {
                let located = locate(explorer, self, &failure, &at, found.executions, &limits);
                failure.name_roles(&self.roles);
                let (invariant, detail) = (failure.invariant, failure.detail);
                (false, Some(Failed { invariant, detail, preemptions: located.preemptions }))
            }
        };
        Found { executions: found.executions, exhaustive, failure }
    }
}
