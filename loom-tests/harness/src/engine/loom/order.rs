//! Which operations of an execution come in the same order in all of them: those before a spawn or after a join.

/// loom has at most five threads.
pub(super) const MOST_THREADS: usize = 8;

/// For each thread how many of its operations come before, whatever the schedule.
type Clock = [u32; MOST_THREADS];

/// The operations of an execution, each by its thread and its number, from 1 on.
#[derive(Clone, Copy, Default)]
pub(super) struct Order {
    before: [Clock; MOST_THREADS],
}

impl Order {
    /// The next operation of `thread`.
    pub(super) fn step(&mut self, thread: usize) -> u32 {
        self.before[thread][thread] += 1;
        self.before[thread][thread]
    }

    pub(super) fn spawn(&mut self, parent: usize, child: usize) {
        self.before[child] = self.before[parent];
    }

    pub(super) fn join(&mut self, thread: usize, child: usize) {
        let ended = self.before[child];
        self.before[thread].iter_mut().zip(ended).for_each(|(mine, theirs)| *mine = theirs.max(*mine));
    }

    /// Whether the operation `number` of `other` may come after what `thread` does next. 0: there is none.
    pub(super) fn is_free(&self, (other, number): (usize, u32), thread: usize) -> bool {
        number > self.before[thread][other]
    }

    /// Whether another thread has done something that `thread` could have preceded.
    pub(super) fn meets_another(&self, thread: usize) -> bool {
        (0..MOST_THREADS)
            .any(|other| other != thread && self.is_free((other, self.before[other][other]), thread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spawn_and_a_join_order_what_comes_before_and_after() {
        let mut order = Order::default();
        let first = order.step(0);
        order.spawn(0, 1);
        let second = order.step(1);
        assert!(!order.is_free((0, first), 1) && order.is_free((1, second), 0));
        assert!(order.meets_another(0) && !order.meets_another(1));
        order.join(0, 1);
        assert!(!order.is_free((1, second), 0) && !order.meets_another(0));
    }

    #[test]
    fn two_children_are_free_of_each_other() {
        let mut order = Order::default();
        order.spawn(0, 1);
        order.spawn(0, 2);
        order.step(1);
        assert!(order.meets_another(2));
    }
}
