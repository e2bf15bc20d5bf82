//! What is left of a search, for another thread, process or machine to take over.
//!
//! A search gives away what is left at the first of its states where something is: first it means to explore
//! every thread from there, whatever races there are, so that nothing that is found below can ask for more. The
//! branch that it is in it keeps; the others go, with a copy of the states before, where nobody explores anything any
//! more. What was explored from there, and the branch that was kept, sleep in what is given away. So the
//! complete executions of all pieces are those of the whole, each in one of them.
//!
//! (Tried before: to explore everything up to some depth, and to deal out the states there. One of 164 had 89 %
//! of the executions of four writers, since with sleep sets the first branches have nearly everything.)

use super::node::Node;
use super::reduction::Reduction;

/// A piece of a search that is left to be explored: see [`Search::give_away`](crate::Search::give_away).
pub struct Piece {
    pub(super) nodes: Vec<Node>,
    /// The states before are explored by others.
    pub(super) floor: usize,
    /// Its share of the whole, if each branch of a state counts alike.
    pub(super) weight: f64,
}

/// Between two executions.
impl Reduction {
    /// Goes on with `piece`.
    pub(super) fn take(&mut self, piece: Piece) {
        let Piece { nodes, floor, weight } = piece;
        (self.nodes, self.floor, self.weight, self.done) = (nodes, floor, weight, 0.0);
    }

    /// All that is left.
    pub(super) fn leave(&mut self) -> Piece {
        let nodes = std::mem::take(&mut self.nodes);
        Piece { nodes, floor: self.floor, weight: self.weight }
    }

    /// The other branches of the first state that has any, the states before included.
    pub(super) fn give_away(&mut self) -> Option<Piece> {
        // From the last state on nothing was executed yet.
        while self.floor + 1 < self.nodes.len() {
            let depth = self.floor;
            self.floor += 1;
            let (others, shares) = self.nodes[depth].others(self.mutant);
            let given = self.weight * shares.left;
            self.done += self.weight * shares.explored;
            self.weight *= shares.current;
            if let Some(others) = others {
                let before = self.nodes[..depth].iter().cloned();
                return Some(Piece { nodes: before.chain([others]).collect(), floor: depth, weight: given });
            }
        }
        None
    }

    /// The share of the whole that a search has when nothing is left of it.
    pub(super) fn share(&self) -> f64 {
        self.done + self.weight
    }
}
