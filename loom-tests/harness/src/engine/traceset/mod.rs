//! traceset: every execution up to the order of independent operations, each once.
//!
//! # What it leans on
//!
//! 1. `Search::run_with` runs every execution on the calling OS thread, each role as a coroutine, so that
//!    `inside::context` is of one model here too; it says which executions are complete, and the others, which
//!    sleep sets blocked, leave no outcome.
//! 2. An execution's schedule is enough to run it again: it is what a replay token ends with. Of two orders of
//!    one trace that must not differ the token has both, as `t0012~t0102`.
//! 3. `fail_with` fails an execution before its guards unwind.

mod failures;
mod operations;
mod orders;
mod pieces;
mod replay;
mod search;

use super::{Explore, Piece};
use crate::case::{Body, Case};
use crate::inside::context::Hooks;
use crate::search::{Exploration, Limits};
use std::sync::Arc;

pub(super) struct Traceset;

const HOOKS: Hooks =
    Hooks { role: traceset::thread::index, fail: |violation| traceset::fail_with(Box::new(violation)) };

impl Explore for Traceset {
    fn name(&self) -> &'static str {
        "traceset"
    }

    fn version(&self) -> String {
        traceset::VERSION.into()
    }

    fn is_second(&self) -> bool {
        true
    }

    fn estimate(&self, case: &Case, limits: &Limits) -> Option<f64> {
        Some(search::estimate(case, limits))
    }

    fn explore(&self, case: &Case, limits: &Limits) -> Exploration {
        search::explore(case, limits)
    }

    fn work(&'static self, case: &Arc<Case>, limits: &Limits) -> Piece {
        pieces::work(case, *limits)
    }

    fn replay(&self, case: &Case, at: &str, _: &Limits) -> Result<Exploration, String> {
        replay::replay(case, at)
    }
}

/// The body, as an execution that the context counts.
fn execution(body: Body) -> impl Fn() + 'static {
    move || {
        crate::inside::context::begin_execution();
        body();
    }
}

/// The most steps of an execution.
fn most_steps(case: &Case, limits: &Limits) -> usize {
    // The engine's own limit.
    const MOST: usize = 30_000;
    limits.branches.unwrap_or(case.max_branches).min(MOST)
}
