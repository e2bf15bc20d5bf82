//! Step 7 without step 6: writers admitted before the cursor says that they write to both devices.

use blockgate::replace::{Copied, Summary};

fn end(copied: Copied<'_>) -> Summary {
    copied.set_read_write()
}

fn main() {}
