//! Step 4 by the token of step 1, which steps 2 and 3 have consumed.

use blockgate::{Frozen, OrderedExtents, Transactions};

fn commit(frozen: Frozen<'_>, ordered: &OrderedExtents, transactions: &Transactions) {
    let _settled = frozen.wait_writers().wait_ordered(ordered);
    let _committed = frozen.commit(transactions);
}

fn main() {}
