//! What blockgate is proved by. The binaries in `tests/` run it, one each.
//!
//! | folder | holds | run by |
//! |---|---|---|
//! | `models` | one file a file of blockgate's `src`, the theorem (`replace`), what breaks without each step (`counterexamples`) | `models` |
//! | `litmus` | what the proof believes of loom | `models` |
//! | `scenario` | the theorem's world, which every engine plays | `models`, `shuttle`, `threads` |
//! | `protocol` | the steps of each role as data, and what does them by hand | `models`, `mutants`, `shuttle` |
//! | `sampling` | the theorem's scenario by random schedules | `shuttle` |
//! | `specification` | the protocol as a sequential machine, and its own exploration | all; `specification` |
//! | `audit` | loom against a search of our own | `audit` |
//! | `mutants` | every ordering weakened, every wake-up dropped, every step left out | `mutants` |
//! | `engine` | what the rest needs of loom, shuttle or threads of the system | all |
//!
//! A file imports from the folders below it in this order: `mutants`, `models`, `sampling`, `protocol`, `scenario`,
//! `support`, `specification`, `engine`.

#![allow(missing_docs, unreachable_pub, reason = "nothing here is anyone's library")]
#![allow(
    clippy::return_self_not_must_use,
    clippy::new_without_default,
    clippy::missing_panics_doc,
    reason = "as above"
)]
#![allow(clippy::disallowed_types, reason = "what the engines must not see")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of small worlds")]

#[cfg(loom)]
pub mod audit;
pub mod engine;
#[cfg(loom)]
pub mod litmus;
#[cfg(loom)]
pub mod models;
#[cfg(all(loom, blockgate_mutants))]
pub mod mutants;
pub mod protocol;
#[cfg(shuttle)]
pub mod sampling;
pub mod scenario;
pub mod specification;
#[cfg(loom)]
pub mod support;

/// Makes the workspace the current directory, where the paths on the command line and those of `docs/` begin.
/// (Cargo starts a test in the folder of its package.)
pub fn enter_the_workspace() {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::env::set_current_dir(workspace).expect("the workspace is where it was built");
}
