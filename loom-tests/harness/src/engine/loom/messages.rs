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
    let detail = match kind {
        "race" => of_race(first, &rest),
        "panic" => {
            place.as_deref().and_then(|place| of_loom(first, place)).unwrap_or_else(|| first.to_string())
        }
        _ => first.to_string(),
    };
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

/// A panic in loom's own code that is none of its reports, with what is known of it.
fn of_loom(message: &str, place: &str) -> Option<String> {
    let (_, inside) = place.split_once("/loom-0.").or_else(|| place.split_once("loom-0."))?;
    let (_, inside) = inside.split_once('/')?;
    let known = [
        ("self.threads.len() < self.max()", "a model has more than five threads"),
        (
            "expected to be able to acquire lock",
            "a wake-up reached a thread that waits for a lock (docs/loom.md, False alarms)",
        ),
        ("thread not terminated", "a wake-up ended a wait for a lock or a join (docs/loom.md, False alarms)"),
        ("assertion failed: state.notified", "a wake-up ended a join (docs/loom.md, False alarms)"),
        (
            "called `Option::unwrap()` on a `None` value",
            "a thread that was unparked in a join (docs/loom.md, False alarms)",
        ),
        ("not in critical state", "`explore` where exploration is on"),
        ("not in exploring state", "`stop_exploring` where exploration is off"),
        ("not compiled with", "a checkpoint of another build"),
        ("is not supported yet in Loom", "what loom does not offer"),
    ];
    let known = known.iter().find(|(words, _)| message.contains(words));
    let known = known.map(|(_, what)| format!(" (known: {what})")).unwrap_or_default();
    Some(format!("loom itself panics, at {inside}: {message}{known}"))
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
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    // The two sides of an `assert_eq!` have colons, too.
    let is_place =
        path.split_once(':').is_some_and(|(file, line)| file.contains('.') && line.split(':').all(is_number));
    (is_place && !std::path::Path::new(path).is_absolute()).then(|| place.to_string())
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
    fn the_sides_of_an_assertion_are_no_places() {
        let panic = parsed("assertion `left == right` failed\n  left: \"a:b\"\n right: a::b");
        assert_eq!(panic.places, ["src/lib.rs:1"]);
    }

    #[test]
    fn a_panic_of_loom_itself_is_named() {
        let of = |file: &str| of_message("index out of bounds", Some(format!("{file}:7")));
        let known = of_message(
            "assertion failed: self.threads.len() < self.max()",
            Some("loom-0.7.3/src/rt/thread.rs:7".into()),
        );
        assert_eq!(of("src/lib.rs").detail, "index out of bounds");
        assert_eq!(
            of("/registry/loom-0.7.3/src/rt/path.rs").detail,
            "loom itself panics, at src/rt/path.rs:7: index out of bounds"
        );
        assert!(known.detail.contains("more than five threads"), "{}", known.detail);
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
