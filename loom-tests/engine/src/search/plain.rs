//! Every schedule, depth first, without any reduction: an oracle for the rest, and, with a bound of the
//! preemptions, the way to a counterexample that is short to read.

use crate::runtime::execution::Scheduler;
use crate::schedule::Decision;
use crate::threads::ThreadSet;
use crate::trace::Trace;

struct Node {
    current: Decision,
    /// The threads that are to be explored from here, after the current one.
    to_explore: ThreadSet,
    choices: u8,
    /// How often a thread was left that could have gone on, before this step.
    preemptions: u32,
    /// The thread that went on last, if it could go on.
    unpreempted: Option<usize>,
}

/// The way to the current execution's end.
pub(crate) struct Plain {
    nodes: Vec<Node>,
    most_preemptions: u32,
    /// Something was left out because of the bound.
    is_cut: bool,
}

impl Plain {
    pub(crate) fn new(most_preemptions: u32) -> Self {
        Self { nodes: Vec::new(), most_preemptions, is_cut: false }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Goes on to the next execution. Whether there is one.
    pub(crate) fn advance(&mut self, trace: &Trace) -> bool {
        self.nodes.iter_mut().zip(&trace.steps).for_each(|(node, step)| node.choices = step.choices);
        while let Some(node) = self.nodes.last_mut() {
            if node.advance() {
                return true;
            }
            self.nodes.pop();
        }
        false
    }

    fn node(&mut self, enabled: ThreadSet, last: usize) -> Option<Node> {
        let preemptions = self.nodes.last().map_or(0, Node::preemptions_after);
        let unpreempted = Some(last).filter(|last| enabled.contains(*last));
        let thread = enabled.preferring(last)?;
        let mut to_explore = enabled;
        to_explore.remove(thread);
        if unpreempted.is_some() && preemptions >= self.most_preemptions && !to_explore.is_empty() {
            self.is_cut = true;
            to_explore = ThreadSet::EMPTY;
        }
        let current = Decision { thread, choice: 0 };
        Some(Node { current, to_explore, choices: 1, preemptions, unpreempted })
    }
}

impl Node {
    fn preemptions_after(&self) -> u32 {
        self.preemptions + u32::from(self.unpreempted.is_some_and(|last| last != self.current.thread))
    }

    fn advance(&mut self) -> bool {
        if self.current.choice + 1 < self.choices {
            self.current.choice += 1;
            return true;
        }
        let Some(thread) = self.to_explore.first() else { return false };
        self.to_explore.remove(thread);
        (self.current, self.choices) = (Decision { thread, choice: 0 }, 1);
        true
    }
}

impl Scheduler for std::rc::Rc<std::cell::RefCell<Plain>> {
    fn choose(&mut self, trace: &Trace, enabled: ThreadSet, last: usize) -> Option<Decision> {
        let mut plain = self.borrow_mut();
        let depth = trace.len();
        if depth == plain.nodes.len() {
            let node = plain.node(enabled, last)?;
            plain.nodes.push(node);
        }
        plain.nodes.get(depth).map(|node| node.current)
    }
}
