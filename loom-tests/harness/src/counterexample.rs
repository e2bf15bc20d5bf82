//! From "it failed" to the failure that is easiest to read: the one with the fewest preemptions.

use crate::context::Row;
use crate::explore::{Ended, explore, replay};
use crate::failure::Failure;
use crate::limits::Limits;
use crate::model::Case;
use crate::token::Token;

/// More preemptions than this are not tried: a bounded search grows with each, and the plain one has
/// already found the failure.
const MOST_PREEMPTIONS: u8 = 6;

/// A failing execution.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) token: Token,
    /// `None`: not known, because the searches for fewer preemptions would have taken too long.
    pub(crate) preemptions: Option<u8>,
}

/// A failing execution with its steps.
#[derive(Clone, Debug)]
pub(crate) struct Counterexample {
    pub(crate) at: Located,
    pub(crate) failure: Failure,
    pub(crate) rows: Vec<Row>,
}

/// Looks for the same failure under bounds of 0, 1, 2, … preemptions: the first bound that shows it is the
/// number it needs. `execution` is where the search within `limits` found it.
pub(crate) fn locate(case: &Case, failure: &Failure, execution: u64, limits: &Limits) -> Located {
    // A bounded search is worth some multiple of the search that failed. Not a time: results must repeat.
    let cap = execution.saturating_mul(20).clamp(5_000, 200_000);
    for bound in 0..=limits.preemptions.unwrap_or(MOST_PREEMPTIONS) {
        let within = Limits { preemptions: Some(bound), executions: Some(cap), duration: None, ..*limits };
        let found = explore(case, within);
        match found.ended {
            Ended::Failed(other) if other.invariant == failure.invariant => {
                return at(case, Some(bound), found.executions, Some(bound));
            }
            Ended::Explored(coverage) if coverage.cut.is_some() => break,
            _ => {}
        }
    }
    at(case, limits.preemptions, execution, None)
}

fn at(case: &Case, bound: Option<u8>, execution: u64, preemptions: Option<u8>) -> Located {
    let token = Token { name: case.name.clone(), preemptions: bound, execution };
    Located { token, preemptions }
}

/// Replays a located failure with recording on.
///
/// # Errors
/// When it does not fail again: the model is not deterministic.
pub(crate) fn draw(case: &Case, failure: &Failure, at: Located) -> Result<Counterexample, String> {
    let again = replay(case, at.token.preemptions, at.token.execution);
    match again.ended {
        Ended::Failed(mut same)
            if same.invariant == failure.invariant && again.executions == at.token.execution =>
        {
            same.name_roles(&case.roles);
            Ok(Counterexample { at, failure: same, rows: again.rows })
        }
        Ended::Failed(other) => {
            Err(not_deterministic(&at, &format!("{other} at execution {}", again.executions)))
        }
        Ended::Explored(_) => Err(not_deterministic(&at, "nothing failed")),
    }
}

fn not_deterministic(at: &Located, what: &str) -> String {
    format!("the model is not deterministic: replay of {} gave: {what}", at.token)
}
