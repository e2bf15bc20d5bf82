//! The steps of the replace: read-only, the waits, the copy, the cursor.

use std::collections::BTreeSet;

use blockgate::{BlockGroupId, LogicalAddress, LogicalRange};

use super::{Drain, Role, Rule, Specification, Violation, take, units};

type Step = Result<(), Violation>;

impl Specification {
    pub(super) fn set_read_only(&mut self, role: Role, id: BlockGroupId) {
        self.drains.push(Drain {
            role,
            group: index(id),
            waited_reservations: false,
            waited_nocow_writers: false,
            waited_ordered: false,
            commits: false,
            to_copy: None,
        });
    }

    pub(super) fn set_read_write(&mut self, role: Role, id: BlockGroupId) -> Step {
        let is_it = |drain: &Drain| drain.role == role && drain.group == index(id);
        let ended = take(&mut self.drains, is_it);
        self.must(Rule::O14, ended.is_some(), || format!("{role} has not set {id} read-only"))
    }

    pub(super) fn is_read_only(&self, id: BlockGroupId) -> bool {
        self.drains.iter().any(|drain| drain.group == index(id))
    }

    pub(super) fn waited_reservations(&mut self, role: Role, id: BlockGroupId) -> Step {
        let left = self.group(id).reservations.len();
        self.must(Rule::Reservations, left == 0, || format!("{left} left in {id}"))?;
        self.waits(role, id)?.waited_reservations = true;
        Ok(())
    }

    pub(super) fn waited_nocow_writers(&mut self, role: Role, id: BlockGroupId) -> Step {
        let left = self.group(id).nocow_writers.len();
        self.must(Rule::NocowWriters, left == 0, || format!("{left} left in {id}"))?;
        self.waits(role, id)?.waited_nocow_writers = true;
        Ok(())
    }

    /// Waits that are not part of a drain are not judged: when they began is no event.
    pub(super) fn waited_ordered(&mut self, role: Role, range: LogicalRange) -> Step {
        let Some(group) = self.group_of(range).filter(|group| self.drains_of(role, *group)) else {
            return Ok(());
        };
        let left = self.in_flight.iter().filter(|write| write.extent.overlaps(&range)).count();
        self.must(Rule::OrderedExtents, left == 0, || format!("{left} left in {range}"))?;
        let drain = self.waits(role, BlockGroupId(group as u64))?;
        drain.waited_ordered = true;
        let after_both = drain.waited_reservations && drain.waited_nocow_writers;
        self.must(Rule::O8, after_both, || format!("{range}"))
    }

    /// The drain of the root that `role` has just committed may copy now.
    pub(super) fn committed_for(&mut self, role: Role) {
        let (groups, root) = (&self.groups, &self.committed.1);
        for drain in self.drains.iter_mut().filter(|drain| drain.role == role && drain.commits) {
            let range = groups[drain.group].range;
            drain.to_copy = Some(root.iter().filter_map(|extent| extent.intersection(&range)).collect());
        }
    }

    /// One extent, or several that adjoin.
    pub(super) fn copy(&mut self, role: Role, run: LogicalRange) -> Step {
        let is_quiet = !self.in_flight.iter().any(|write| write.extent.overlaps(&run));
        self.must(Rule::OrderedExtents, is_quiet, || format!("{run} is copied while it is written"))?;
        let group = self.group_of(run);
        let own = self.drains.iter_mut().find(|drain| drain.role == role && Some(drain.group) == group);
        let left = own.and_then(|drain| drain.to_copy.as_mut());
        let committed = left.is_some();
        let copied = left.map_or(0, |left| take_within(left, run));
        self.must(Rule::O9, committed, || format!("{run} is copied without a commit after the waits"))?;
        self.must(Rule::O10, copied == run.len(), || format!("{run} is not in it, or was copied before"))?;
        for unit in units(run) {
            self.on_source_only.remove(&unit);
        }
        Ok(())
    }

    /// Past a group that was copied; all the way at the beginning, to clone always; or back, to give up.
    pub(super) fn move_cursor(&mut self, role: Role, to: LogicalAddress) -> Step {
        let clones_always = to == LogicalAddress::MAX && self.cursor == 0 && self.drains.is_empty();
        if to == 0 || clones_always {
            self.cursor = to;
            return Ok(());
        }
        self.must(Rule::Cursor, self.cursor < to, || format!("from {} to {to}", self.cursor))?;
        self.cursor = to;
        let group = self.groups.iter().position(|group| group.range.end() == to);
        let own = self.drains.iter().find(|drain| drain.role == role && Some(drain.group) == group);
        self.must(Rule::O13, own.is_some(), || format!("to {to}"))?;
        let left = own.and_then(|drain| drain.to_copy.as_ref());
        self.must(Rule::O9, own.is_none() || left.is_some(), || format!("to {to}, without a commit"))?;
        self.must(Rule::O12, left.is_none_or(BTreeSet::is_empty), || format!("{left:?} are left"))
    }

    /// The drain of `group` in which `role` waits.
    fn waits(&mut self, role: Role, id: BlockGroupId) -> Result<&mut Drain, Violation> {
        self.must_hold_no_handle(role)?;
        let own = self.drains.iter_mut().find(|drain| drain.role == role && drain.group == index(id));
        own.ok_or_else(|| Violation { rule: Rule::O7, detail: format!("{id}") })
    }

    fn drains_of(&self, role: Role, group: usize) -> bool {
        self.drains.iter().any(|drain| drain.role == role && drain.group == group)
    }
}

/// Takes out what lies within `run`, and returns how many bytes that is.
fn take_within(extents: &mut BTreeSet<LogicalRange>, run: LogicalRange) -> u64 {
    let before: u64 = extents.iter().map(LogicalRange::len).sum();
    extents.retain(|extent| !run.contains(extent));
    before - extents.iter().map(LogicalRange::len).sum::<u64>()
}

fn index(id: BlockGroupId) -> usize {
    usize::try_from(id.0).expect("few groups")
}
