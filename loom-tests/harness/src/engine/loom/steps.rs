//! The operations of one execution, for its timeline: what each is done to, and where.

use super::event::{Kind, Sort, Subject, orderings};
use super::place::{self, Place};
use crate::search::Row;
use std::collections::BTreeMap;
use tracing::Event;

/// An operation, as long as its place has no name.
struct Step {
    thread: usize,
    what: String,
    /// What it is done to, if it is an object.
    object: Option<(Sort, usize)>,
    /// What follows the object.
    how: String,
    place: Place,
}

/// The operations of an execution, and where its objects were made.
#[derive(Default)]
pub(super) struct Steps {
    steps: Vec<Step>,
    made: BTreeMap<usize, Place>,
}

impl Steps {
    pub(super) fn made(&mut self, object: usize) {
        self.made.insert(object, place::here());
    }

    /// What `thread` does to no object.
    pub(super) fn plain(&mut self, thread: usize, what: impl Into<String>) {
        let (what, place) = (what.into(), place::here());
        self.steps.push(Step { thread, what, object: None, how: String::new(), place });
    }

    pub(super) fn operation(&mut self, thread: usize, kind: Kind, subject: &Subject, event: &Event<'_>) {
        let what = match (kind, subject.sort) {
            (Kind::Load, _) => "load",
            (Kind::Store, _) => "store to",
            (Kind::Rmw, _) => "read-modify-write of",
            (Kind::Wait, sort) if sort.is_lock() => "lock",
            (Kind::Action, sort) if sort.is_lock() => "try_lock",
            (Kind::Wait, _) => "wait for",
            (Kind::CondvarWait, _) => "wait on",
            _ => "operation on",
        };
        let orderings = orderings(event);
        let how = if orderings.is_empty() { String::new() } else { format!(", {orderings}") };
        let object = Some((subject.sort, subject.object));
        self.steps.push(Step { thread, what: what.into(), object, how, place: place::here() });
    }

    /// Looks at the program's debug information.
    pub(super) fn rows(self) -> Vec<Row> {
        let made: BTreeMap<_, _> =
            self.made.into_iter().filter_map(|(object, place)| Some((object, place.line()?))).collect();
        self.steps.into_iter().map(|step| row(step, &made)).collect()
    }
}

fn row(Step { thread, what, object, how, place }: Step, made: &BTreeMap<usize, String>) -> Row {
    let named = object.map(|(sort, object)| format!(" {} {object}", sort.word())).unwrap_or_default();
    let of = object.and_then(|(_, object)| made.get(&object)).map(|line| format!(" of {}", in_short(line)));
    let line = place.line().unwrap_or_default();
    let text = format!("{what}{named}{how}");
    let at = if line.is_empty() { String::new() } else { format!(", at {}", in_short(&line)) };
    let located = format!("{what}{named}{}{how}{at}", of.unwrap_or_default());
    let file = line.rsplit_once(':').map_or("", |(file, _)| file).into();
    Row { role: thread, text, file, located: Some(located) }
}

/// The file's name, and the line.
fn in_short(line: &str) -> &str {
    line.rsplit('/').next().unwrap_or(line)
}
