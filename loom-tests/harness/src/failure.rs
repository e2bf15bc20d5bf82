//! What can go wrong in an execution, and how a model says so.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

/// How an execution failed. `invariant` is what a twin expects and what a report names first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A model's own invariant, or `deadlock`, `race`, `leak`, `panic`, `branch limit`.
    pub(crate) invariant: String,
    pub(crate) detail: String,
    /// Text that marks rows of the timeline, such as the name of the lost object.
    pub(crate) highlight: Option<String>,
    /// Where, when it is known and says something.
    pub(crate) places: Vec<String>,
}

/// The panic payload of [`violated`].
pub(crate) struct Violation {
    invariant: String,
    detail: String,
    highlight: Option<String>,
}

/// The panic payload of [`unwind_now`].
struct ExpectedUnwind;

/// Fails the model: `invariant` does not hold, and `detail` says of what.
///
/// # Panics
/// Always; outside a model it is an ordinary panic.
#[track_caller]
pub fn violated(invariant: &str, detail: impl Into<String>) -> ! {
    fire(invariant, detail.into(), None)
}

/// As [`violated`]; rows of the timeline that contain `highlight` are marked.
///
/// # Panics
/// Always; outside a model it is an ordinary panic.
#[track_caller]
pub fn violated_at(invariant: &str, detail: impl Into<String>, highlight: impl Into<String>) -> ! {
    fire(invariant, detail.into(), Some(highlight.into()))
}

#[track_caller]
fn fire(invariant: &str, detail: String, highlight: Option<String>) -> ! {
    assert!(crate::context::in_model(), "{invariant}: {detail}");
    panic_any(Violation { invariant: invariant.into(), detail, highlight })
}

/// Fails the model with `invariant` unless `holds`. The detail is built only then.
///
/// # Panics
/// When `holds` is false.
#[track_caller]
pub fn check(holds: bool, invariant: &str, detail: impl FnOnce() -> String) {
    if !holds {
        fire(invariant, detail(), None);
    }
}

/// Unwinds the calling role up to its [`expect_unwind`], as a panic of a user would.
pub fn unwind_now() -> ! {
    // Not `panic!`: the hook is for failures.
    resume_unwind(Box::new(ExpectedUnwind))
}

/// Runs `role`, which must call [`unwind_now`], and catches that.
///
/// For models of what guards do while their owner unwinds. One caution: all roles share an OS thread, so
/// while one of them unwinds `std::thread::panicking()` is true for the others, and a `loom::sync::Mutex`
/// that a role locked before and unlocks during it is poisoned.
///
/// # Panics
/// When `role` returns instead of unwinding, or panics with something else.
#[track_caller]
pub fn expect_unwind<T>(role: impl FnOnce() -> T) {
    match catch_unwind(AssertUnwindSafe(role)) {
        Ok(_) => fire("expected unwind", "the closure returned".into(), None),
        Err(payload) if payload.is::<ExpectedUnwind>() => {}
        Err(payload) => resume_unwind(payload),
    }
}

impl Failure {
    pub(crate) fn new(invariant: &str, detail: impl Into<String>) -> Self {
        Self { invariant: invariant.into(), detail: detail.into(), highlight: None, places: Vec::new() }
    }

    /// What a panic means, or `None` when it is no failure: coroutines are ended by a panic too.
    pub(crate) fn of_panic(payload: &(dyn Any + Send), place: Option<String>) -> Option<Self> {
        if payload.is::<ExpectedUnwind>() || is_control(payload) {
            return None;
        }
        if let Some(violation) = payload.downcast_ref::<Violation>() {
            return Some(Self {
                invariant: violation.invariant.clone(),
                detail: violation.detail.clone(),
                highlight: violation.highlight.clone(),
                places: place.into_iter().collect(),
            });
        }
        let message = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Some(match message {
            Some(message) => Self::of_message(&message, place),
            None if payload.is::<generator::Error>() => Self::new("panic", "stack overflow of a role"),
            None => Self::new("panic", "a payload that is no text"),
        })
    }

    fn of_message(message: &str, place: Option<String>) -> Self {
        let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let rest: Vec<_> = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        if let Some(threads) = first.strip_prefix("deadlock; threads = ") {
            return Self::of_deadlock(threads);
        }
        let kind = kind_of(first);
        let detail = if kind == "race" { of_race(first, &rest) } else { first.to_string() };
        let place = place.filter(|_| kind == "panic");
        let places = place.iter().chain(&rest).filter_map(|place| near(place)).collect();
        Self { places, ..Self::new(kind, detail) }
    }

