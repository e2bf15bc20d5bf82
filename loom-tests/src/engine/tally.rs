//! What a model says, where nothing counts the executions: outcomes are counted here, and a violation panics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// In how many executions each outcome was reached, or more: of one execution some count twice.
static REACHED: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

pub fn reached(outcome: &str) {
    let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
    *reached.entry(outcome.into()).or_default() += 1;
}

/// What was reached since the last call.
pub fn take_reached() -> BTreeMap<String, u64> {
    std::mem::take(&mut *REACHED.lock().unwrap_or_else(PoisonError::into_inner))
}

pub fn check(holds: bool, invariant: &str, detail: impl FnOnce() -> String) {
    assert!(holds, "{invariant}: {}", detail());
}

pub fn violated(invariant: &str, detail: impl Into<String>) -> ! {
    panic!("{invariant}: {}", detail.into())
}

pub fn violated_at(invariant: &str, detail: impl Into<String>, _highlight: impl Into<String>) -> ! {
    violated(invariant, detail)
}
