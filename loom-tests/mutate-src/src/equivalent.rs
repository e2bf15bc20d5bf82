//! What nothing can notice, and why that is no gap. An argument is of a function as it was: where the function changes,
//! it must be read again.

/// Mutants of one function that change nothing that anybody can observe, for one reason.
pub struct Argument {
    pub file: &'static str,
    /// Each with its number, where several are called the same: `… (no. 2)`.
    pub changes: &'static [&'static str],
    /// The fingerprint of the function, as `docs/mutants-of-src.jsonl` has it.
    pub of: &'static str,
    pub why: &'static str,
}

pub const ARGUMENTS: &[Argument] = &[Argument {
    file: "src/block_group/mod.rs",
    changes: &["a check forgets levels of the NOCOW gate"],
    of: "3bfe2e9a",
    why: "One `ReadOnly` has a level of each gate, and takes and drops both: where all that live were leaked, both gates \
          have as many. The larger of two equal numbers is either.",
}];
