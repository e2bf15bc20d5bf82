//! What to think of what became of a mutant.

use blockgate::sync::mutation::Site;
use loom_harness::{Case, Failed};

use super::equivalent::{ORDERINGS, STEPS};
use super::mutant::{Kind, Mutant};
use super::step_mutant::StepMutant;
use super::trial::Outcome;

/// All that was found.
pub struct Result {
    pub sites: Vec<Site>,
    pub mutants: Vec<(Mutant, Outcome, Verdict)>,
    pub steps: Vec<(StepMutant, Outcome, Verdict)>,
    pub twins: Vec<(Case, Outcome)>,
}

/// What to think of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Killed,
    /// Cannot be written in safe code over the types of the crate.
    Types,
    /// Survived, as argued.
    Equivalent,
    /// Survived, as it should.
    Tolerated,
    /// Survived, or killed where it should not be.
    Unexplained,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Types => "types",
            Self::Equivalent => "equivalent",
            Self::Tolerated => "tolerated",
            Self::Unexplained => "**unexplained**",
        }
    }

    pub fn of(mutant: &Mutant, outcome: &Outcome) -> Self {
        match (mutant.kind, outcome) {
            (Kind::Wait, Outcome::Survived { .. }) => Self::Tolerated,
            (Kind::Ordering | Kind::WakeUp, Outcome::Killed { .. }) => Self::Killed,
            (Kind::Ordering | Kind::WakeUp, _) if argument_for(mutant).is_some() => Self::Equivalent,
            _ => Self::Unexplained,
        }
    }

    pub fn of_step(mutant: StepMutant, outcome: &Outcome) -> Self {
        match outcome {
            // A panic says nothing of the protocol, unless it is an assertion of an invariant.
            Outcome::Killed { failed, .. } if failed.invariant == "panic" && cited(failed).is_none() => {
                Self::Unexplained
            }
            Outcome::Killed { .. } => Self::Killed,
            Outcome::Forbidden(_) => Self::Types,
            Outcome::Survived { .. } if argument_for_step(mutant).is_some() => Self::Equivalent,
            Outcome::Survived { .. } => Self::Unexplained,
        }
    }
}

/// The invariant that an assertion cites, as in `T2: the commit root is of …`.
pub fn cited(failed: &Failed) -> Option<&str> {
    let number = failed.detail.split_once(": ")?.0;
    let (letter, digits) = number.split_at_checked(1)?;
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    (is_number && letter.chars().all(|c| c.is_ascii_uppercase())).then_some(number)
}

/// Why `mutant` changes nothing, if that is written down.
pub fn argument_for(mutant: &Mutant) -> Option<&'static str> {
    ORDERINGS.iter().find(|entry| entry.explains(&mutant.place)).map(|entry| entry.argument)
}

/// The same, of a step.
pub fn argument_for_step(mutant: StepMutant) -> Option<&'static str> {
    STEPS.iter().find(|entry| entry.mutant == mutant).map(|entry| entry.argument)
}
