//! The theorem's scenario by random schedules: `cargo shuttle`.

#[cfg(shuttle)]
fn main() -> std::process::ExitCode {
    blockgate_models::sampling::main()
}

#[cfg(not(shuttle))]
fn main() -> std::process::ExitCode {
    loom_harness::binary::not_built("blockgate", "shuttle", "cargo shuttle")
}
