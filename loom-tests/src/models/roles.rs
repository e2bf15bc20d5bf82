//! Every two and every three of the writers' roles beside the replace, by machine: no combination is left out by
//! oversight. What is of interest in some of them has a model of its own in `replace.rs`.

use loom_harness::Model;

use super::Plays;
use crate::protocol::role::Role::{self, Cloner, Committer, Cow, Deleter, Nocow, Scrub};
use crate::scenario::plan::Plan;

const ROLES: [Role; 6] = [Cow, Nocow, Deleter, Cloner, Committer, Scrub];

pub fn models() -> Vec<Model> {
    combinations().map(|roles| model(&roles)).collect()
}

/// Two and three of them, each also with itself.
fn combinations() -> impl Iterator<Item = Vec<Role>> {
    let from = |first: usize| first..ROLES.len();
    let pairs = from(0).flat_map(move |one| from(one).map(move |other| vec![one, other]));
    let triples = from(0).flat_map(move |one| {
        from(one).flat_map(move |other| from(other).map(move |third| vec![one, other, third]))
    });
    pairs.chain(triples).map(|indices| indices.into_iter().map(|index| ROLES[index]).collect())
}

fn model(roles: &[Role]) -> Model {
    let names: Vec<_> = roles.iter().map(|role| name(*role)).collect();
    let reach: Vec<_> = roles.iter().map(|role| outcome(*role)).collect();
    let model = Model::new(format!("roles/{}", names.join("+")))
        .theorem("Each live extent is on the target with the bytes that the source has, whatever roles meet.")
        .must_reach(&reach)
        .combines(&names)
        .plays(Plan::of(roles.to_vec().leak()).play());
    if roles.len() > 2 { model.second_engine_only().weight(100) } else { model }
}

fn name(role: Role) -> &'static str {
    match role {
        Cow => "cow",
        Nocow => "nocow",
        Deleter => "delete",
        Cloner => "clone",
        Committer => "commit",
        Scrub => "scrub",
        _ => unreachable!("it has no program beside the replace"),
    }
}

/// What each comes to in some execution, whatever is beside it.
fn outcome(role: Role) -> &'static str {
    match role {
        Cow => "both-devices",
        Nocow => "in-place",
        Deleter => "deleted",
        Cloner => "cloned-over-a-commit",
        Committer => "committed",
        _ => "nested",
    }
}
