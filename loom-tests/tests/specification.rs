//! The specification explored by itself, to sizes that no engine reaches. See `docs/specification.md`.

fn main() -> std::process::ExitCode {
    blockgate_models::exploration::main()
}
