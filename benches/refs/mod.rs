//! Delayed refs: from the writers' hands into the extent tree.

pub(crate) mod bytes;
mod commit;
mod durable;
mod look;
mod merge;
mod open;
mod push;
mod queues;

use blockgate::{DelayedRef, LogicalRange};

use crate::method::Bench;

pub(crate) fn benches() -> Vec<Bench> {
    vec![
        push::by_threads(),
        push::by_size(),
        merge::bench(),
        bytes::bench(),
        commit::bench(),
        durable::by_threads(),
        durable::join(),
        look::bench(),
        open::bench(),
    ]
}

const PAGE: u64 = 4096;

/// An extent of a page, at an address that is `n` scrambled: writers do not come in the order of addresses.
fn scattered(n: u64) -> LogicalRange {
    // An odd factor permutes the numbers below a power of two.
    let page = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (1 << 48);
    LogicalRange::new(page * PAGE, PAGE).expect("a range")
}

/// The `n`th ref of a thread: of three, two add an extent and the third drops one again.
fn nth(thread: u64, n: u64) -> DelayedRef {
    let of = |n| scattered((thread << 40) + n);
    if n % 3 == 2 { DelayedRef::drop(of(n - 1)) } else { DelayedRef::add(of(n)) }
}
