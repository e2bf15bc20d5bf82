//! Step 5 without step 4: the copy of a commit root that nobody committed.

use blockgate::replace::Settled;
use blockgate::{CancelToken, MemoryDevice};

fn copy(settled: Settled<'_>, source: &MemoryDevice, target: &MemoryDevice) {
    let _copied = settled.copy(source, target, &CancelToken::default());
}

fn main() {}
