//! What an engine's failure means, in the words of all engines.

use crate::inside::{Meaning, meaning_of};
use crate::search::Failure;
use traceset::{CellAccess, FailureKind, Payload, Waiting};

pub(super) fn meaning(kind: &FailureKind) -> Failure {
    match kind {
        FailureKind::Deadlock(waiting) => deadlock(waiting),
        FailureKind::Race { first, second, .. } => race(first, second),
        FailureKind::Panic { payload, place, .. } => panicked(payload, place.as_deref()),
        FailureKind::TooManySteps(_) => Failure::new("branch limit", kind.to_string()),
        FailureKind::NotDeterministic(_) => Failure::new("not deterministic", kind.to_string()),
        FailureKind::Refused(what) => Failure::new("refused", what),
        other => Failure::new("panic", other.to_string()),
    }
}

/// `thread 1` as `thread #1`, which becomes the name of a role.
pub(super) fn numbered(text: &str) -> String {
    text.replace("thread ", "thread #")
}

fn deadlock(waiting: &[Waiting]) -> Failure {
    let details: Vec<_> = waiting
        .iter()
        .map(|Waiting { thread, object, holder, .. }| match holder {
            Some((holder, _)) => {
                numbered(&format!("thread {thread} waits for {object}, which thread {holder} has"))
            }
            None => numbered(&format!("thread {thread} waits for {object}")),
        })
        .collect();
    let places =
        waiting.iter().map(|waiting| numbered(&format!("thread {} @ {}", waiting.thread, waiting.place)));
    Failure { places: places.collect(), ..Failure::new("deadlock", details.join("; ")) }
}

fn race(first: &CellAccess, second: &CellAccess) -> Failure {
    let access = |access: &CellAccess| {
        let what = if access.is_write { "write" } else { "read" };
        format!("{what} by thread #{}", access.thread)
    };
    let places = [first, second].map(|one| format!("{} @ {}", access(one), one.place));
    let detail = format!("nothing orders the {} before the {}", access(first), access(second));
    Failure { places: places.into(), ..Failure::new("race", detail) }
}

fn panicked(Payload(payload): &Payload, place: Option<&str>) -> Failure {
    let places = place.map(String::from).into_iter().collect();
    match meaning_of(&**payload) {
        Meaning::Violated(failure) => failure,
        Meaning::Said(message) => {
            let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            Failure { places, ..Failure::new("panic", first.trim()) }
        }
        Meaning::Expected => Failure::new("panic", "`unwind_now` outside of `expect_unwind`"),
        Meaning::Other => Failure { places, ..Failure::new("panic", "a payload that is no text") },
    }
}
