//! Step 3, twice.

use blockgate::OrderedExtents;
use blockgate::replace::Quiet;

fn wait(quiet: Quiet<'_>, ordered: &OrderedExtents) {
    let _settled = quiet.wait_ordered(ordered);
    let _again = quiet.wait_ordered(ordered);
}

fn main() {}
