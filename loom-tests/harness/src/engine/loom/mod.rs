//! loom: every interleaving, by number.
//!
//! # What it leans on
//!
//! 1. `Builder::check` runs every execution of a model on the calling OS thread, each role as a coroutine.
//!    So a `thread_local!` of `std` is shared by all roles of one model and by nobody else (`inside::context`).
//! 2. The search is deterministic: the number of an execution is enough to run it again (`at`).
//! 3. A panicking role must not unwind: its guards would run loom operations in a broken execution, and a
//!    second panic aborts the process. The panic hook reports and then parks the OS thread (`hook`).
//! 4. `check` returns normally when a limit cuts the search; `search` finds out.
//! 5. Its messages begin with the words of `messages`, and its events those of `event`.
//! 6. A checkpoint of an execution is enough to run that one alone (`again`).

mod again;
mod answer;
mod at;
mod event;
mod holes;
mod hook;
mod messages;
mod order;
mod place;
mod probe;
mod pulse;
mod search;
mod steps;
mod version;

use super::{Explore, Piece};
use crate::case::Case;
use crate::search::{Exploration, Limits};
use std::sync::Arc;

pub(super) use search::collect;

pub(super) struct Loom;

impl Explore for Loom {
    fn name(&self) -> &'static str {
        "loom"
    }

    fn version(&self) -> String {
        version::version()
    }

    fn is_second(&self) -> bool {
        false
    }

    fn explore(&self, case: &Case, limits: &Limits) -> Exploration {
        search::explore(case, limits, &|_| ())
    }

    fn work(&'static self, case: &Arc<Case>, limits: &Limits) -> Piece {
        let (case, limits) = (Arc::clone(case), *limits);
        Piece(Box::new(move |hub| search::explore(&case, &limits, &*hub.watch)))
    }

    fn replay(&self, case: &Case, at: &str, limits: &Limits) -> Result<Exploration, String> {
        search::replay(case, at.parse()?, limits.branches)
    }
}
