//! Trace validation: the events of an execution must be a run of the specification.
//!
//! An event that takes something is reported after it was taken, one that gives something up before it is
//! given up, so in the order of the events no role holds what it does not hold: see `src/event.rs`.

#![allow(clippy::disallowed_types, reason = "a watcher: no role reads what it keeps")]

use std::cell::RefCell;

use blockgate::{BlockGroupId, Event, LogicalRange};

use crate::engine::{self, Recorder, RoleId};
use crate::specification::Specification;

const INVARIANT: &str = "specification";

/// Whether the events are compared, and when a violation fails the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Nothing,
    /// It fails at the event.
    AtOnce,
    /// At the end, if the theorem held: for a twin in which the specification sees more than the theorem.
    AtTheEnd,
}

struct Trace {
    specification: Specification,
    /// Names of rules that do not hold in this model.
    waived: &'static [&'static str],
    roles: Vec<RoleId>,
    compare: Compare,
    /// The first one.
    violation: Option<String>,
}

thread_local! {
    // Of the thread of the system, which runs all roles of an engine that has one order of events.
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// From here on the events are compared with the specification of `groups`, and recorded, if this execution
/// is.
pub(super) fn begin(groups: &[LogicalRange], waived: &'static [&'static str], compare: Compare) {
    let is_compared = compare != Compare::Nothing && engine::EVENTS_HAVE_AN_ORDER;
    TRACE.set(is_compared.then(|| Trace {
        specification: Specification::new(groups),
        waived,
        roles: Vec::new(),
        compare,
        violation: None,
    }));
    let is_recording = engine::is_recording();
    let recorder: Recorder = Box::new(move |location, event| {
        if is_recording {
            engine::record(location, event);
        }
        observe(event);
    });
    engine::hear((is_compared || is_recording).then_some(recorder));
}

/// An event that is compared: `src` reports its own, a protocol composed by hand those of its own parts.
pub fn observe(event: Event) {
    // A role that unwinds has failed already, and must not do so twice.
    if let Some(violation) = compare(event).filter(|_| !std::thread::panicking()) {
        engine::violated(INVARIANT, violation);
    }
}

/// A drain by hand found that no transaction runs: `src` has no such step.
pub fn observe_none_running(group: BlockGroupId) {
    let what = "no transaction runs";
    if let Some(violation) = judge(what, |specification, role| specification.find_none_running(role, group)) {
        engine::violated(INVARIANT, violation);
    }
}

/// All roles are over, and what the model is about holds: so it must for the specification.
pub(super) fn end() {
    engine::hear(None);
    let Some(Trace { specification, violation, .. }) = TRACE.take() else { return };
    if let Some(violation) = violation {
        engine::violated(INVARIANT, violation);
    }
    engine::check(specification.is_over(), INVARIANT, || format!("O14: not given up: {specification:?}"));
    let lost: Vec<_> = specification.lost().collect();
    engine::check(lost.is_empty(), INVARIANT, || format!("by its reckoning {lost:?} is lost"));
}

/// The violation that is to be reported now.
fn compare(event: Event) -> Option<String> {
    judge(event, |specification, role| specification.step(role, event))
}

/// The same of a step that breaks the rules that `step` returns.
fn judge(
    what: impl std::fmt::Display,
    step: impl FnOnce(&mut Specification, usize) -> Vec<&'static str>,
) -> Option<String> {
    TRACE.with(|slot| {
        let mut slot = slot.borrow_mut();
        let trace = slot.as_mut().filter(|trace| trace.violation.is_none())?;
        let role = number(&mut trace.roles, engine::current_role());
        let mut broken = step(&mut trace.specification, role);
        broken.retain(|rule| !trace.waived.iter().any(|name| rule.split(':').next() == Some(name)));
        trace.violation = broken.first().map(|rule| format!("{what}, against {rule}"));
        trace.violation.clone().filter(|_| trace.compare == Compare::AtOnce)
    })
}

fn number(roles: &mut Vec<RoleId>, id: RoleId) -> usize {
    roles.iter().position(|role| *role == id).unwrap_or_else(|| {
        roles.push(id);
        roles.len() - 1
    })
}
