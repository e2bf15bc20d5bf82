//! What `mutation` offers, where nothing is mutated.

use super::Ordering;

pub(super) fn ordering(_operation: &str, written: Ordering) -> Ordering {
    written
}

pub(super) fn applies(_operation: &str) -> bool {
    false
}
