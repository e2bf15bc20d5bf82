//! One execution after the other.

use super::linearization::Complete;
use super::options::{Oracle, Search};
use super::piece::Piece;
use super::plain::Plain;
use super::progress::{Progress, Stopwatch};
use super::reduction::Reduction;
use super::report::{Coverage, Report};
use crate::failure::{Failure, FailureKind};
use crate::runtime::execution::Scheduler;
use crate::runtime::runner::{Body, End, Runner};
use crate::schedule::Schedule;
use crate::trace::Trace;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::rc::Rc;

impl Search {
    /// Runs `body`, the program's first thread, in one execution after the other, on the calling thread.
    ///
    /// # Panics
    /// If both a piece and a bound of preemptions are asked for.
    pub fn run(self, body: impl Fn() + 'static) -> Report {
        self.run_with(body, |_| ControlFlow::Continue(()))
    }

    /// The same, and calls `complete` after each complete execution. To break ends the search.
    ///
    /// # Panics
    /// If both a piece and a bound of preemptions are asked for.
    pub fn run_with(
        self,
        body: impl Fn() + 'static,
        complete: impl FnMut(&mut Complete<'_>) -> ControlFlow<()>,
    ) -> Report {
        self.check();
        let mut driver = Driver::new(self, Rc::new(body));
        driver.drive(u64::MAX, complete);
        driver.finish()
    }

    /// Divides the search: explores some of it, until what is left is in so many pieces, or nothing is left. The
    /// pieces are the same each time, so that several machines need not speak to each other.
    ///
    /// # Returns
    /// What was explored on the way, and the pieces.
    ///
    /// # Panics
    /// As [`Search::run`].
    pub fn divide(
        self,
        pieces: usize,
        body: impl Fn() + 'static,
        mut complete: impl FnMut(&mut Complete<'_>) -> ControlFlow<()>,
    ) -> (Report, Vec<Piece>) {
        self.check();
        let mut driver = Driver::new(self, Rc::new(body));
        let mut left: VecDeque<_> = driver.strategy.leave().into_iter().collect();
        while let Some(piece) = left.pop_front() {
            driver.strategy.take(piece);
            match driver.drive(EXECUTIONS_A_PIECE, &mut complete) {
                Stop::Nothing => {}
                Stop::Early => return (driver.finish(), Vec::new()),
                Stop::Pause => {
                    left.extend(driver.strategy.give_away());
                    left.extend(driver.strategy.leave());
                }
            }
            if left.len() >= pieces {
                break;
            }
        }
        if !left.is_empty() {
            driver.report.coverage = Coverage::Piece;
        }
        driver.report.share = 1.0 - left.iter().map(|piece| piece.weight).sum::<f64>();
        (driver.finish(), left.into())
    }

    fn check(&self) {
        let is_piece = self.piece.is_some() || self.giving.is_some();
        assert!(
            !(is_piece && self.most_preemptions.is_some()),
            "a search bounded by preemptions has no pieces: ask for one of the two"
        );
    }

    fn strategy(&self) -> Strategy {
        match (self.most_preemptions, self.oracle) {
            (Some(most), _) => Strategy::Plain(Rc::new(RefCell::new(Plain::new(most)))),
            (None, Some(Oracle::Plain)) => Strategy::Plain(Rc::new(RefCell::new(Plain::new(u32::MAX)))),
            (None, Some(Oracle::Sleep)) => {
                Strategy::Reduction(Rc::new(RefCell::new(Reduction::of_sleep_sets_alone())))
            }
            (None, None) => Strategy::Reduction(Rc::new(RefCell::new(Reduction::new(self.mutant)))),
        }
    }
}

/// In which order the executions are taken, and which.
#[derive(Clone)]
enum Strategy {
    Reduction(Rc<RefCell<Reduction>>),
    Plain(Rc<RefCell<Plain>>),
}

impl Strategy {
    fn scheduler(&self) -> Box<dyn Scheduler> {
        match self {
            Self::Reduction(reduction) => Box::new(Rc::clone(reduction)),
            Self::Plain(plain) => Box::new(Rc::clone(plain)),
        }
    }

    /// From which step on races are new.
    fn begin(&self) -> usize {
        match self {
            Self::Reduction(reduction) => reduction.borrow().begin(),
            Self::Plain(_) => usize::MAX,
        }
    }

    fn take(&self, piece: Piece) {
        if let Self::Reduction(reduction) = self {
            reduction.borrow_mut().take(piece);
        }
    }

    fn leave(&self) -> Option<Piece> {
        match self {
            Self::Reduction(reduction) => Some(reduction.borrow_mut().leave()),
            Self::Plain(_) => None,
        }
    }

    fn give_away(&self) -> Option<Piece> {
        match self {
            Self::Reduction(reduction) => reduction.borrow_mut().give_away(),
            Self::Plain(_) => None,
        }
    }

    fn learn(&self, trace: &Trace) -> Result<(), String> {
        match self {
            Self::Reduction(reduction) => reduction.borrow_mut().learn(trace),
            Self::Plain(_) => Ok(()),
        }
    }

    fn advance(&self, trace: &Trace) -> bool {
        match self {
            Self::Reduction(reduction) => reduction.borrow_mut().advance(),
            Self::Plain(plain) => plain.borrow_mut().advance(trace),
        }
    }

    /// Of what was explored to its end.
    fn share(&self) -> f64 {
        match self {
            Self::Reduction(reduction) => reduction.borrow().share(),
            Self::Plain(_) => 1.0,
        }
    }

    fn share_done(&self) -> Option<f64> {
        match self {
            Self::Reduction(reduction) => Some(reduction.borrow().share_done()),
            Self::Plain(_) => None,
        }
    }
}

/// Why it explores no further.
enum Stop {
    /// Nothing is left.
    Nothing,
    /// A failure, a limit, or the caller.
    Early,
    Pause,
}

/// After so many, a search that is to be divided gives a piece away: what is smaller is not worth it.
const EXECUTIONS_A_PIECE: u64 = 32;

struct Driver {
    search: Search,
    strategy: Strategy,
    runner: Runner,
    body: Body,
    report: Report,
    stopwatch: Stopwatch,
    /// It began with a piece, or some were given away.
    is_piece: bool,
    /// The last execution's trace, moved here while the caller may run others.
    trace: Trace,
}

impl Driver {
    fn new(mut search: Search, body: Body) -> Self {
        let strategy = search.strategy();
        let mut runner = Runner::new(strategy.scheduler(), search.max_steps);
        runner.observe(search.observer.take());
        let stopwatch = Stopwatch::start();
        let report = Report {
            complete: 0,
            blocked: 0,
            threads: 0,
            deepest: 0,
            coverage: Coverage::Cut,
            share: 0.0,
            failure: None,
            elapsed: stopwatch.elapsed(),
        };
        // Two traces, as one is moved here while the caller may run other executions.
        let mut trace = Trace::default();
        (trace.mutant, runner.execution().trace.mutant) = (search.mutant, search.mutant);
        let piece = search.piece.take();
        let is_piece = piece.is_some();
        if let Some(piece) = piece {
            strategy.take(piece);
        }
        Self { search, strategy, runner, body, report, stopwatch, is_piece, trace }
    }

    /// Explores, at most so many executions.
    fn drive(&mut self, most: u64, mut complete: impl FnMut(&mut Complete<'_>) -> ControlFlow<()>) -> Stop {
        let until = self.number().saturating_add(most);
        loop {
            let end = self.execute();
            if self.judge(end, &mut complete).is_break() {
                return Stop::Early;
            }
            if !self.strategy.advance(&self.trace) {
                self.report.coverage = self.coverage();
                self.report.share += self.strategy.share();
                return Stop::Nothing;
            }
            if self.is_over_limit() {
                self.report.coverage = Coverage::Cut;
                return Stop::Early;
            }
            if self.number() >= until {
                return Stop::Pause;
            }
            self.give_away();
        }
    }

    fn give_away(&mut self) {
        let number = self.number();
        let due = self.search.giving.as_mut().filter(|giving| number.is_multiple_of(giving.every));
        if let Some((giving, piece)) = due.and_then(|giving| Some((giving, self.strategy.give_away()?))) {
            self.is_piece = true;
            (giving.give)(piece);
        }
    }

    fn finish(mut self) -> Report {
        self.report.elapsed = self.stopwatch.elapsed();
        if self.is_piece && self.report.coverage == Coverage::Exhaustive {
            self.report.coverage = Coverage::Piece;
        }
        self.report
    }

    /// Runs the next execution, and takes its trace.
    fn execute(&mut self) -> End {
        std::mem::swap(&mut self.runner.execution().trace, &mut self.trace);
        self.runner.execution().trace.watched_from = self.strategy.begin();
        let end = self.runner.run(&self.body);
        if self.number() == 0 {
            self.runner.observe(None);
        }
        std::mem::swap(&mut self.runner.execution().trace, &mut self.trace);
        self.report.threads = self.report.threads.max(self.runner.execution().roles.len());
        self.report.deepest = self.report.deepest.max(self.trace.len());
        end
    }

    fn judge(
        &mut self,
        end: End,
        complete: &mut impl FnMut(&mut Complete<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (is_complete, deadlock) = match end {
            End::Complete => (true, None),
            End::Unwanted => (false, None),
            End::Failed { kind: kind @ FailureKind::Deadlock(_), is_unwanted }
                if self.search.passes_deadlocks =>
            {
                (!is_unwanted, Some(kind))
            }
            End::Failed { kind, .. } => return self.fail(kind),
        };
        if let Err(what) = self.strategy.learn(&self.trace) {
            return self.fail(FailureKind::NotDeterministic(what));
        }
        if !is_complete {
            self.report.blocked += 1;
            return ControlFlow::Continue(());
        }
        self.report.complete += 1;
        let (number, max_steps) = (self.number(), self.search.max_steps);
        complete(&mut Complete::new(number, &self.trace, deadlock, (&mut self.runner, &self.body, max_steps)))
    }

    fn number(&self) -> u64 {
        self.report.complete + self.report.blocked
    }

    fn fail(&mut self, kind: FailureKind) -> ControlFlow<()> {
        let (execution, schedule) = (self.number() + 1, Schedule::of(&self.trace.steps));
        self.report.failure = Some(Failure { kind, execution, schedule });
        ControlFlow::Break(())
    }

    fn coverage(&self) -> Coverage {
        match &self.strategy {
            Strategy::Plain(plain) if plain.borrow().is_cut() => {
                Coverage::Preemptions(self.search.most_preemptions.unwrap_or(u32::MAX))
            }
            _ => Coverage::Exhaustive,
        }
    }

    fn is_over_limit(&mut self) -> bool {
        let is_enough = self.search.max_executions.is_some_and(|most| self.number() >= most);
        is_enough || self.stopwatch.look().is_some_and(|elapsed| self.is_over_time(elapsed))
    }

    fn is_over_time(&mut self, elapsed: std::time::Duration) -> bool {
        if let Some(reporter) = &mut self.search.reporter {
            let (complete, blocked) = (self.report.complete, self.report.blocked);
            let share = || self.strategy.share_done();
            reporter.report_if_due(elapsed, || Progress { complete, blocked, elapsed, share: share() });
        }
        self.search.max_duration.is_some_and(|most| elapsed >= most)
    }
}
