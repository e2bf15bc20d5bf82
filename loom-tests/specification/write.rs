//! The writers' steps: admission, ordered extent, I/O.

use blockgate::{BlockGroupId, LogicalRange};

use super::{InFlight, Reservation, Role, Rule, Specification, Violation, take, units};

type Step = Result<(), Violation>;

impl Specification {
    pub(super) fn begin_reservation(&mut self, role: Role, id: BlockGroupId) -> Step {
        self.must(Rule::O1, !self.is_read_only(id), || format!("{id}"))?;
        self.group(id).reservations.push(Reservation { role, extent: None, handed_over: false });
        Ok(())
    }

    pub(super) fn no_space(&mut self, role: Role, id: BlockGroupId) -> Step {
        let ended = take(&mut self.group(id).reservations, |one| one.role == role && one.extent.is_none());
        self.must(Rule::O14, ended.is_some(), || format!("no reservation in {id}"))
    }

    pub(super) fn allocate(&mut self, role: Role, id: BlockGroupId, extent: LogicalRange) -> Step {
        let is_free = !self.extents_in_use().any(|used| used.overlaps(&extent));
        let group = self.group(id);
        let is_inside = group.range.contains(&extent);
        let own = group.reservations.iter_mut().find(|one| one.role == role && one.extent.is_none());
        let has_reservation = own.map(|own| own.extent = Some(extent)).is_some();
        self.must(Rule::O1, has_reservation, || format!("{extent} without a reservation"))?;
        self.must(Rule::Space, is_free && is_inside, || format!("{extent}"))
    }

    /// From admission to commit, some token or tree says that an extent is in use.
    fn extents_in_use(&self) -> impl Iterator<Item = LogicalRange> {
        let reserved = self.groups.iter().flat_map(|group| group.reservations.iter());
        reserved
            .filter_map(|one| one.extent)
            .chain(self.in_flight.iter().map(|write| write.extent))
            .chain(self.delayed.keys().copied())
            .chain(self.live.keys().copied())
            .chain(self.committed.1.iter().copied())
    }

    pub(super) fn end_reservation(
        &mut self,
        role: Role,
        id: BlockGroupId,
        extent: LogicalRange,
        kept: bool,
    ) -> Step {
        let is_it = |one: &Reservation| one.role == role && one.extent == Some(extent);
        let ended = take(&mut self.group(id).reservations, is_it);
        self.must(Rule::O14, ended.is_some(), || format!("no reservation of {extent}"))?;
        let handed_over = ended.is_some_and(|one| one.handed_over);
        self.must(Rule::O2, handed_over == kept, || format!("the reservation of {extent} ended first"))
    }

    pub(super) fn begin_nocow(&mut self, role: Role, id: BlockGroupId) -> Step {
        self.must(Rule::O5, !self.is_read_only(id), || format!("{id}"))?;
        self.group(id).nocow_writers.push(role);
        Ok(())
    }

    pub(super) fn end_nocow(&mut self, role: Role, id: BlockGroupId) -> Step {
        let ended = take(&mut self.group(id).nocow_writers, |one| *one == role);
        self.must(Rule::O14, ended.is_some(), || format!("no NOCOW writer in {id}"))
    }

    /// Of a COW writer if its extent was allocated just now, else of a NOCOW writer.
    pub(super) fn add_ordered(&mut self, role: Role, extent: LogicalRange) -> Step {
        let mut reservations = self.groups.iter_mut().flat_map(|group| group.reservations.iter_mut());
        let own = reservations.find(|one| one.role == role && one.extent == Some(extent));
        let reserved = own.map(|own| own.handed_over = true).is_some();
        let exists = self.live.contains_key(&extent) || self.delayed.contains_key(&extent);
        let new = reserved || !exists;
        self.in_flight.push(InFlight { extent, new });
        if new {
            return self.must(Rule::O2, reserved, || format!("{extent} without a reservation"));
        }
        let group = self.group_of(extent).map(|index| &self.groups[index]);
        let is_admitted = group.is_some_and(|group| group.nocow_writers.contains(&role));
        self.must(Rule::O6, is_admitted, || format!("{extent} without an admission"))
    }

    pub(super) fn write(&mut self, extent: LogicalRange, both: bool) -> Step {
        let is_in_flight = self.in_flight.iter().any(|write| write.extent.contains(&extent));
        let behind = extent.start() < self.cursor;
        self.must(Rule::O3, is_in_flight, || format!("{extent} is not in flight"))?;
        self.must(Rule::Clone, both == behind, || format!("{extent} is behind the cursor: {behind}"))?;
        for unit in units(extent) {
            if both {
                self.on_source_only.remove(&unit);
            } else {
                self.on_source_only.insert(unit);
            }
        }
        Ok(())
    }

    pub(super) fn remove_ordered(&mut self, extent: LogicalRange, failed: bool) -> Step {
        let ended = take(&mut self.in_flight, |write| write.extent == extent);
        self.must(Rule::O14, ended.is_some(), || format!("{extent} is not in flight"))?;
        let has_ref = self.delayed.contains_key(&extent) || self.live.contains_key(&extent);
        let needs_ref = !failed && ended.is_some_and(|write| write.new);
        self.must(Rule::O4, has_ref || !needs_ref, || format!("{extent} has no delayed ref"))
    }
}
