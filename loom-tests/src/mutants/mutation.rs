//! Every way to leave out a step of a program, or to swap two; and which of them the types do not allow.

use std::fmt;

use crate::protocol::role::Role;
use crate::protocol::step::{Step, Token};

/// All roles whose programs are mutated.
pub const ROLES: [Role; 5] = [Role::Cow, Role::Nocow, Role::Replace, Role::Joiner, Role::Committer];

/// One change of a role's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// And without the step that undoes it. (The undoing is also left out alone.)
    Without(Step),
    /// Of two that follow each other, the second is done first.
    Swapped(Step, Step),
}

/// Each single step left out, each two that follow each other swapped.
pub fn mutations_of(role: Role) -> Vec<Mutation> {
    let steps = role.program();
    let swapped = steps.windows(2).map(|pair| Mutation::Swapped(pair[0], pair[1]));
    steps.iter().map(|step| Mutation::Without(*step)).chain(swapped).collect()
}

impl Mutation {
    /// The program of `role` with this change.
    pub fn program(self, role: Role) -> Vec<Step> {
        match self {
            Self::Without(step) => role.without(&with_its_undoing(role, step)),
            Self::Swapped(first, second) => role.moving(second, first),
        }
    }

    /// The change in words.
    pub fn words(self, role: Role) -> String {
        match self {
            Self::Without(step) => {
                let steps: Vec<_> =
                    with_its_undoing(role, step).iter().map(|step| format!("*{step}*")).collect();
                format!("without {}", steps.join(" and "))
            }
            Self::Swapped(first, second) => format!("*{second}* before *{first}*"),
        }
    }
}

fn with_its_undoing(role: Role, step: Step) -> Vec<Step> {
    let (_, _, taken) = step.tokens();
    let undoes = |other: &Step| other.undoes().is_some_and(|token| taken.contains(&token));
    [step].into_iter().chain(role.program().iter().copied().filter(undoes)).collect()
}

/// The step of a program that cannot be done, for want of a token.
#[derive(Debug, Clone, Copy)]
pub struct Missing {
    step: Step,
    token: Token,
}

/// Looks for the first such step, without doing any.
pub fn missing(role: Role, program: &[Step]) -> Option<Missing> {
    // A writer that overwrites in place knows the extent.
    let mut held = if role == Role::Nocow { vec![Token::Extent] } else { Vec::new() };
    program.iter().find_map(|step| {
        let (needs, ends, takes) = step.tokens();
        let token = needs.iter().copied().chain(ends).find(|token| !held.contains(token));
        held.retain(|token| Some(*token) != ends);
        held.extend(takes);
        token.map(|token| Missing { step: *step, token })
    })
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*{}* needs {}", self.step, self.token)
    }
}
