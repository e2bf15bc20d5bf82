//! Runs [loom] 0.7.2 models so that a green run can be trusted and a red one can be read.
//!
//! - A **model** is explored without any bound; it must hold in every execution, and must *reach* the
//!   outcomes it declares. What was cut or bounded says so and is never called exhaustive.
//! - A **red twin** is the same model with one step left out. It must fail, and for the reason it names.
//! - A counterexample is drawn as a **timeline**, one column a role, and has a **replay token**.
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
//! # What it leans on
//!
//! 1. `Builder::check` runs every execution of a model on the calling OS thread, each role as a coroutine.
//!    So a `thread_local!` of `std` is shared by all roles of one model and by nobody else ([`context`]).
//! 2. The search is deterministic: the number of an execution is enough to run it again ([`token`]).
//! 3. A panicking role must not unwind: its guards would run loom operations in a broken execution and a
//!    second panic aborts the process. The panic hook reports and then parks the OS thread ([`hook`]).
//! 4. `check` returns normally when a cap cuts the search; [`explore`] finds out.
//!
//! [loom]: https://docs.rs/loom/0.7.2
//! [`context`]: crate::context
//! [`token`]: crate::token
//! [`hook`]: crate::hook
//! [`explore`]: crate::explore
#![forbid(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links)]

mod certificate;
mod cli;
mod context;
mod counterexample;
mod coverage;
mod diagrams;
mod entry;
mod explore;
mod failure;
mod hook;
mod html;
mod judge;
mod limits;
mod model;
mod probe;
mod report;
mod run;
mod search;
mod timeline;
mod token;

pub use context::{is_recording, note, reached, record};
pub use entry::main;
pub use failure::{check, expect_unwind, unwind_now, violated, violated_at};
pub use model::{Case, Model, Suite, Twin};
pub use search::{Failed, Found};
