//! Which roles a plan combines, by the names that the certificate's table has.

use super::plan::Plan;
use crate::protocol::role::Role::{self, Cloner, Committer, Cow, Deleter, Nocow, Scrub};

/// Those that can be combined, in the order in which a model's name has them.
pub const ROLES: [Role; 6] = [Cow, Nocow, Deleter, Cloner, Committer, Scrub];

/// What a plan combines, if it is two or three roles and nothing else.
pub fn combined_in(plan: &Plan) -> Vec<&'static str> {
    let is_plain = *plan == Plan::of(plan.roles) && (2..=3).contains(&plan.roles.len());
    if is_plain { names(plan.roles) } else { Vec::new() }
}

pub fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| name(*role)).collect()
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
