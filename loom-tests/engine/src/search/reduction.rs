//! Source-set DPOR (Abdulla, Aronis, Jonsson, Sagonas: POPL 2014, JACM 2017): explores at least one execution
//! of each trace, and with sleep sets never two complete ones.

use super::node::Node;
use super::reversal::Reversal;
use crate::mutant::Mutant;
use crate::runtime::execution::Scheduler;
use crate::schedule::Decision;
use crate::threads::ThreadSet;
use crate::trace::Trace;
use fastrand::Rng;

/// The states from the first one to the end of the current execution.
pub(crate) struct Reduction {
    pub(super) nodes: Vec<Node>,
    /// So many of the first states are explored by others.
    pub(super) floor: usize,
    /// Which share of the whole the states from the floor on are, and which is explored beside it.
    pub(super) weight: f64,
    pub(super) done: f64,
    /// From each state everybody is explored, whatever races there are.
    is_everybody_explored: bool,
    pub(super) mutant: Option<Mutant>,
    /// The thread to explore first is chosen at random.
    rng: Option<Rng>,
}

impl Reduction {
    pub(crate) fn new(mutant: Option<Mutant>) -> Self {
        Self {
            nodes: Vec::new(),
            floor: 0,
            weight: 1.0,
            done: 0.0,
            is_everybody_explored: false,
            mutant,
            rng: None,
        }
    }

    /// Sleep sets alone: everybody from everywhere, and no race is looked at. An oracle for the rest.
    pub(crate) fn of_sleep_sets_alone() -> Self {
        Self { is_everybody_explored: true, ..Self::new(None) }
    }

    /// Before an execution. Returns the step from where on it differs from the last one: its races are new.
    pub(crate) fn begin(&self) -> usize {
        self.nodes.len().saturating_sub(1)
    }

    /// Learns from an execution what else is to be explored.
    ///
    /// # Errors
    /// If the program did something else than before.
    pub(crate) fn learn(&mut self, trace: &Trace) -> Result<(), String> {
        self.nodes.iter_mut().zip(&trace.steps).try_for_each(|(node, step)| node.take(step))?;
        if trace.len() < self.nodes.len() {
            return Err(format!("it ended after {} steps, and not after {}", trace.len(), self.nodes.len()));
        }
        let skipped = match self.mutant {
            Some(Mutant::LastRaceOnly) => trace.races.len().saturating_sub(1),
            _ => 0,
        };
        trace.races[skipped..].iter().for_each(|race| self.reverse(trace, *race));
        Ok(())
    }

    fn reverse(&mut self, trace: &Trace, race: (u32, u32)) {
        // Where every thread is explored, here or in another piece, there is nothing to add.
        if (race.0 as usize) < self.floor {
            return;
        }
        // A state is missing where the execution went on unwanted: nothing is explored from there.
        let Some(node) = self.nodes.get_mut(race.0 as usize) else { return };
        let reversal = Reversal::new(trace, race, self.mutant);
        if reversal.is_overlooked(&node.sleep) {
            return;
        }
        let (initials, one) = reversal.initials();
        if !initials.meets(node.covered()) {
            node.to_explore.insert(one);
        }
    }

    /// Goes on to the next execution. Whether there is one.
    pub(crate) fn advance(&mut self) -> bool {
        while self.nodes.len() > self.floor {
            if self.nodes.last_mut().is_some_and(|node| node.advance(self.mutant)) {
                return true;
            }
            self.nodes.pop();
        }
        false
    }

    /// The share of the known tree that is explored here: each branch of a state counts alike.
    pub(crate) fn share_done(&self) -> f64 {
        let (mut done, mut weight) = (self.done, self.weight);
        for node in self.nodes.iter().skip(self.floor) {
            let (explored, known) = node.branches();
            done += weight * explored / known;
            weight /= known;
        }
        done
    }
}

/// Random descents, for an estimate of the size.
impl Reduction {
    pub(crate) fn descend_at_random(&mut self, rng: Rng) {
        self.rng = Some(rng);
    }

    /// Forgets everything.
    pub(crate) fn restart(&mut self) {
        self.nodes.clear();
    }

    /// The product of the branches on the way, by the races of this execution.
    pub(crate) fn size(&mut self, trace: &Trace) -> f64 {
        // An execution from the beginning is the same as before in no step: there is nothing to differ.
        let _ = self.learn(trace);
        self.nodes.iter().map(|node| node.branches().1).product()
    }
}

fn at_random(threads: ThreadSet, rng: &mut Rng) -> usize {
    threads.iter().nth(rng.usize(..threads.len())).expect("somebody can go on")
}

impl Scheduler for std::rc::Rc<std::cell::RefCell<Reduction>> {
    fn choose(&mut self, trace: &Trace, enabled: ThreadSet, last: usize) -> Option<Decision> {
        self.borrow_mut().choose(trace, enabled, last)
    }
}

impl Reduction {
    fn choose(&mut self, trace: &Trace, enabled: ThreadSet, last: usize) -> Option<Decision> {
        let depth = trace.len();
        if depth < self.nodes.len() {
            return Some(self.nodes[depth].current);
        }
        let before = self.nodes.last().zip(trace.steps.last());
        let last = self.rng.as_mut().map_or(last, |rng| at_random(enabled, rng));
        let mut node = Node::new(before, enabled, last, self.mutant)?;
        if self.is_everybody_explored {
            node.explore_all();
        }
        let decision = node.current;
        self.nodes.push(node);
        Some(decision)
    }
}
