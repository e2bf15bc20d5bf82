//! Which scenarios are sampled, by shuttle and on threads of the system.

use blockgate::volume::Policy;

use super::plan::Plan;
use crate::protocol::role::Role::{Committer, Cow, Deleter, Nocow, Scrub};

/// A plan, and the outcomes without which it shows nothing.
pub trait Scenario {
    const PLAN: Plan;
    const MUST_REACH: &'static [&'static str];
}

pub struct FourWriters;

impl Scenario for FourWriters {
    const PLAN: Plan = Plan::of(&[Cow, Cow, Nocow, Cow]).rounds(2);
    const MUST_REACH: &'static [&'static str] =
        &["refused", "waited-reservation", "waited-ordered", "both-devices", "in-place"];
}

pub struct EightWritersInThreeGroups;

impl Scenario for EightWritersInThreeGroups {
    const PLAN: Plan = Plan::of(&[Cow, Cow, Nocow, Deleter, Cow, Nocow, Cow, Deleter]).groups(3).rounds(4);
    const MUST_REACH: &'static [&'static str] =
        &["second-group", "waited-ordered", "both-devices", "in-place", "moved", "deleted"];
}

pub struct WritersAndCommitters;

impl Scenario for WritersAndCommitters {
    const PLAN: Plan = Plan::of(&[Cow, Committer, Nocow, Deleter, Committer, Cow]).groups(2).rounds(3);
    const MUST_REACH: &'static [&'static str] =
        &["second-group", "waited-ordered", "committed-a-write", "deleted"];
}

pub struct WithScrub;

impl Scenario for WithScrub {
    const PLAN: Plan = Plan::of(&[Cow, Scrub, Nocow, Cow, Scrub]).groups(2).rounds(3);
    const MUST_REACH: &'static [&'static str] = &["nested", "second-group", "moved"];
}

pub struct ClonedAlways;

impl Scenario for ClonedAlways {
    const PLAN: Plan =
        Plan::of(&[Cow, Nocow, Nocow, Cow, Deleter]).groups(2).policy(Policy::CloneAlways).rounds(3);
    const MUST_REACH: &'static [&'static str] = &["both-devices", "in-place", "waited-ordered"];
}
