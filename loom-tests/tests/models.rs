//! The models. `RUSTFLAGS="--cfg loom" cargo test` explores every one of them without any bound; `cargo explore`
//! does so with the second engine.

// An execution makes hundreds of small objects, on one thread: with the system's allocator a search takes a tenth longer.
#[cfg(traceset)]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(any(loom, traceset))]
fn main() -> std::process::ExitCode {
    use blockgate_models::models;

    blockgate_models::enter_the_workspace();
    let suite = loom_harness::Suite::new("blockgate")
        .command(if cfg!(loom) { "cargo loom" } else { "cargo explore" })
        .source_links("../../")
        .certificate("docs/certificate")
        .twins(models::twins())
        .models(models::models());
    loom_harness::main(with_litmus_tests(suite))
}

/// What the proof believes of loom is of loom alone.
#[cfg(loom)]
fn with_litmus_tests(suite: loom_harness::Suite) -> loom_harness::Suite {
    use blockgate_models::litmus;

    suite.models(litmus::models()).twins(litmus::twins())
}

#[cfg(traceset)]
fn with_litmus_tests(suite: loom_harness::Suite) -> loom_harness::Suite {
    suite
}

#[cfg(not(any(loom, traceset)))]
fn main() -> std::process::ExitCode {
    loom_harness::binary::not_built("blockgate", "loom", "cargo loom")
}
