//! Space booked by way of a guard: a level of read-only leads to no group that can be booked in.

use blockgate::{LogicalRange, ReadOnly};

fn release(read_only: &ReadOnly<'_>, extent: LogicalRange) {
    let _ = read_only.group().release(extent);
}

fn main() {}
