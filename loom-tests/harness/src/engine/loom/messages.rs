//! What loom says when an execution fails, which it does by panics with these words (0.7.2, 0.7.3).

use crate::inside::{Meaning, meaning_of};
use crate::search::{Failure, NOT_DETERMINISTIC};
use std::any::Any;

/// What a panic means, or `None` when it is no failure: coroutines are ended by a panic too.
pub(super) fn failure(payload: &(dyn Any + Send), place: Option<String>) -> Option<Failure> {
    match meaning_of(payload) {
        Meaning::Violated(failure) => Some(failure),
        Meaning::Said(message) => Some(of_message(&message, place)),
        Meaning::Expected => None,
        Meaning::Other => match payload.downcast_ref() {
            Some(generator::Error::Cancel | generator::Error::Done) => None,
            Some(_) => Some(Failure::new("panic", "stack overflow of a role")),
            None => Some(Failure::new("panic", "a payload that is no text")),
        },
    }
}

fn of_message(message: &str, place: Option<String>) -> Failure {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let rest: Vec<_> = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    if let Some(threads) = first.strip_prefix("deadlock; threads = ") {
        return of_deadlock(threads);
    }
    let kind = kind_of(first);
    let detail = if kind == "race" { of_race(first, &rest) } else { first.to_string() };
    let place = place.filter(|_| kind == "panic");
    let places = place.iter().chain(&rest).filter_map(|place| near(place)).collect();
    Failure { places, ..Failure::new(kind, detail) }
}

/// `threads` is loom's list: `[(Id(0), Blocked(Location(..))), (Id(1), Terminated)]`.
fn of_deadlock(threads: &str) -> Failure {
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
    Failure { places, ..Failure::new("deadlock", states.join(", ")) }
}

/// Adds which thread did what, which loom lists as `read: thread #1 @ file:line:column` when it knows.
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

/// `place`, if it ends with `file:line`, and not with an absolute path: that is a dependency and says nothing
/// about the model.
fn near(place: &str) -> Option<String> {
    let path = place.rsplit(' ').next()?;
    (path.contains(':') && !std::path::Path::new(path).is_absolute()).then(|| place.to_string())
}

/// Loom's own failures, by the words of its messages.
fn kind_of(message: &str) -> &'static str {
    let races = ["Causality violation", "currently writing to cell", "currently reading from cell"];
    let surprises = ["Reached unexpected exploration state"];
    let leaks = ["Arc leaked", "Allocation leaked", "Messages leaked"];
    if races.iter().any(|race| message.starts_with(race)) {
        "race"
    } else if leaks.iter().any(|leak| message.starts_with(leak)) {
        "leak"
    } else if surprises.iter().any(|surprise| message.starts_with(surprise)) {
        NOT_DETERMINISTIC
    } else if message.starts_with("Model exceeded maximum number of branches") {
        "branch limit"
    } else {
        "panic"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(message: &str) -> Failure {
        of_message(message, Some("src/lib.rs:1".into()))
    }

    #[test]
    fn looms_messages_have_their_kinds() {
        assert_eq!(parsed("deadlock; threads = [(Id(0), Terminated)]").invariant, "deadlock");
        assert_eq!(
            parsed("deadlock; threads = [(Id(0), Terminated), (Id(1), Blocked(Location(None)))]").detail,
            "thread #0 done, thread #1 blocked"
        );
        assert_eq!(parsed("Causality violation: Concurrent load.\n").invariant, "race");
        assert_eq!(parsed("Arc leaked.\n  Index: 3").invariant, "leak");
        assert_eq!(parsed("Model exceeded maximum number of branches. This").invariant, "branch limit");
        assert_eq!(parsed("index out of bounds").invariant, "panic");
    }

    #[test]
    fn places_of_a_race_are_kept_apart_from_its_first_line() {
        let race = parsed(
            "\nCausality violation: Concurrent x.\n    created: a.rs:1:2\n      read: thread #1 @ b.rs:3:4\n",
        );
        assert_eq!(race.detail, "Concurrent x (read by thread #1)");
        assert_eq!(race.places, ["created: a.rs:1:2", "read: thread #1 @ b.rs:3:4"]);
    }
}
