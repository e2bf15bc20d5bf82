//! Step 1, kept longer than the group that it froze.

use blockgate::{BlockGroup, Frozen};

fn freeze(group: BlockGroup) -> Frozen<'static> {
    Frozen::freeze(&group)
}

fn main() {}
