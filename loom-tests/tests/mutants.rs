//! Mutation testing of the orderings, the wake-ups and the steps: `cargo mutate`, and `cargo mutate-loom` with
//! loom. See `docs/mutants.md`.

#[cfg(all(any(loom, traceset), blockgate_mutants))]
fn main() -> std::process::ExitCode {
    use blockgate_models::{models, mutants};

    mutants::main(models::models, models::twins)
}

#[cfg(not(all(any(loom, traceset), blockgate_mutants)))]
fn main() -> std::process::ExitCode {
    loom_harness::binary::not_built("blockgate", "mutants", "cargo mutate")
}
