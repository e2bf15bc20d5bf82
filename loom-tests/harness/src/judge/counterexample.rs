//! From "it failed" to the failing execution that is easiest to read, with its steps.

use super::Token;
use crate::case::Case;
use crate::engine::Explore;
use crate::search::{Ended, Failure, Limits, Row, spinning};
use std::collections::BTreeSet;

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

/// More preemptions than this are not tried: a bounded search grows with each, and the plain one has
/// already found the failure.
const MOST_PREEMPTIONS: u8 = 6;

/// Looks for the same failure under bounds of 0, 1, 2, … preemptions: the first bound that shows it is the
/// number it needs. `at` is where the search within `limits` found it, as the last of its `executions`.
pub(crate) fn locate(
    explorer: &dyn Explore,
    case: &Case,
    failure: &Failure,
    at: &str,
    executions: u64,
    limits: &Limits,
) -> Located {
    // A bounded search is worth some multiple of the search that failed. Not a time: results must repeat.
    let cap = executions.saturating_mul(20).clamp(5_000, 200_000);
    let located = |at: &str, preemptions| {
        let token = Token { name: case.name.clone(), at: at.into() };
        Located { token, preemptions }
    };
    for bound in 0..=limits.preemptions.unwrap_or(MOST_PREEMPTIONS) {
        let within =
            Limits { preemptions: Some(bound), executions: Some(cap), duration: None, part: None, ..*limits };
        match explorer.explore(case, &within).ended {
            Ended::Failed { failure: other, at } if other.invariant == failure.invariant => {
                return located(&at, Some(bound));
            }
            Ended::Explored(coverage) if coverage.cut.is_some() => break,
            _ => {}
        }
    }
    located(at, None)
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
    limits: &Limits,
) -> Result<Counterexample, String> {
    let again = explorer.replay(case, &at.token.at, limits).map_err(|why| not_deterministic(&at, &why))?;
    match again.ended {
        Ended::Failed { failure: mut same, at: place }
            if same.invariant == failure.invariant && place == at.token.at =>
        {
            explain(&mut same, &again.rows);
            same.name_roles(&case.roles);
            Ok(Counterexample { at, failure: same, rows: again.rows })
        }
        Ended::Failed { failure: other, at: place } => {
            Err(not_deterministic(&at, &format!("{other} at {place}")))
        }
        Ended::Explored(_) => Err(not_deterministic(&at, "nothing failed")),
    }
}

/// What the engine's own words leave out: what a blocked thread waits for, which one spins.
fn explain(failure: &mut Failure, rows: &[Row]) {
    if failure.invariant == "branch limit" {
        if let Some((role, steps)) = spinning(rows) {
            failure.detail = format!("thread #{role} repeats: {}", steps.join("; "));
        }
    } else if failure.invariant == "deadlock" {
        let seen = || rows.iter().filter(|row| row.located.is_some());
        for role in seen().map(|row| row.role).collect::<BTreeSet<_>>() {
            let last = seen().rfind(|row| row.role == role).map_or("", |row| &row.text);
            let blocked = format!("thread #{role} blocked");
            failure.detail = failure.detail.replace(&blocked, &format!("{blocked} ({last})"));
        }
    }
}

fn not_deterministic(at: &Located, what: &str) -> String {
    format!("the model is not deterministic: the replay of {} gave: {what}", at.token)
}
