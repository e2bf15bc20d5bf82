//! Mutation testing: every ordering weakened, every wake-up dropped, every wait woken for nothing, every
//! step of the protocol left out and every two swapped, one at a time, against the models. `cargo mutate`
//! prints what came of it, `-- --write` writes it to `docs/mutants.md`, `-- --check` fails when that file
//! says something else. With `-- --long` what survives is shown to the large and the long models too (the
//! table is that of a run without it).
//!
//! The mutants are not listed anywhere: the operations tell of themselves (`blockgate::sync::mutation`)
//! while the models run, and the steps are data (`support::steps`). What is listed, with its argument, is
//! what no model can notice (`equivalent`).

#![allow(missing_docs, unreachable_pub, reason = "nothing here is anyone's library")]
#![allow(clippy::disallowed_types, reason = "what the runner shares is not what loom explores")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of small worlds")]

// The model files say `loom_harness::Model`, and shall mean the one here, which can have a hook.
#[cfg(all(loom, blockgate_mutants))]
extern crate loom_harness as real_harness;
#[cfg(all(loom, blockgate_mutants))]
extern crate self as loom_harness;

#[cfg(all(loom, blockgate_mutants))]
mod command;
#[cfg(all(loom, blockgate_mutants))]
mod equivalent;
#[cfg(all(loom, blockgate_mutants))]
mod hooked;
#[cfg(all(loom, blockgate_mutants))]
mod mutant;
#[cfg(all(loom, blockgate_mutants))]
mod mutation;
#[cfg(all(loom, blockgate_mutants))]
mod source;
#[cfg(all(loom, blockgate_mutants))]
mod step_mutant;
#[cfg(all(loom, blockgate_mutants))]
mod table;
#[cfg(all(loom, blockgate_mutants))]
mod trial;

#[cfg(all(loom, blockgate_mutants))]
pub use hooked::{Case as Model, Case as Twin};
#[cfg(all(loom, blockgate_mutants))]
pub use real_harness::{
    check, expect_unwind, is_recording, note, reached, record, unwind_now, violated, violated_at,
};

#[cfg(all(loom, blockgate_mutants))]
#[path = "../block_group.rs"]
mod block_group;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../counterexamples.rs"]
mod counterexamples;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../delayed_ref.rs"]
mod delayed_ref;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../gate.rs"]
mod gate;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../ordered_extent.rs"]
mod ordered_extent;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../replace.rs"]
mod replace;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../scenario/mod.rs"]
mod scenario;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../specification/mod.rs"]
mod specification;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../support/mod.rs"]
mod support;
#[cfg(all(loom, blockgate_mutants))]
#[path = "../transaction.rs"]
mod transaction;

/// Every model but those of loom itself (`litmus`), which reach no operation of `src`.
#[cfg(all(loom, blockgate_mutants))]
fn models() -> Vec<Model> {
    [
        gate::models(),
        ordered_extent::models(),
        delayed_ref::models(),
        transaction::models(),
        block_group::models(),
        replace::models(),
        counterexamples::models(),
    ]
    .concat()
}

/// Every red twin but those of loom itself.
#[cfg(all(loom, blockgate_mutants))]
fn twins() -> Vec<Twin> {
    [
        vec![counterexamples::seed()],
        counterexamples::twins(),
        counterexamples::specification_twins(),
        gate::twins(),
        ordered_extent::twins(),
        transaction::twins(),
        block_group::twins(),
    ]
    .concat()
}

#[cfg(all(loom, blockgate_mutants))]
fn main() {
    // Not returned: threads of failed models are parked for ever.
    std::process::exit(command::run(&models(), &twins()));
}

#[cfg(not(all(loom, blockgate_mutants)))]
fn main() -> std::process::ExitCode {
    println!("the mutants run by themselves: cargo mutate (and without RUSTFLAGS, which hides its own)");
    let is_asked = |argument: String| ["--check", "--write"].contains(&argument.as_str());
    std::process::ExitCode::from(u8::from(std::env::args().any(is_asked)))
}
