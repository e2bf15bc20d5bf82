//! Mutation testing of the orderings, the wake-ups and the steps: `cargo mutate`. See `docs/mutants.md`.

#[cfg(all(loom, blockgate_mutants))]
fn main() {
    use blockgate_models::{models, mutants};

    // Not returned: threads of failed models are parked for ever.
    std::process::exit(mutants::run(models::models(), models::twins()));
}

#[cfg(not(all(loom, blockgate_mutants)))]
fn main() -> std::process::ExitCode {
    println!("the mutants run by themselves: cargo mutate (and without RUSTFLAGS, which hides its own)");
    let is_asked = |argument: String| ["--check", "--write"].contains(&argument.as_str());
    std::process::ExitCode::from(u8::from(std::env::args().any(is_asked)))
}
