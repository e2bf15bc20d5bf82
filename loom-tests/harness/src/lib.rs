//! Runs models of concurrent code so that a green run can be trusted and a red one can be read.
//!
//! - A **model** is explored without any bound; it must hold in every execution, and must *reach* the
//!   outcomes it declares. What was cut or bounded says so and is never called exhaustive.
//! - A **red twin** is the same model with one step left out. It must fail, and for the reason it names.
//! - A counterexample is drawn as a **timeline**, one column a role, and has a **replay token**.
//! - A **certificate** says what was explored, and fails when that changes.
//!
//! - A model in a `#[test]` function is a call of [`model()`], as loom's own.
//!
//! "Exhaustive" is said only of a search that has seen everything: a model that is not deterministic, or in which nothing
//! is concurrent, fails, and a hole of the engine is named with its place.
//!
//! An [`Engine`] explores: [loom], by the feature `loom`, which is on unless default features are off, or
//! `traceset`, by the feature of its name. A build with both explores with `traceset` under `--cfg traceset`, and
//! with loom otherwise.
//!
//! ```no_run
//! use loom_harness::{Model, Suite, Twin, check, reached};
//!
//! fn main() -> std::process::ExitCode {
//!     loom_harness::main(
//!         Suite::new("mylib")
//!             .model(Model::new("lock").roles(&["main", "other"]).body(|| check(true, "mutual exclusion", || "both inside".into())))
//!             .twin(Twin::new("lock/no-acquire").of("lock").expect("race").body(|| reached("somewhere"))),
//!     )
//! }
//! ```
//!
//! # Layers
//!
//! Imports go down:
//!
//! ```text
//! entry  model  dropin             main; a model as a call in a test
//! whole  replay                    what a command line can ask beside a run
//! run  cli                         the run
//! jobs                             its searches, several at once
//! certificate  report              what is written down, what a person reads
//! judge  suite  found              what a search means; which engine explores
//! engine                           what explores
//! model                            what a user declares
//! inside                           what a model calls while it runs
//! search                           what was found, in words of no engine
//! binary  pool  plural             arguments and checks of any test binary
//! ```
//!
//! [loom]: https://docs.rs/loom
#![forbid(unsafe_code)]
// Without an engine only `binary` is of use.
#![cfg_attr(not(any(feature = "loom", feature = "traceset")), allow(unused))]
// What one engine alone needs is idle in a build with the other; the lints look at a build with both.
#![cfg_attr(not(all(feature = "loom", feature = "traceset")), allow(dead_code))]

pub mod binary;
mod case;
mod certificate;
mod cli;
#[cfg(feature = "loom")]
mod dropin;
mod engine;
mod entry;
mod found;
mod inside;
mod jobs;
mod judge;
#[cfg(feature = "loom")]
pub mod model;
mod plural;
mod pool;
mod replay;
mod report;
mod run;
mod search;
mod suite;
mod whole;

/// The example of the README is tested with the crate's own.
#[cfg(all(doctest, feature = "loom"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use case::{Case, Model, Twin};
pub use engine::Engine;
pub use entry::main;
pub use found::{Failed, Found};
pub use inside::{
    check, expect_unwind, is_recording, note, reached, record, unwind_now, violated, violated_at,
};
#[cfg(feature = "loom")]
pub use inside::{explore, skip_branch, stop_exploring};
#[cfg(feature = "loom")]
pub use model::model;
pub use suite::Suite;

// The rest of loom's interface: a crate whose models use loom may take this crate under that name.
#[cfg(feature = "futures")]
pub use loom::future;
#[cfg(feature = "loom")]
pub use loom::{MAX_THREADS, alloc, cell, hint, lazy_static, sync, thread, thread_local};
