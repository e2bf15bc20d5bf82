//! No rule is there in vain: of one run that is allowed, a step is left out, moved, done by another role
//! instead, or done once more by any, and of all the runs that come of it one breaks each rule.

use std::collections::BTreeSet;

use blockgate::{BlockGroupId, Event, LogicalRange, TransactionId};

use crate::specification::{Role, Specification};

type Run = Vec<(Role, Event)>;

/// The rules as they are written, and those that no run breaks. Fails if `allowed` is not.
pub fn never_broken() -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let source = include_str!("../specification.rs");
    let (calls, quoted) = (source.matches(" must(").count(), source.matches(" must(\"").count());
    assert_eq!(calls, quoted, "a rule is written on the line of its call, so that it is found here");
    let texts = source.split("must(\"").skip(1);
    let rules: BTreeSet<_> = texts.filter_map(|text| text.split('"').next()).collect();
    let run = allowed();
    assert_eq!(broken_by(&run), Vec::<&str>::new(), "the run from which the others are made");
    let broken: BTreeSet<_> = changed(&run).iter().flat_map(broken_by).collect();
    let left = rules.iter().copied().filter(|rule| !broken.contains(rule)).collect();
    (rules, left)
}

/// The rules that the first step breaks that is not allowed.
fn broken_by(run: &Run) -> Vec<&'static str> {
    let mut specification = Specification::new(&[group()]);
    let steps = run.iter().map(|(role, event)| specification.step(*role, *event));
    steps.into_iter().find(|broken| !broken.is_empty()).unwrap_or_default()
}

fn changed(run: &Run) -> Vec<Run> {
    let mut runs = Vec::new();
    for (at, (role, event)) in run.iter().enumerate() {
        let mut without = run.clone();
        without.remove(at);
        runs.extend((0..run.len()).map(|to| inserted(&without, to, (*role, *event))));
        for other in 0..3 {
            runs.push(inserted(&without, at, (other, *event)));
            runs.extend((0..=run.len()).map(|to| inserted(run, to, (other, *event))));
        }
        runs.push(without);
    }
    runs
}

fn inserted(run: &Run, at: usize, step: (Role, Event)) -> Run {
    let mut run = run.clone();
    run.insert(at, step);
    run
}

fn group() -> LogicalRange {
    LogicalRange::new(0, 4096).expect("a range")
}

/// Role 1 writes an extent, role 2 overwrites it, role 0 replaces the group, role 1 deletes the extent, and
/// the commit of that fails.
fn allowed() -> Run {
    let (id, extent) = (BlockGroupId(0), group());
    let [first, rest] = [0, 2048].map(|start| LogicalRange::new(start, 2048).expect("a half"));
    let cow = [
        Event::BeginReservation { group: id },
        Event::Allocate { group: id, extent },
        Event::AddOrdered { extent },
        Event::EndReservation { group: id, extent, kept: true },
        Event::Write { extent, both: false },
        Event::QueueRef { extent, add: true, transaction: TransactionId(1) },
        Event::RemoveOrdered { extent, failed: false },
    ];
    let nocow = [
        Event::BeginNocow { group: id },
        Event::AddOrdered { extent },
        Event::EndNocow { group: id },
        Event::SplitOrdered { extent, at: 2048 },
        Event::Write { extent: first, both: false },
        Event::RemoveOrdered { extent: first, failed: false },
        Event::Write { extent: rest, both: false },
        Event::RemoveOrdered { extent: rest, failed: false },
    ];
    let replace = [
        Event::SetReadOnly { group: id, levels: 1 },
        Event::WaitReservations { group: id, waited: false },
        Event::WaitNocowWriters { group: id, waited: false },
        Event::WaitOrdered { range: group(), count: 0, failed: 0 },
        Event::CloseTransaction,
        Event::RunRefs { transaction: TransactionId(1) },
        Event::ChangeItem { extent, inserted: true },
        Event::OpenTransaction,
        Event::SwitchRoot { from: TransactionId(0), to: TransactionId(1) },
        Event::Copy { extent },
        Event::FinishCopy { group: id, extents: 1 },
        Event::MoveCursor { to: group().end() },
        Event::SetReadWrite { group: id },
    ];
    let fail = [Event::CloseTransaction, Event::RunRefs { transaction: TransactionId(2) }, Event::Abort];
    let delete = [
        Event::Join,
        Event::QueueRef { extent, add: false, transaction: TransactionId(2) },
        Event::EndTransaction,
    ];
    let by = |role: Role, events: &[Event]| events.iter().map(|event| (role, *event)).collect::<Run>();
    [by(1, &cow), by(2, &nocow), by(0, &replace), by(1, &delete), by(0, &fail)].concat()
}
