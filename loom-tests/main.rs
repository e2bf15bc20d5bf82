//! The models. `RUSTFLAGS="--cfg loom" cargo test` explores every one of them without any bound.
//!
//! One file a file of `src`, plus the theorem (`replace`), what breaks without each step
//! (`counterexamples`), and what the proof believes of loom (`litmus`).

#![allow(missing_docs, unreachable_pub, reason = "nothing here is anyone's library")]
#![allow(clippy::disallowed_types, reason = "notes that loom must not see")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of small worlds")]

#[cfg(loom)]
mod block_group;
#[cfg(loom)]
mod counterexamples;
#[cfg(loom)]
mod delayed_ref;
#[cfg(loom)]
mod gate;
#[cfg(loom)]
mod litmus;
#[cfg(loom)]
mod ordered_extent;
#[cfg(loom)]
mod replace;
#[cfg(loom)]
mod scenario;
#[cfg(loom)]
mod specification;
#[cfg(loom)]
mod support;
#[cfg(loom)]
mod transaction;

#[cfg(loom)]
fn main() -> std::process::ExitCode {
    let suite = loom_harness::Suite::new("blockgate")
        .command("cargo loom")
        .source_links("../../")
        .twin(counterexamples::seed())
        .models(counterexamples::models())
        .twins(counterexamples::twins())
        .twins(counterexamples::specification_twins())
        .models(gate::models())
        .twins(gate::twins())
        .models(ordered_extent::models())
        .twins(ordered_extent::twins())
        .models(delayed_ref::models())
        .models(transaction::models())
        .twins(transaction::twins())
        .models(block_group::models())
        .twins(block_group::twins())
        .models(replace::models())
        .models(litmus::models())
        .twins(litmus::twins());
    loom_harness::main(suite)
}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    println!("the models run under loom: RUSTFLAGS=\"--cfg loom\" cargo test");
    let is_asked = |argument: String| argument.starts_with("--check-");
    std::process::ExitCode::from(u8::from(std::env::args().any(is_asked)))
}
