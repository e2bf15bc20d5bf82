//! Audits loom: random small programs over what `src/sync.rs` offers, under loom and under a search of our
//! own. Both must come to the same outcomes; one that loom misses is a hole in every model of this crate.
//!
//! `BLOCKGATE_AUDIT_PROGRAMS` sets the number of programs, `BLOCKGATE_AUDIT_SEED` the seed of the first; the
//! program after it has the next seed, so any one of them can be run alone. `BLOCKGATE_AUDIT_OPERATIONS` is the
//! most that one of them does, in all threads together.

#[cfg(loom)]
fn main() -> std::process::ExitCode {
    blockgate_models::audit::main()
}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    loom_harness::binary::not_built("blockgate", "loom", "cargo loom --test audit")
}
