//! What is noticed of a recording in which one step was dropped, doubled, delayed, brought forward, or done in another
//! group: a seeded sample of each kind of step.

use std::collections::{BTreeMap, BTreeSet};

use blockgate::{BlockGroupId, Event, LogicalRange};
use fastrand::Rng;

use super::trace::{Step, Trace, What};
use super::{Recording, name_of};
use crate::specification::Specification;

pub const CHANGES: [&str; 5] = ["dropped", "doubled", "delayed", "brought forward", "in another group"];

/// Of each kind of step, in each recording, for each change.
const SAMPLES: usize = 4;
const SEED: u64 = 2016;
/// By how many steps one is moved.
const DISTANCES: [usize; 3] = [30, 100, 300];
/// Between two states of the unchanged run that are kept.
const INTERVAL: usize = 1024;

/// Of one kind of step and one change of it.
#[derive(Default, Clone)]
pub struct Teeth {
    pub tried: usize,
    pub noticed: usize,
    pub by: BTreeSet<String>,
}

pub type Table = BTreeMap<String, Vec<Teeth>>;

pub fn sample(recording: &Recording, trace: &Trace, table: &mut Table) {
    let unchanged = Unchanged::new(recording, trace);
    let mut random = Rng::with_seed(SEED);
    for (kind, places) in places(trace) {
        let row = table.entry(kind).or_insert_with(|| vec![Teeth::default(); CHANGES.len()]);
        for (change, teeth) in row.iter_mut().enumerate() {
            for at in random.choose_multiple(places.iter().copied(), SAMPLES) {
                let distance = DISTANCES[random.usize(..DISTANCES.len())];
                let Some(window) = unchanged.changed(change, at, distance) else { continue };
                teeth.tried += 1;
                if let Some(by) = unchanged.noticed(&window) {
                    teeth.noticed += 1;
                    teeth.by.extend(by);
                }
            }
        }
    }
}

/// Of each kind, the steps between the first that sets a group read-only and the last that sets one read-write.
fn places(trace: &Trace) -> BTreeMap<String, Vec<usize>> {
    let is = |step: &Step, kind| step.what.kind() == kind;
    let first = trace.steps.iter().position(|step| is(step, "SetReadOnly")).expect("a group is replaced");
    let last = trace.steps.iter().rposition(|step| is(step, "SetReadWrite")).expect("a group is replaced");
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, step) in trace.steps.iter().enumerate().take(last + 1).skip(first) {
        places.entry(step.what.kind()).or_default().push(at);
    }
    places
}

/// The unchanged run.
struct Unchanged<'t> {
    recording: &'t Recording,
    trace: &'t Trace,
    /// Its state before step 0, [`INTERVAL`], ….
    states: Vec<Specification>,
}

/// Steps in the place of those from `from` to before `to`.
struct Window {
    from: usize,
    to: usize,
    steps: Vec<Step>,
}

impl<'t> Unchanged<'t> {
    fn new(recording: &'t Recording, trace: &'t Trace) -> Self {
        let mut specification = trace.begin.clone();
        let mut states = Vec::new();
        for (at, step) in trace.steps.iter().enumerate() {
            if at % INTERVAL == 0 {
                states.push(specification.clone());
            }
            step.take(&mut specification);
        }
        Self { recording, trace, states }
    }

    /// Nothing where the change cannot be made of this step.
    fn changed(&self, change: usize, at: usize, distance: usize) -> Option<Window> {
        let steps = &self.trace.steps;
        let step = steps[at];
        let one = |steps| Some(Window { from: at, to: at + 1, steps });
        match CHANGES[change] {
            "dropped" => one(Vec::new()),
            "doubled" => one(vec![step, step]),
            "delayed" => {
                let to = (at + 1 + distance).min(steps.len());
                Some(Window { from: at, to, steps: [&steps[at + 1..to], &[step]].concat() })
            }
            "brought forward" => {
                let from = at.saturating_sub(distance);
                Some(Window { from, to: at + 1, steps: [&[step], &steps[from..at]].concat() })
            }
            _ => one(vec![Step { what: self.in_another_group(step.what)?, ..step }]),
        }
    }

