//! Lets rustdoc know of `--cfg loom`, which cargo passes to rustc alone: doctests would run outside of a model,
//! so under loom there are none (see the head of `src/lib.rs`).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(without_doctests)");
    if std::env::var_os("CARGO_CFG_LOOM").is_some() || std::env::var_os("CARGO_CFG_TRACESET").is_some() {
        println!("cargo::rustc-cfg=without_doctests");
    }
}
