//! Step 6, twice.

use blockgate::Cursor;
use blockgate::replace::Copied;

fn advance(copied: Copied<'_>, cursor: &mut Cursor) {
    let _passed = copied.advance(cursor);
    let _again = copied.advance(cursor);
}

fn main() {}
