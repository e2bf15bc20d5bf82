//! Trace validation: the events of an execution must be a run of the specification.
//!
//! A step that takes something is reported after it, one that gives something up before it, so in the
//! order of the events nobody holds what he does not hold: see `src/event.rs`.

use std::cell::RefCell;

use blockgate::{Event, LogicalRange, event::set_recorder};

use crate::engine::{self, RoleId};
use crate::specification::Specification;

/// What a violation of the specification is called.
pub const INVARIANT: &str = "specification";

/// When a violation fails the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// At the event.
    AtOnce,
    #[cfg(loom)]
    /// At the end, if the theorem held: for a twin, in which the specification sees more than the theorem.
    AtTheEnd,
}

struct Trace {
    specification: Specification,
    /// Names of rules that do not hold in this model.
    waived: &'static [&'static str],
    roles: Vec<RoleId>,
    report: Report,
    /// The first one.
    violation: Option<String>,
}

thread_local! {
    // Of the thread of the system, which runs all threads of an engine that explores.
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// From here on the events are compared with the specification of `groups`.
pub fn begin(groups: &[LogicalRange], report: Report) {
    start(groups, &[], report);
}

/// The same for a part alone, of which the rules of these names cannot hold.
#[cfg(loom)]
pub fn begin_part(groups: &[LogicalRange], waived: &'static [&'static str]) {
    start(groups, waived, Report::AtOnce);
}

fn start(groups: &[LogicalRange], waived: &'static [&'static str], report: Report) {
    let specification = Specification::new(groups);
    let trace = Trace { specification, waived, roles: Vec::new(), report, violation: None };
    TRACE.with(|slot| *slot.borrow_mut() = Some(trace));
    set_recorder(Some(Box::new(|location, event| {
        engine::record(location, event);
        observe(event);
    })));
}

/// From here on nothing is compared; the events appear in the timeline, if this execution is recorded.
#[cfg(loom)]
pub fn begin_without() {
    TRACE.with(|slot| *slot.borrow_mut() = None);
    set_recorder(engine::is_recording().then(|| {
        let record: Box<dyn FnMut(&'static std::panic::Location<'static>, Event)> = Box::new(engine::record);
        record
    }));
}

/// An event that is compared: `src` calls it by the recorder, a protocol composed by hand directly.
pub fn observe(event: Event) {
    // Who unwinds has failed already, and must not do so twice.
    if let Some(violation) = compare(event).filter(|_| !std::thread::panicking()) {
        engine::violated(INVARIANT, violation);
    }
}

/// All roles are over, and what the model is about holds: so it must for the specification.
pub fn end() {
    set_recorder(None);
    let Some(trace) = TRACE.with(|slot| slot.borrow_mut().take()) else { return };
    if let Some(violation) = trace.violation {
        engine::violated(INVARIANT, violation);
    }
    let Trace { specification, .. } = trace;
    engine::check(specification.is_over(), INVARIANT, || format!("O14: not given up: {specification:?}"));
    let lost: Vec<_> = specification.lost().collect();
    engine::check(lost.is_empty(), INVARIANT, || format!("by its reckoning {lost:?} is lost"));
}

/// The violation that is to be reported now.
fn compare(event: Event) -> Option<String> {
    TRACE.with(|slot| {
        let mut slot = slot.borrow_mut();
        let trace = slot.as_mut().filter(|trace| trace.violation.is_none())?;
        let role = number(&mut trace.roles, engine::current_role());
        let mut broken = trace.specification.step(role, event);
        broken.retain(|rule| !trace.waived.iter().any(|name| rule.split(':').next() == Some(name)));
        trace.violation = broken.first().map(|rule| format!("{event}, against {rule}"));
        trace.violation.clone().filter(|_| trace.report == Report::AtOnce)
    })
}

fn number(roles: &mut Vec<RoleId>, id: RoleId) -> usize {
    roles.iter().position(|role| *role == id).unwrap_or_else(|| {
        roles.push(id);
        roles.len() - 1
    })
}
