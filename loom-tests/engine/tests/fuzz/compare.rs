//! What a search of a program comes to, and whether that is what another one comes to.

use crate::program::Program;
use crate::world::{Outcome, execute, outcome};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::rc::Rc;
use traceset::testing::{Mutant, Oracle};
use traceset::{Complete, Coverage, FailureKind, Report, Search};

/// As many schedules as the plain search takes in some milliseconds.
const MOST_SCHEDULES: u64 = 2_000;

/// More than that, and a mutant runs away.
const MOST_EXECUTIONS: u64 = 4 * MOST_SCHEDULES;

/// The traces of a program, and the outcomes.
#[derive(Default)]
struct Explored {
    /// The outcome of each trace, and whether it ended in a deadlock.
    traces: HashMap<u64, (Outcome, bool)>,
    /// A trace that was explored twice, and one that had two outcomes.
    repeated: bool,
    ambiguous: bool,
    executions: u64,
    blocked: u64,
    is_cut: bool,
    failure: Option<(Ending, String)>,
}

/// How a search failed: of which of several failures comes first the order of the search decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Race,
    Other,
}

/// How a program is explored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    Reduced,
    /// The same in many pieces: after each execution one is given away.
    InPieces,
    By(Oracle),
}

fn explore(program: &Program, how: How, mutant: Option<Mutant>, most: u64) -> Explored {
    let (program, mut explored) = (Rc::new(program.clone()), Explored::default());
    let body = || {
        let program = Rc::clone(&program);
        move || execute(&program)
    };
    let search = asked(how, mutant, most);
    if how != How::InPieces {
        let report = search.run_with(body(), |complete| explored.take(complete));
        explored.end(&report);
        return explored;
    }
    let (report, mut left) = search.divide(3, body(), |complete| explored.take(complete));
    explored.end(&report);
    while let Some(piece) = left.pop().filter(|_| !explored.is_over(most)) {
        let given = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&given);
        let search = asked(how, mutant, most).piece(piece);
        let search = search.give_away(1, move |piece| sink.borrow_mut().push(piece));
        let report = search.run_with(body(), |complete| explored.take(complete));
        explored.end(&report);
        left.extend(given.take());
    }
    explored
}

fn asked(how: How, mutant: Option<Mutant>, most: u64) -> Search {
    let search = Search::new().pass_deadlocks().max_steps(500).max_executions(most);
    let search = match how {
        How::By(oracle) => search.oracle(oracle),
        How::Reduced | How::InPieces => search,
    };
    mutant.into_iter().fold(search, Search::mutant)
}

impl Explored {
    fn take(&mut self, complete: &mut Complete<'_>) -> ControlFlow<()> {
        let now = (outcome(), complete.deadlock().is_some());
        let before = self.traces.insert(complete.trace(), now.clone());
        self.repeated |= before.is_some();
        self.ambiguous |= before.is_some_and(|before| before != now);
        ControlFlow::Continue(())
    }

    fn is_over(&self, most: u64) -> bool {
        self.is_cut || self.failure.is_some() || self.executions > most
    }

    /// A search has ended, or that of a piece.
    fn end(&mut self, report: &Report) {
        self.executions += report.complete;
        self.blocked += report.blocked;
        self.is_cut |= report.failure.is_none() && report.coverage == Coverage::Cut;
        let failure = report.failure.as_ref().map(|failure| match failure.kind {
            FailureKind::Race { .. } => (Ending::Race, failure.to_string()),
            _ => (Ending::Other, failure.to_string()),
        });
        self.failure = self.failure.take().or(failure);
    }
}

/// What the plain search finds.
pub(crate) struct Reference {
    explored: Explored,
    outcomes: BTreeSet<(Outcome, bool)>,
    pub(crate) schedules: u64,
}

pub(crate) enum Verdict {
    Same { blocked: u64 },
    Differs(String),
}

impl Reference {
    /// `None` if there are too many schedules.
    pub(crate) fn of(program: &Program, mutant: Option<Mutant>) -> Option<Self> {
        let explored = explore(program, How::By(Oracle::Plain), mutant, MOST_SCHEDULES);
        if explored.is_cut {
            return None;
        }
        let outcomes = explored.traces.values().cloned().collect();
        let schedules = explored.executions;
        Some(Self { explored, outcomes, schedules })
    }

    pub(crate) fn traces(&self) -> u64 {
        self.explored.traces.len() as u64
    }

    /// Compares another search of the program with this one.
    pub(crate) fn compare(&self, program: &Program, how: How, mutant: Option<Mutant>) -> Verdict {
        let found = explore(program, how, mutant, MOST_EXECUTIONS);
        match self.difference(&found) {
            Some(how) => Verdict::Differs(how),
            None => Verdict::Same { blocked: found.blocked },
        }
    }

    fn difference(&self, found: &Explored) -> Option<String> {
        if self.explored.ambiguous {
            return Some("executions of one trace have different outcomes".into());
        }
        let ending = |explored: &Explored| explored.failure.as_ref().map(|(ending, _)| *ending);
        match (ending(&self.explored), &found.failure) {
            (None, None) => self.difference_of_sets(found),
            (Some(Ending::Race), Some((Ending::Race, _))) => None,
            (_, Some((_, text))) => Some(format!("it fails: {text}")),
            (Some(_), None) => Some("it does not fail".into()),
        }
    }

    fn difference_of_sets(&self, found: &Explored) -> Option<String> {
        let outcomes: BTreeSet<_> = found.traces.values().cloned().collect();
        let missed = self.explored.traces.keys().filter(|trace| !found.traces.contains_key(trace)).count();
        let extra = found.traces.keys().filter(|trace| !self.explored.traces.contains_key(trace)).count();
        let is_same = missed + extra == 0 && outcomes == self.outcomes && !found.repeated && !found.is_cut;
        (!is_same).then(|| {
            format!(
                "{missed} traces of {} missed, {extra} extra, some twice: {}, cut: {}; {} outcomes of {}",
                self.explored.traces.len(),
                found.repeated,
                found.is_cut,
                outcomes.len(),
                self.outcomes.len()
            )
        })
    }
}

/// The mutants that no program has noticed yet.
pub(crate) struct Mutants(Vec<Mutant>);

impl Default for Mutants {
    fn default() -> Self {
        Self(Mutant::ALL.to_vec())
    }
}

impl Mutants {
    pub(crate) fn examine(&mut self, seed: u64, program: &Program, reference: &Reference) {
        self.0.retain(|mutant| match noticed(program, reference, *mutant) {
            Some(how) => {
                println!("killed: {mutant:?}, by the program of seed {seed}: {}", how.replace('\n', "; "));
                false
            }
            None => true,
        });
    }

    pub(crate) fn survivors(&self) -> impl Iterator<Item = &Mutant> {
        self.0.iter()
    }

    pub(crate) fn killed(&self) -> (usize, usize) {
        (Mutant::ALL.len() - self.0.len(), Mutant::ALL.len())
    }
}

fn noticed(program: &Program, reference: &Reference, mutant: Mutant) -> Option<String> {
    let of_its_own = mutant.is_of_the_recording().then(|| Reference::of(program, Some(mutant)));
    let how = if mutant.is_of_the_pieces() { How::InPieces } else { How::Reduced };
    let verdict = match &of_its_own {
        Some(None) => return None,
        Some(Some(reference)) => reference.compare(program, how, Some(mutant)),
        None => reference.compare(program, how, Some(mutant)),
    };
    match verdict {
        Verdict::Same { .. } => None,
        Verdict::Differs(how) => Some(how),
    }
}
