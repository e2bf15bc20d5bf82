//! Step 6 by a writer: its half of the cursor only reads.

use blockgate::CursorReader;

fn advance(cursor: &mut CursorReader) {
    cursor.advance(4096);
}

fn main() {}
