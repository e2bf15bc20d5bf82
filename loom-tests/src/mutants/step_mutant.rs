//! Steps of the protocol left out and swapped, against the models composed by hand.

use std::fmt;

use loom_harness::{Case, Model};

use super::hook::as_written;
use super::mutation::{Mutation, ROLES, missing, mutations_of};
use super::trial::{self, Outcome};
use crate::protocol::replace_by_hand::Play;
use crate::protocol::steps::{Role, Step};
use crate::protocol::transaction_by_hand::Transaction;
use crate::scenario::trace::Report;
use crate::support::TYPES;

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
        // What is declared of the steps must be what the interpreter finds, which knows the types.
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
    match role {
        Role::Cow | Role::Nocow => judged_twice(&[Play::of(role).writer(program.into())]),
        Role::Replace => {
            judged_twice(&[Role::Cow, Role::Nocow].map(|writer| Play::of(writer).replace(program.into())))
        }
        Role::Joiner => vec![transaction(Transaction::new().joiner(program.into()))],
        Role::Committer => {
            let committed = Transaction::new().committer(program.into());
            vec![transaction(committed.clone()), transaction(committed.committed_twice())]
        }
    }
}

fn judged_twice(plays: &[Play]) -> Vec<Case> {
    let judged = |play: &Play, report| {
        let (play, (name, roles)) = (play.clone(), play.model());
        Case::from(Model::new(name).roles(&roles).body(move || play.run(report)))
    };
    let theorem = plays.iter().map(|play| judged(play, None));
    theorem.chain(plays.iter().map(|play| judged(play, Some(Report::AtTheEnd)))).collect()
}

fn transaction(transaction: Transaction) -> Case {
    let (name, roles) = transaction.model();
    Case::from(Model::new(name).roles(&roles).body(move || transaction.run()))
}

impl fmt::Display for StepMutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.role.name(), self.mutation.words(self.role))
    }
}
