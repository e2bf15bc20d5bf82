//! Space booked past the volume: only its commit knows what has an item.

use blockgate::{LogicalRange, Volume};

fn book(volume: &Volume, extent: LogicalRange) {
    let group = volume.groups()[0].block_group();
    let _ = group.release(extent);
    let _ = group.book_inserted(extent);
    let _ = group.book_removed(extent);
    let _ = group.book_cancelled(extent);
    let _ = group.unpin(extent);
}

fn main() {}
