//! Step 6 after a step 5 that may have failed: an error holds no token.

use blockgate::replace::Committed;
use blockgate::{CancelToken, Cursor, MemoryDevice, Transactions};

fn advance(
    committed: Committed<'_, Transactions>,
    (source, target): (&MemoryDevice, &MemoryDevice),
    cursor: &mut Cursor,
) {
    let copied = committed.copy(source, target, &CancelToken::default());
    let _passed = copied.advance(cursor);
}

fn main() {}
