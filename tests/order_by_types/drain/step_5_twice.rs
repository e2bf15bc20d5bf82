//! Step 5, twice.

use blockgate::replace::Committed;
use blockgate::{CancelToken, MemoryDevice, Transactions};

fn copy(committed: Committed<'_, Transactions>, source: &MemoryDevice, target: &MemoryDevice) {
    let _copied = committed.copy(source, target, &CancelToken::default());
    let _again = committed.copy(source, target, &CancelToken::default());
}

fn main() {}