    /// `threads` is loom's list: `[(Id(0), Blocked(Location(..))), (Id(1), Terminated)]`.
    fn of_deadlock(threads: &str) -> Self {
        let mut states = Vec::new();
        let mut places = Vec::new();
        for thread in threads.split("(Id(").skip(1) {
            let (id, state) = thread.split_once("), ").unwrap_or((thread, ""));
            let state = if state.starts_with("Terminated") { "done" } else { "blocked" };
            states.push(format!("thread #{id} {state}"));
            if let Some(place) = location_in(thread).filter(|_| state == "blocked") {
                places.push(format!("thread #{id} @ {place}"));
            }
        }
        let places = places.iter().filter_map(|place| near(place)).collect();
        Self { places, ..Self::new("deadlock", states.join(", ")) }
    }

    /// Says `COW writer` where loom says `thread #1`.
    pub(crate) fn name_roles(&mut self, roles: &[String]) {
        for (index, role) in roles.iter().enumerate() {
            let loom = format!("thread #{index}");
            self.detail = self.detail.replace(&loom, role);
            for place in &mut self.places {
                *place = place.replace(&loom, role);
            }
        }
    }
}

/// Adds who did what, which loom lists as `read: thread #1 @ file:line:column` when it knows.
fn of_race(first: &str, places: &[String]) -> String {
    let said = first.trim_start_matches("Causality violation: ").trim_end_matches('.');
    let accesses = places.iter().filter_map(|place| {
        let (access, thread) = place.split_once(": ")?;
        Some(format!("{access} by {}", thread.split_once(" @ ")?.0))
    });
    let accesses: Vec<_> = accesses.collect();
    if accesses.is_empty() { said.into() } else { format!("{said} ({})", accesses.join(", ")) }
}

/// `file:line` in the `Debug` form of a `std` location.
fn location_in(debug: &str) -> Option<String> {
    let file = debug.split("file: \"").nth(1)?.split('"').next()?;
    let line = debug.split("line: ").nth(1)?.split(',').next()?;
    Some(format!("{file}:{line}"))
}

/// `place`, unless it is an absolute path: that is a dependency and says nothing about the model.
fn near(place: &str) -> Option<String> {
    let path = place.rsplit(' ').next()?;
    (!std::path::Path::new(path).is_absolute()).then(|| place.to_string())
}

/// Loom's own failures, by the words of its messages (0.7.2).
fn kind_of(message: &str) -> &'static str {
    let races = ["Causality violation", "currently writing to cell", "currently reading from cell"];
    let leaks = ["Arc leaked", "Allocation leaked", "Messages leaked"];
    if races.iter().any(|race| message.starts_with(race)) {
        "race"
    } else if leaks.iter().any(|leak| message.starts_with(leak)) {
        "leak"
    } else if message.starts_with("Model exceeded maximum number of branches") {
        "branch limit"
    } else {
        "panic"
    }
}

fn is_control(payload: &(dyn Any + Send)) -> bool {
    matches!(payload.downcast_ref(), Some(generator::Error::Cancel | generator::Error::Done))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: &str) -> Failure {
        Failure::of_message(message, Some("src/lib.rs:1".into()))
    }

    #[test]
    fn looms_messages_are_told_apart() {
        assert_eq!(kind("deadlock; threads = [(Id(0), Terminated)]").invariant, "deadlock");
        assert_eq!(
            kind("deadlock; threads = [(Id(0), Terminated), (Id(1), Blocked(Location(None)))]").detail,
            "thread #0 done, thread #1 blocked"
        );
        assert_eq!(kind("Causality violation: Concurrent load.\n").invariant, "race");
        assert_eq!(kind("Arc leaked.\n  Index: 3").invariant, "leak");
        assert_eq!(kind("Model exceeded maximum number of branches. This").invariant, "branch limit");
        assert_eq!(kind("index out of bounds").invariant, "panic");
    }

    #[test]
    fn places_of_a_race_are_kept_apart_from_its_first_line() {
        let race = kind(
            "\nCausality violation: Concurrent x.\n    created: a.rs:1:2\n      read: thread #1 @ b.rs:3:4\n",
        );
        assert_eq!(race.detail, "Concurrent x (read by thread #1)");
        assert_eq!(race.places, ["created: a.rs:1:2", "read: thread #1 @ b.rs:3:4"]);
    }
}
