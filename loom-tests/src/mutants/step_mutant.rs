//! Steps of the protocol left out and swapped, against the models composed by hand.

use std::fmt;

use loom_harness::{Case, Model};

use super::hook::as_written;
use super::mutation::{Mutation, ROLES, missing, mutations_of};
use super::trial::{self, Outcome};
use crate::protocol::machine::TYPES;
use crate::protocol::replace::ReplaceByHand;
use crate::protocol::role::Role;
use crate::protocol::step::Step;
use crate::protocol::transaction::TransactionByHand;
use crate::stage::{Compare, Play};

/// One change of one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepMutant {
    pub role: Role,
    pub mutation: Mutation,
}

/// All changes of all roles, each tried.
pub fn try_everything() -> Vec<(StepMutant, Outcome)> {
    let of_role = |role| mutations_of(role).into_iter().map(move |mutation| StepMutant { role, mutation });
    let mutants: Vec<_> = ROLES.into_iter().flat_map(of_role).collect();
    trial::in_parallel(mutants, |mutant| (mutant, mutant.try_it()))
}

impl StepMutant {
    /// Models of the theorem first, and then what the specification says where nothing is lost.
    fn try_it(self) -> Outcome {
        let program = self.mutation.program(self.role);
        let outcome = trial::try_one(&as_written(), cases(self.role, &program).iter());
        // What the steps declare must be what the interpreter, which has the types, finds.
        let ends_for_want_of_a_token =
            matches!(&outcome, Outcome::Killed { failed, .. } if failed.invariant == TYPES);
        match missing(self.role, &program) {
            Some(missing) if ends_for_want_of_a_token => Outcome::Forbidden(missing),
            None if !ends_for_want_of_a_token => outcome,
            declared => panic!("{self}: declared as {declared:?}, and found to be {outcome:?}"),
        }
    }
}

fn cases(role: Role, program: &[Step]) -> Vec<Case> {
    let program = program.to_vec();
    match role {
        Role::Replace => {
            let against = |writer| ReplaceByHand::of(writer).replace(program.clone());
            judged_twice(&[Role::Cow, Role::Nocow].map(against))
        }
        Role::Joiner => vec![transaction(TransactionByHand::new().joiner(program))],
        Role::Committer => {
            let committed = TransactionByHand::new().committer(program);
            vec![transaction(committed.clone()), transaction(committed.committed_twice())]
        }
        writer => judged_twice(&[ReplaceByHand::of(writer).writes(program)]),
    }
}

fn judged_twice(changed: &[ReplaceByHand]) -> Vec<Case> {
    let judged = |roles: &ReplaceByHand, compare| case(roles.model_name(), roles.clone().play(compare));
    let theorem = changed.iter().map(|roles| judged(roles, Compare::Nothing));
    theorem.chain(changed.iter().map(|roles| judged(roles, Compare::AtTheEnd))).collect()
}

fn transaction(changed: TransactionByHand) -> Case {
    case(changed.model_name(), changed.play())
}

fn case(name: &str, play: Play) -> Case {
    Case::from(Model::new(name).roles(play.roles()).body(move || play.run()))
}

impl fmt::Display for StepMutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.role.name(), self.mutation.words(self.role))
    }
}
