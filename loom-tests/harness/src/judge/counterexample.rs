//! From "it failed" to the failing execution that is easiest to read, with its steps.

use super::Token;
use crate::engine::Explore;
use crate::model::Case;
use crate::search::{Ended, Failure, Limits, Row};

/// A failing execution.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) token: Token,
    /// The fewest with which it fails so; `None`: not known.
    pub(crate) preemptions: Option<u8>,
}

/// A failing execution with its steps.
#[derive(Clone, Debug)]
pub(crate) struct Counterexample {
    pub(crate) at: Located,
    pub(crate) failure: Failure,
    pub(crate) rows: Vec<Row>,
}

/// The failure that the search within `limits` found `at` its last execution, where it is easiest to read.
pub(crate) fn locate(
    explorer: &dyn Explore,
    case: &Case,
    failure: &Failure,
    at: &str,
    executions: u64,
    limits: &Limits,
) -> Located {
    let fewest = explorer.fewest(case, failure, at, executions, limits);
    Located { token: Token { name: case.name.clone(), at: fewest.at }, preemptions: fewest.preemptions }
}

/// Replays a located failure with recording on.
///
/// # Errors
/// When it does not fail again: the model is not deterministic.
pub(crate) fn draw(
    explorer: &dyn Explore,
    case: &Case,
    failure: &Failure,
    at: Located,
) -> Result<Counterexample, String> {
    let again = explorer.replay(case, &at.token.at).map_err(|why| not_deterministic(&at, &why))?;
    match again.ended {
        Ended::Failed { failure: mut same, at: place }
            if same.invariant == failure.invariant && place == at.token.at =>
        {
            same.name_roles(&case.roles);
            Ok(Counterexample { at, failure: same, rows: again.rows })
        }
        Ended::Failed { failure: other, at: place } => {
            Err(not_deterministic(&at, &format!("{other} at {place}")))
        }
        Ended::Explored(_) => Err(not_deterministic(&at, "nothing failed")),
    }
}

fn not_deterministic(at: &Located, what: &str) -> String {
    format!("the model is not deterministic: the replay of {} gave: {what}", at.token)
}
