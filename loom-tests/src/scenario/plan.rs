//! What is played: which roles act beside the replace, and where they meet.

use blockgate::volume::Policy;
use blockgate::{LogicalRange, Shards};

use crate::protocol::role::Role;
use crate::stage::SECTOR;

/// A device replace, and beside it each of the roles on a thread of its own. Without anything else said: one
/// group, a shard for each thread, one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub(super) roles: &'static [Role],
    pub(super) groups: u64,
    pub(super) policy: Policy,
    pub(super) rounds: usize,
    pub(super) meet: bool,
    pub(super) given: Given,
    pub(super) shortened: bool,
    pub(super) replaces: Replaces,
    pub(super) left_out: Option<LeftOut>,
}

/// Which extents are there before the roles begin, for those that overwrite, delete or clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    OneEach,
    /// One for all NOCOW writers, with a reference for each.
    OneForAll,
    /// In the last group, not in the first one that has room.
    OneEachInTheLastGroup,
}

/// How often the device is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaces {
    /// It has begun before the roles do.
    Once,
    /// It begins beside the roles.
    OnceTheRolesAct,
    /// The copy of the first group fails, and is tried again.
    AfterAPassThatFailed,
    /// Once before the roles begin, by a replace that was finished and whose source was retired; and again.
    AfterOneThatWasRetired,
    /// A replace passes one group and is given up; the next one replaces all groups, with another target.
    AfterOneThatWasGivenUp,
}

/// What a red twin leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The replace after the one that was given up.
    SecondReplace,
    /// The drain of each group before it is copied.
    Drain,
    /// The pass after the one that failed.
    SecondPass,
    /// The reference that a cloner adds before it drops one.
    Reference,
    /// The references of all owners of a shared extent but the first.
    ReferencesOfOthers,
}

impl Plan {
    pub const fn of(roles: &'static [Role]) -> Self {
        Self {
            roles,
            groups: 1,
            policy: Policy::CopyThenClone,
            rounds: 1,
            meet: false,
            given: Given::OneEach,
            shortened: false,
            replaces: Replaces::Once,
            left_out: None,
        }
    }

    pub const fn groups(self, groups: u64) -> Self {
        Self { groups, ..self }
    }

    pub const fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// How often each role does what it does.
    pub const fn rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    /// One shard is for all threads: they meet in each of its words and under each of its locks.
    pub const fn in_one_shard(self) -> Self {
        Self { meet: true, ..self }
    }

    /// The NOCOW writers are given one extent, and a reference to it each.
    pub const fn sharing_one_extent(self) -> Self {
        Self { given: Given::OneForAll, ..self }
    }

    /// Fewer executions: a NOCOW writer that is refused gives up, where it would write elsewhere, and a cloner keeps the
    /// reference that it adds, where it would drop one.
    pub const fn shortened(self) -> Self {
        Self { shortened: true, ..self }
    }

    /// What a role is given to overwrite or to delete is in the last group, not in the first one that has room.
    pub const fn given_in_the_last_group(self) -> Self {
        Self { given: Given::OneEachInTheLastGroup, ..self }
    }

    pub const fn replaces(self, replaces: Replaces) -> Self {
        Self { replaces, ..self }
    }

    /// A red twin: nothing is compared with the specification.
    pub const fn without(self, left_out: LeftOut) -> Self {
        Self { left_out: Some(left_out), ..self }
    }

    /// V2: a writer that has read the cursor may still write to the target that is given up, or to the next one,
    /// which no drain has copied to yet; or to the source alone, where *clone always* has begun meanwhile. It does no
    /// harm: the drain of its group waits for it (Lemma 14).
    pub(super) fn waived(self) -> &'static [&'static str] {
        match (self.replaces, self.policy) {
            (Replaces::AfterOneThatWasGivenUp, _) | (Replaces::OnceTheRolesAct, Policy::CloneAlways) => {
                &["V2"]
            }
            _ => &[],
        }
    }

    /// Room for twice what all threads write, in each group.
    pub(super) fn layout(self) -> Vec<LogicalRange> {
        let threads = self.roles.len() as u64 + 1;
        let length = threads * 2 * self.rounds as u64 * SECTOR;
        (0..self.groups).map(|group| LogicalRange::new(group * length, length).expect("a range")).collect()
    }

    /// A shard, and so a slice of each group, for every thread: writers do not meet. But two that close the same
    /// gates meet in every shard: where there is a scrub, one shard is for all.
    pub(super) fn shards(self) -> Shards {
        let meet = self.meet || self.roles.contains(&Role::Scrub);
        Shards::new(if meet { 1 } else { self.roles.len() + 1 })
    }

    pub(super) fn leaves_out(self, left_out: LeftOut) -> bool {
        self.left_out == Some(left_out)
    }
}
