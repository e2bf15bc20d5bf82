//! One execution, run again and drawn.

use crate::binary::say;
use crate::engine::Explore;
use crate::judge::Token;
use crate::report::{self, Diagram};
use crate::search::Ended;
use crate::suite::Suite;

/// Replays the execution `token` and draws it, whether it fails or not. False when a model fails.
pub(crate) fn show(suite: &Suite, explorer: &dyn Explore, token: &Token) -> Result<bool, String> {
    let case =
        suite.find(&token.name).ok_or_else(|| format!("there is no model or twin {:?} here", token.name))?;
    let found = explorer.replay(case, &token.at).map_err(|why| format!("{token}: {why}"))?;
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
        rows: found.rows,
        failure,
        preemptions: None,
        replay: format!("{}_REPLAY='{token}' {}", suite.prefix, suite.command),
    };
    say(&format!("\n{}", report::text(&diagram)));
    for place in diagram.failure.iter().flat_map(|failure| &failure.places) {
        say(&format!("   at {place}"));
    }
    Ok(diagram.failure.is_none() || case.twin.is_some())
}
