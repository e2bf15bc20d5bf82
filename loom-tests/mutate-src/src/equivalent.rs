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

pub const ARGUMENTS: &[Argument] = &[
    Argument {
        file: "src/block_group/mod.rs",
        changes: &["a check forgets levels of the NOCOW gate"],
        of: "3bfe2e9a",
        why: "One `ReadOnly` has a level of each gate, and takes and drops both: where all that live were leaked, both \
              gates have as many. The larger of two equal numbers is either.",
    },
    Argument {
        file: "src/gate/mod.rs",
        changes: &["shards are opened in the order in which they are closed"],
        of: "71afd213",
        why: "Another shard then has a level more than shard 0 for a moment, for each opening at work. `closed_levels` \
              promises nothing for the next moment; a thread is refused by the word of its own shard (G2); and the check \
              for too many levels leaves room for 4095 openings at once before a shard's 13 bits are full.",
    },
    Argument {
        file: "src/gate/word.rs",
        changes: &["letting in clears the bit of a closer that waits"],
        of: "fc2a300e",
        why: "A thread that waits for an empty shard has a level of it, and returns when the bit is taken back. Threads are \
              let in where no level is left: no bit is there to be cleared.",
    },
];
