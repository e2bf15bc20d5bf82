//! Where an execution does what loom does not explore fully: see `docs/loom.md`.
//!
//! Of each atomic loom keeps the last access alone, to find the other order of two accesses. So a thread's own load
//! between another thread's load and its own write hides that the other one could have come after (issues 166 and
//! 392). If no explored execution does that, loom has tried every other order, and nothing is hidden in this way.

use super::order::{MOST_THREADS, Order};
use crate::search::Hole;

/// An access to an atomic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Load,
    Store,
    Rmw,
}

/// By thread, the number of its last such access, in [`Order`]; 0: none.
type Last = [u32; MOST_THREADS];

#[derive(Clone, Copy, Default)]
struct Word {
    /// Since the last write.
    loads: Last,
    stores: Last,
    rmws: Last,
    /// The thread that loaded it, if that was the last access.
    loaded_by: Option<usize>,
}

/// The atomics of an execution, by loom's number of the object.
#[derive(Default)]
pub(super) struct Words(Vec<Word>);

impl Words {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The operation `number` of `thread`: what it hides.
    pub(super) fn access(
        &mut self,
        object: usize,
        access: Access,
        (thread, number): (usize, u32),
        order: &Order,
    ) -> Option<Hole> {
        if self.0.len() <= object {
            self.0.resize(object + 1, Word::default());
        }
        let word = &mut self.0[object];
        let hole = word.hole(access, thread, order);
        word.note(access, thread, number);
        hole
    }
}

impl Word {
    fn hole(&self, access: Access, thread: usize, order: &Order) -> Option<Hole> {
        let is_free = |last: &Last| {
            let others = (0..MOST_THREADS).filter(|other| *other != thread);
            others.into_iter().any(|other| order.is_free((other, last[other]), thread))
        };
        let meets = match access {
            Access::Load => return None,
            Access::Store => &self.rmws,
            Access::Rmw => &self.stores,
        };
        if self.loaded_by == Some(thread) && is_free(&self.loads) {
            Some(Hole::LoadThenWrite)
        } else {
            is_free(meets).then_some(Hole::StoreAgainstRmw)
        }
    }

    fn note(&mut self, access: Access, thread: usize, number: u32) {
        let last = match access {
            Access::Load => &mut self.loads,
            Access::Store => &mut self.stores,
            Access::Rmw => &mut self.rmws,
        };
        last[thread] = number;
        self.loaded_by = (access == Access::Load).then_some(thread);
        if access != Access::Load {
            self.loads = Last::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Access::{Load, Rmw, Store};
    use super::*;

    /// What the last of these accesses of two threads to one atomic hides.
    fn hidden(accesses: &[(usize, Access)]) -> Option<Hole> {
        let (mut words, mut order) = (Words::default(), Order::default());
        let of = |(thread, access): &(usize, Access)| {
            let number = order.step(*thread);
            words.access(3, *access, (*thread, number), &order)
        };
        accesses.iter().map(of).last().flatten()
    }

    #[test]
    fn an_own_load_hides_the_other_threads() {
        assert_eq!(hidden(&[(1, Load), (0, Load), (0, Rmw)]), Some(Hole::LoadThenWrite));
        assert_eq!(hidden(&[(1, Load), (0, Load), (0, Store)]), Some(Hole::LoadThenWrite));
        assert_eq!(hidden(&[(0, Load), (0, Rmw)]), None, "nobody else has loaded it");
        assert_eq!(hidden(&[(0, Load), (1, Load), (0, Rmw)]), None, "loom sees the other's load");
        assert_eq!(hidden(&[(1, Rmw), (0, Load), (0, Rmw)]), None, "the load itself is ordered after");
    }

    #[test]
    fn a_store_meets_a_read_modify_write_of_another_thread() {
        assert_eq!(hidden(&[(1, Rmw), (0, Store)]), Some(Hole::StoreAgainstRmw));
        assert_eq!(hidden(&[(1, Store), (0, Rmw)]), Some(Hole::StoreAgainstRmw));
        assert_eq!(hidden(&[(0, Store), (0, Rmw)]), None);
        assert_eq!(hidden(&[(1, Store), (0, Store)]), None);
        assert_eq!(hidden(&[(1, Rmw), (0, Rmw)]), None);
    }
}
