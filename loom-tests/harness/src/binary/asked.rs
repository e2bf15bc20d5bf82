//! What a run was asked to explore: a variable that cargo aliases and CI jobs set.
//!
//! A `cfg` that an environment variable or another configuration overrides leaves a binary without its engine.
//! It would explore nothing, and pass. So an alias that sets the `cfg` also says so in a variable, and a binary
//! that finds the variable and was built without the `cfg` fails.

use super::arguments::{Action, Arguments};
use std::env;
use std::process::ExitCode;

/// What `<PROJECT>_EXPLORE` says that this run must explore, such as `loom`; `None` when nobody asked.
#[must_use]
pub fn asked(project: &str) -> Option<String> {
    env::var(variable(project)).ok().filter(|value| !value.is_empty())
}

fn variable(project: &str) -> String {
    format!("{}_EXPLORE", project.to_uppercase().replace('-', "_"))
}

/// The error of a run that was asked for something else than this binary was built for, which is one of `has`.
pub(crate) fn other_than(project: &str, has: &[&str]) -> Option<String> {
    let wanted = asked(project).filter(|wanted| !has.contains(&wanted.as_str()))?;
    Some(format!(
        "{}={wanted}, but this binary was built for {}: is a cfg overridden by RUSTFLAGS?",
        variable(project),
        has.join(", ")
    ))
}

/// The `main` of a binary that was built without `what` (`loom`), for which one needs `command`: it has no case,
/// and fails when it was asked to explore `what`, or is given arguments that only the whole binary knows.
#[must_use]
pub fn not_built(project: &str, what: &str, command: &str) -> ExitCode {
    match without(project, what, command) {
        Ok(Action::Run) => {
            println!("nothing to run: built without {what}, for which the command is\n    {command}");
            ExitCode::SUCCESS
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!(
                "error: {why}\nThis binary was built without {what} and explores nothing. The command is\n    {command}"
            );
            ExitCode::from(2)
        }
    }
}

fn without(project: &str, what: &str, command: &str) -> Result<Action, String> {
    if asked(project).is_some_and(|wanted| wanted == what) {
        let variable = variable(project);
        return Err(format!(
            "{variable}={what} asks for {what}; do RUSTFLAGS override the flags of `{command}`?"
        ));
    }
    Arguments::read(|_, _| Ok(false)).map(|arguments| arguments.action)
}
