//! Every two and every three of the roles beside the replace, by machine: no combination is left out by oversight. Those
//! of which `replace.rs` has a model of its own are not made again.

use loom_harness::Model;

use super::{Plays, replace};
use crate::protocol::role::Role::{self, Cloner, Committer, Cow, Deleter, Nocow, Scrub};
use crate::scenario::combination::{ROLES, names};
use crate::scenario::plan::Plan;

pub fn models() -> Vec<Model> {
    let there = replace::models();
    let is_there = |roles: &[Role]| {
        let mut combination = names(roles);
        combination.sort_unstable();
        there.iter().any(|model| model.combination() == combination)
    };
    combinations().filter(|roles| !is_there(roles)).map(|roles| model(&roles)).collect()
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
    let is_pair = roles.len() == 2;
    let mut reach: Vec<_> = roles.iter().map(|role| outcome(*role, is_pair)).collect();
    reach.dedup();
    let names = names(roles);
    let model = Model::new(format!("roles/{}", names.join("+")))
        .theorem("Each live extent is on the target with the bytes that the source has, whatever roles meet.")
        .must_reach(&reach)
        .combines(&names)
        .plays(plan(roles).play());
    match roles {
        _ if WITH_THE_SECOND_ENGINE.contains(&roles) => model.second_engine_only(),
        _ if LONG_UNDER_LOOM.contains(&roles) => model.long_under_loom(),
        _ if is_pair => model,
        _ if LONG.contains(&roles) => model.second_engine_only().long(),
        _ => model.second_engine_only().weight(100),
    }
}

/// What one does beside two others is less than what it does beside one: else there are more executions than can be
/// explored.
fn plan(roles: &[Role]) -> Plan {
    let plan = Plan::of(roles.to_vec().leak());
    match roles {
        [_, _] => plan,
        [Cloner, Cloner, Cloner] => plan.shortened().in_one_shard(),
        _ => plan.shortened(),
    }
}

/// Pairs that are too large for loom: it has not ended the first one in five minutes, and the other is twelve times as large
/// with the second engine.
const WITH_THE_SECOND_ENGINE: [&[Role]; 2] = [&[Nocow, Cloner], &[Cloner, Cloner]];

/// Pairs that take loom long.
const LONG_UNDER_LOOM: [&[Role]; 4] =
    [&[Nocow, Nocow], &[Nocow, Scrub], &[Deleter, Cloner], &[Cloner, Scrub]];

/// More than 50,000 executions each.
const LONG: [&[Role]; 9] = [
    &[Cow, Cow, Scrub],
    &[Cow, Cloner, Cloner],
    &[Cow, Scrub, Scrub],
    &[Nocow, Nocow, Scrub],
    &[Nocow, Cloner, Cloner],
    &[Nocow, Scrub, Scrub],
    &[Cloner, Cloner, Cloner],
    &[Cloner, Cloner, Committer],
    &[Scrub, Scrub, Scrub],
];

/// What each comes to in some execution, whatever is beside it.
fn outcome(role: Role, drops: bool) -> &'static str {
    match role {
        Cow => "both-devices",
        Nocow => "in-place",
        Deleter => "deleted",
        Cloner if drops => "cloned-over-a-commit",
        Cloner => "cloned",
        Committer => "committed",
        _ => "nested",
    }
}
