//! Step 4, twice.

use blockgate::Transactions;
use blockgate::replace::Settled;

fn commit(settled: Settled<'_>, transactions: &Transactions) {
    let _committed = settled.commit(transactions);
    let _again = settled.commit(transactions);
}

fn main() {}
