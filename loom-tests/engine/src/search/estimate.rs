//! How large a search will be, before it begins.
//!
//! Knuth's estimator (1975): go down the tree at random, multiply the branches of each node on the way, and
//! take the mean of that over many descents. Here a descent is an execution in a random order, and the
//! branches of a state are those that the races of this one execution call for. Races that show only in other
//! executions are missing, and threads that would sleep are counted; so it is too low.

use super::options::Search;
use super::reduction::Reduction;
use crate::runtime::runner::{End, Runner};
use std::cell::RefCell;
use std::rc::Rc;

impl Search {
    /// An estimate of how many executions there are, from `probes` random ones. The same for the same `seed`.
    ///
    /// It is too low: by a factor of 5 to 130 where the size is known.
    ///
    /// # Panics
    /// If `probes` is 0.
    pub fn estimate(&self, probes: u32, seed: u64, body: impl Fn() + 'static) -> f64 {
        assert!(probes > 0, "an estimate needs at least one probe");
        let reduction = Rc::new(RefCell::new(Reduction::new(None)));
        let mut runner = Runner::new(Box::new(Rc::clone(&reduction)), self.max_steps);
        let body = Rc::new(body) as _;
        let rng = fastrand::Rng::with_seed(seed);
        reduction.borrow_mut().descend_at_random(rng);
        let sizes = (0..probes).map(|_| {
            reduction.borrow_mut().restart();
            runner.execution().trace.watched_from = 0;
            let end = runner.run(&body);
            // What a failing execution has done so far has branches, too.
            debug_assert!(!matches!(end, End::Unwanted), "nobody sleeps where nobody was explored");
            reduction.borrow_mut().size(&runner.execution().trace)
        });
        sizes.sum::<f64>() / f64::from(probes)
    }
}
