//! A step that `src` does not have, and the kernel has: a drain that finds no transaction running does not commit.
//! See `docs/kernel.md`.

use std::collections::BTreeSet;

use blockgate::BlockGroupId;

use super::{Copy, Role, Specification};

impl Specification {
    /// Whether the commit root lists all that a commit would: no ref is queued, and no commit has run any that its root
    /// does not show yet. (A handle may be open, and a commit at work that has nothing to do.)
    pub fn none_runs(&self) -> bool {
        self.none_is_queued() && self.commit_root.iter().eq(self.run_extents())
    }

    pub fn none_is_queued(&self) -> bool {
        self.refs.values().all(|refs| refs.queued == 0)
    }

    /// The drain of `group` by `role` found that no transaction runs, and takes the commit root as it is. Returns the
    /// rules that this breaks.
    pub fn find_none_running(&mut self, role: Role, group: BlockGroupId) -> Vec<&'static str> {
        let mut broken = Vec::new();
        let mut must = |rule, holds: bool| broken.extend((!holds).then_some(rule));
        let drain = self.drains.get(&(role, group));
        must("O9: after the waits", drain.is_some_and(|drain| drain.waited_ordered));
        must("O10: no transaction runs", self.none_runs());
        let range = self.groups.get(group.0 as usize);
        let is_inside = |extent: &&_| range.is_some_and(|range| range.contains(extent));
        let listed = self.commit_root.iter().filter(is_inside).copied().collect();
        if let Some(drain) = self.drains.get_mut(&(role, group)) {
            drain.copy = Copy::Left { must: listed, may: BTreeSet::new() };
        }
        broken
    }
}
