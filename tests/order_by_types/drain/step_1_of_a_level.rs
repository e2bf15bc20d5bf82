//! Step 1 of a level of read-only: only `freeze` makes a `Frozen`.

use blockgate::{Frozen, ReadOnly};

fn freeze(read_only: ReadOnly<'_>) -> Frozen<'_> {
    Frozen::from(read_only)
}

fn main() {}
