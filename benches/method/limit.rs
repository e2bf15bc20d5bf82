//! The limit of everything that counts: what the hardware takes for two locked operations on a cache line
//! that no other thread touches.
//!
//! Both look at the value they found: otherwise nobody could be refused, nor the last one out be noticed.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::rounds::Candidate;
use super::threads::measure;

pub(crate) const LIMIT: &str = "a locked addition and a locked subtraction on a private word";

const CLOSED: u64 = 1 << 63;

pub(crate) fn private_words(threads: usize) -> Candidate {
    let words: Box<[CachePadded<AtomicU64>]> = (0..threads).map(|_| CachePadded::default()).collect();
    Candidate::limit("private words", move |operations| {
        let prepare = |thread: usize| &*words[thread];
        measure(threads, operations, prepare, |word, operations| {
            (0..operations).map(|_| u64::from(pass(word))).sum()
        })
    })
}

#[inline]
fn pass(word: &AtomicU64) -> bool {
    let admitted = word.fetch_add(1, Ordering::Acquire) & CLOSED == 0;
    let is_last_of_closed = word.fetch_sub(1, Ordering::Release) == CLOSED + 1;
    admitted && !is_last_of_closed
}
