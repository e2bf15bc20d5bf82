//! The specification against recordings of the Linux kernel. See `docs/kernel.md`.

#[cfg(not(any(loom, shuttle, traceset)))]
fn main() -> std::process::ExitCode {
    blockgate_models::kernel::main()
}

/// Under an engine there is nothing to do: the recordings are held in the plain build.
#[cfg(any(loom, shuttle, traceset))]
fn main() -> std::process::ExitCode {
    loom_harness::binary::run("blockgate", Vec::new())
}
