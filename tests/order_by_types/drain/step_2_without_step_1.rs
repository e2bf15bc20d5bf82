//! Step 2 of a group that was not frozen: the wait belongs to what step 1 returned.

use blockgate::BlockGroup;

fn wait(group: &BlockGroup) {
    let _quiet = group.wait_writers();
}

fn main() {}
