//! What a search of a program comes to, and whether that is what another one comes to.

use crate::program::Program;
use crate::world::{Outcome, execute, outcome};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::rc::Rc;
use traceset::testing::{Mutant, Oracle};
use traceset::{FailureKind, Search};

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

fn explore(program: &Program, oracle: Option<Oracle>, mutant: Option<Mutant>, most: u64) -> Explored {
    let (program, mut explored) = (Rc::new(program.clone()), Explored::default());
    let mut search = Search::new().pass_deadlocks().max_steps(500).max_executions(most);
    search = oracle.into_iter().fold(search, Search::oracle);
    search = mutant.into_iter().fold(search, Search::mutant);
    let report = search.run_with(
        move || execute(&program),
        |complete| {
            let now = (outcome(), complete.deadlock().is_some());
            let before = explored.traces.insert(complete.trace(), now.clone());
            explored.repeated |= before.is_some();
            explored.ambiguous |= before.is_some_and(|before| before != now);
            ControlFlow::Continue(())
        },
    );
    (explored.executions, explored.blocked) = (report.complete, report.blocked);
    explored.is_cut = report.failure.is_none() && !report.is_exhaustive();
    explored.failure = report.failure.map(|failure| match failure.kind {
        FailureKind::Race { .. } => (Ending::Race, failure.to_string()),
        _ => (Ending::Other, failure.to_string()),
    });
    explored
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
        let explored = explore(program, Some(Oracle::Plain), mutant, MOST_SCHEDULES);
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
    pub(crate) fn compare(
        &self,
        program: &Program,
        oracle: Option<Oracle>,
        mutant: Option<Mutant>,
    ) -> Verdict {
        let found = explore(program, oracle, mutant, MOST_EXECUTIONS);
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
    let verdict = match &of_its_own {
        Some(None) => return None,
        Some(Some(reference)) => reference.compare(program, None, Some(mutant)),
        None => reference.compare(program, None, Some(mutant)),
    };
    match verdict {
        Verdict::Same { .. } => None,
        Verdict::Differs(how) => Some(how),
    }
}
