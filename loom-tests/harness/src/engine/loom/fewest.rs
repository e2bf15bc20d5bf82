//! From "it failed" to the failure that is easiest to read: the one with the fewest preemptions.

use super::super::Fewest;
use super::search::explore;
use crate::model::Case;
use crate::search::{Ended, Failure, Limits};

/// More preemptions than this are not tried: a bounded search grows with each, and the plain one has
/// already found the failure.
const MOST_PREEMPTIONS: u8 = 6;

/// Looks for the same failure under bounds of 0, 1, 2, … preemptions: the first bound that shows it is the
/// number it needs.
pub(super) fn fewest(case: &Case, failure: &Failure, at: &str, executions: u64, limits: &Limits) -> Fewest {
    // A bounded search is worth some multiple of the search that failed. Not a time: results must repeat.
    let cap = executions.saturating_mul(20).clamp(5_000, 200_000);
    for bound in 0..=limits.preemptions.unwrap_or(MOST_PREEMPTIONS) {
        let within = Limits { preemptions: Some(bound), executions: Some(cap), duration: None, ..*limits };
        match explore(case, &within).ended {
            Ended::Failed { failure: other, at } if other.invariant == failure.invariant => {
                return Fewest { at, preemptions: Some(bound) };
            }
            Ended::Explored(coverage) if coverage.cut.is_some() => break,
            _ => {}
        }
    }
    Fewest { at: at.into(), preemptions: None }
}