    fn in_another_group(&self, what: What) -> Option<What> {
        let groups = &self.trace.groups;
        let next = |group: BlockGroupId| BlockGroupId((group.0 + 1) % groups.len() as u64);
        let shifted = |bytes: LogicalRange| {
            let at = groups.iter().position(|group| group.contains(&bytes))?;
            let other = groups[(at + 1) % groups.len()];
            LogicalRange::new(other.start() + (bytes.start() - groups[at].start()), bytes.len()).ok()
        };
        Some(match what {
            What::Event(event) => What::Event(event_in_another_group(event, next, shifted)?),
            What::FindsNoneRunning(group) => What::FindsNoneRunning(next(group)),
            What::WriteToNewGroup(extent) => What::WriteToNewGroup(shifted(extent)?),
            What::Finish => return None,
        })
    }

    /// What notices it: rules, or what is asked at the end.
    fn noticed(&self, window: &Window) -> Option<BTreeSet<String>> {
        let kept = window.from / INTERVAL;
        let mut specification = self.states[kept].clone();
        let steps = &self.trace.steps;
        let before = &steps[kept * INTERVAL..window.from];
        for step in before.iter().chain(&window.steps) {
            if let Some(by) = self.judged(step, &mut specification) {
                return Some(by);
            }
        }
        for (at, step) in steps.iter().enumerate().skip(window.to) {
            if at % INTERVAL == 0 && specification == self.states[at / INTERVAL] {
                return None;
            }
            if let Some(by) = self.judged(step, &mut specification) {
                return Some(by);
            }
        }
        let is_same = specification.tree == self.trace.items;
        let at_the_end = [("not given up", specification.is_over()), ("items", is_same)];
        let by: BTreeSet<_> =
            at_the_end.iter().filter(|(_, holds)| !holds).map(|(what, _)| (*what).to_owned()).collect();
        (!by.is_empty()).then_some(by)
    }

    fn judged(&self, step: &Step, specification: &mut Specification) -> Option<BTreeSet<String>> {
        let broken = step.take(specification).into_iter().filter(|rule| !self.recording.waives(rule));
        let by: BTreeSet<_> = broken.map(|rule| name_of(rule).to_owned()).collect();
        (!by.is_empty()).then_some(by)
    }
}

/// Nothing where the event is of no group.
fn event_in_another_group(
    event: Event,
    next: impl Fn(BlockGroupId) -> BlockGroupId,
    shifted: impl Fn(LogicalRange) -> Option<LogicalRange>,
) -> Option<Event> {
    use Event as E;
    Some(match event {
        E::SetReadOnly { group, levels } => E::SetReadOnly { group: next(group), levels },
        E::SetReadWrite { group } => E::SetReadWrite { group: next(group) },
        E::BeginReservation { group } => E::BeginReservation { group: next(group) },
        E::Allocate { group, extent } => E::Allocate { group: next(group), extent: shifted(extent)? },
        E::EndReservation { group, extent, kept } => {
            E::EndReservation { group: next(group), extent: shifted(extent)?, kept }
        }
        E::BeginNocow { group } => E::BeginNocow { group: next(group) },
        E::EndNocow { group } => E::EndNocow { group: next(group) },
        E::WaitReservations { group, waited } => E::WaitReservations { group: next(group), waited },
        E::WaitNocowWriters { group, waited } => E::WaitNocowWriters { group: next(group), waited },
        E::AddOrdered { extent } => E::AddOrdered { extent: shifted(extent)? },
        E::RemoveOrdered { extent, failed } => E::RemoveOrdered { extent: shifted(extent)?, failed },
        E::WaitOrdered { range, count, failed } => E::WaitOrdered { range: shifted(range)?, count, failed },
        E::QueueRef { extent, add, transaction } => {
            E::QueueRef { extent: shifted(extent)?, add, transaction }
        }
        E::ChangeItem { extent, inserted } => E::ChangeItem { extent: shifted(extent)?, inserted },
        E::Copy { extent } => E::Copy { extent: shifted(extent)? },
        E::FinishCopy { group, extents } => E::FinishCopy { group: next(group), extents },
        E::Write { extent, both } => E::Write { extent: shifted(extent)?, both },
        _ => return None,
    })
}
