//! Step 6 without step 5: the cursor past a group that is not on the target.

use blockgate::replace::Committed;
use blockgate::{Cursor, Transactions};

fn advance(committed: Committed<'_, Transactions>, cursor: &mut Cursor) {
    let _passed = committed.advance(cursor);
}

fn main() {}
