//! Step 4 without step 3: the commit before the writes in flight have ended.

use blockgate::Transactions;
use blockgate::replace::Quiet;

fn commit(quiet: Quiet<'_>, transactions: &Transactions) {
    let _committed = quiet.commit(transactions);
}

fn main() {}
