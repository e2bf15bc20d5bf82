//! Depth-first search of all states. Of a state that was visited, 128 bits of a hash are kept.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use blockgate::Event;

use super::state::{Scene, State, Stepped};
use crate::specification::Role;

/// What a search found.
pub struct Found {
    pub states: usize,
    pub transitions: usize,
    pub ends: usize,
    pub depth: usize,
    pub failure: Option<Failure>,
}

/// An execution that breaks a rule, or the theorem.
pub struct Failure {
    /// `None`: the theorem.
    pub rule: Option<&'static str>,
    detail: String,
    /// What each did; `None`: it looked at the cursor.
    steps: Vec<(Role, Option<Event>)>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (role, event) in &self.steps {
            let what = event.map_or_else(|| "read the cursor".into(), |event| event.to_string());
            writeln!(f, "    {:width$}role {role}: {what}", "", width = role * 20)?;
        }
        write!(f, "    => {}", self.detail)
    }
}

/// A state on the path to the one that is looked at.
struct Level<'s> {
    state: State<'s>,
    next_role: Role,
    is_stuck: bool,
}

/// Explores all that can come of `scene`, until something fails.
pub fn search(scene: &Scene) -> Found {
    let state = scene.begin();
    let mut visited = HashSet::from([fingerprint(&state)]);
    let mut found = Found { states: 1, transitions: 0, ends: 0, depth: 0, failure: None };
    let mut steps = Vec::new();
    let mut path = vec![Level { state, next_role: 0, is_stuck: true }];
    while let Some(level) = path.last_mut() {
        let role = level.next_role;
        if role == level.state.actors.len() {
            if level.is_stuck {
                found.ends += 1;
                if let Some(detail) = level.state.defect_at_the_end() {
                    found.failure = Some(Failure { rule: None, detail, steps });
                    break;
                }
            }
            path.pop();
            steps.pop();
            continue;
        }
        level.next_role += 1;
        let mut state = level.state.clone();
        match state.step(role) {
            Stepped::Waits => {}
            Stepped::Did(event) => {
                level.is_stuck = false;
                found.transitions += 1;
                if visited.insert(fingerprint(&state)) {
                    steps.push((role, event));
                    path.push(Level { state, next_role: 0, is_stuck: true });
                }
            }
            Stepped::Broke(event, broken) => {
                steps.push((role, event));
                found.failure =
                    Some(Failure { rule: Some(broken), detail: format!("against {broken}"), steps });
                break;
            }
        }
        found.depth = found.depth.max(path.len());
    }
    found.states = visited.len();
    found
}

/// Two states with the same one would hide what comes of the second: with a billion states, 1 in 10^20.
fn fingerprint(state: &State<'_>) -> (u64, u64) {
    let half = |number: u64| {
        let mut hashing = DefaultHasher::new();
        (number, state).hash(&mut hashing);
        hashing.finish()
    };
    (half(1), half(2))
}
