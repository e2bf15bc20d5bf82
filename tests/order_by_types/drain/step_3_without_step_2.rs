//! Step 3 without step 2: the wait for ordered extents before the wait for the writers that add them.

use blockgate::{Frozen, OrderedExtents};

fn wait(frozen: Frozen<'_>, ordered: &OrderedExtents) {
    let _settled = frozen.wait_ordered(ordered);
}

fn main() {}
