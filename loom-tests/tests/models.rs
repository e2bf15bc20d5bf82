//! The models. `RUSTFLAGS="--cfg loom" cargo test` explores every one of them without any bound.

#[cfg(loom)]
fn main() -> std::process::ExitCode {
    use blockgate_models::{litmus, models};

    blockgate_models::enter_the_workspace();
    let suite = loom_harness::Suite::new("blockgate")
        .command("cargo loom")
        .source_links("../../")
        .twins(models::twins())
        .models(models::models())
        .models(litmus::models())
        .twins(litmus::twins());
    loom_harness::main(suite)
}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    loom_harness::binary::not_built("blockgate", "loom", "cargo loom")
}
