//! What step 5 copies, listed before step 4: there is no commit root to list.

use blockgate::LogicalRange;
use blockgate::replace::Settled;

fn extents(settled: &Settled<'_>) -> Vec<LogicalRange> {
    settled.extents().collect()
}

fn main() {}
