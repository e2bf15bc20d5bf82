//! What blockgate is proved by. The binaries in `tests/` run it, one each.
//!
//! | folder | holds | run by |
//! |---|---|---|
//! | `mutants` | every ordering weakened, every wake-up dropped, every step left out | `mutants` |
//! | `models` | one file a file of blockgate's `src`, the theorem (`replace`), what breaks without each step (`counterexamples`) | `models` |
//! | `litmus` | what the proof believes of loom | `models` |
//! | `sampling` | the theorem's scenario by random schedules | `shuttle` |
//! | `audit` | loom against a search of our own | `audit` |
//! | `kernel` | the specification against recordings of the Linux kernel | `kernel` |
//! | `exploration` | the specification by itself, to sizes that no engine reaches | `specification` |
//! | `scenario` | the theorem's world | `models`, `shuttle`, `threads` |
//! | `protocol` | the steps of each role as data, and what does them | `models`, `mutants`, `exploration`, `shuttle`, `threads` |
//! | `stage` | what every model is built with: its groups, its world, its roles, its end | all |
//! | `specification` | the protocol as a sequential machine | all |
//! | `byte_set` | what is missing, what is unwritten | `specification` |
//! | `engine` | what the rest needs of loom, shuttle or threads of the system | all |
//!
//! A file imports from the folders below its own in this table.

#![allow(missing_docs, unreachable_pub, reason = "nothing here is anyone's library")]
#![allow(
    clippy::return_self_not_must_use,
    clippy::new_without_default,
    clippy::missing_panics_doc,
    reason = "as above"
)]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of small worlds")]

#[cfg(loom)]
#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it drives loom")]
pub mod audit;
mod byte_set;
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it is what the engines see, or what they need not see"
)]
pub mod engine;
pub mod exploration;
#[cfg(not(any(loom, shuttle, traceset)))]
#[allow(clippy::disallowed_types, reason = "no engine runs it")]
pub mod kernel;
#[cfg(loom)]
#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it is about loom")]
pub mod litmus;
#[cfg(any(loom, traceset))]
pub mod models;
#[cfg(all(any(loom, traceset), blockgate_mutants))]
#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it drives the engine")]
pub mod mutants;
pub mod protocol;
#[cfg(shuttle)]
#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it drives shuttle")]
pub mod sampling;
pub mod scenario;
pub mod specification;
pub mod stage;

/// Makes the workspace the current directory, where the paths on the command line and those of `docs/` begin.
/// (Cargo starts a test in the folder of its package.)
pub fn enter_the_workspace() {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::env::set_current_dir(workspace).expect("the workspace is where it was built");
}
