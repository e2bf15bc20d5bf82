//! Step 2, twice.

use blockgate::Frozen;

fn wait(frozen: Frozen<'_>) {
    let _quiet = frozen.wait_writers();
    let _again = frozen.wait_writers();
}

fn main() {}
