//! Suites that `foreign` runs, each in a process of its own.
//!
//! The queue, the lock and the event are small re-implementations of what three public reports describe, with the bug
//! as a twin of its cure.

pub mod event;
pub mod false_greens;
pub mod lock;
pub mod queue;

use loom_harness::Suite;

/// The published bugs, red, and their cures.
pub fn published() -> Suite {
    Suite::new("foreign")
        .command("cargo test -p loom-harness --test foreign")
        .models([queue::cured(), lock::cured(), event::cured()])
        .twins([queue::as_published(), lock::as_published(), event::as_published()])
}
