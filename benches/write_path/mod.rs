//! The write path as a whole, the copy, and the freeze of a group under load.

mod copy;
mod device;
mod freeze;
mod kernel;
mod pwrite;
mod whole;

use crate::method::Bench;

pub(crate) fn benches() -> Vec<Bench> {
    vec![
        whole::with_allocation(),
        whole::without_allocation(),
        pwrite::of_4k(),
        pwrite::of_64k(),
        copy::bench(),
        freeze::bench(),
    ]
}

const PAGE: u64 = 4096;
