//! One execution, run again and drawn.

use crate::binary::say;
use crate::engine::Explore;
use crate::judge::Token;
use crate::report::{self, Diagram};
use crate::search::{Ended, Limits, folded};
use crate::suite::Suite;
use std::fmt::Write as _;

/// Replays the execution `token` and draws it, whether it fails or not. False when a model fails.
pub(crate) fn show(
    suite: &Suite,
    explorer: &dyn Explore,
    token: &Token,
    limits: &Limits,
) -> Result<bool, String> {
    let (holds, text) = text(suite, explorer, token, limits)?;
    say(&text);
    Ok(holds)
}

/// The same as text.
pub(crate) fn text(
    suite: &Suite,
    explorer: &dyn Explore,
    token: &Token,
    limits: &Limits,
) -> Result<(bool, String), String> {
    let case =
        suite.find(&token.name).ok_or_else(|| format!("there is no model or twin {:?} here", token.name))?;
    let found = explorer.replay(case, &token.at, limits).map_err(|why| format!("{token}: {why}"))?;
    let failure = match found.ended {
        Ended::Failed { mut failure, .. } => {
            failure.name_roles(&case.roles);
            Some(failure)
        }
        Ended::Explored(_) => None,
    };
    let diagram = Diagram {
        title: case.name.clone(),
        about: report::about(case),
        roles: case.roles.clone(),
        rows: folded(&found.rows),
        failure,
        preemptions: None,
        replay: format!("{}_REPLAY='{token}' {}", suite.prefix, suite.command),
    };
    let mut text = format!("\n{}", report::text(&diagram));
    for place in diagram.failure.iter().flat_map(|failure| &failure.places) {
        let _ = writeln!(text, "   at {place}");
    }
    Ok((diagram.failure.is_none() || case.twin.is_some(), text.trim_end().into()))
}
