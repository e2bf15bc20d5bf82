//! The write path as a whole, the copy, and the freeze of a group under load.

mod copy;
pub(crate) mod device;
mod freeze;
mod kernel;
mod pwrite;
mod search;
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
        search::first_write(),
        search::refused(),
        search::full_volume(),
        search::nine_volumes(),
    ]
}

const PAGE: u64 = 4096;
