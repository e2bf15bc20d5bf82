//! `loom::model` and `loom::model::Builder`, with the verdicts of this crate: for models in `#[test]` functions.

use crate::case::Model;
use crate::dropin::{self, Asked};
use crate::search::Limits;
use std::time::Duration;

/// Explores `body` as [loom's function of this name](https://docs.rs/loom/latest/loom/fn.model.html) does, and
/// panics where it does not hold: with the failing execution as a timeline, and a replay token.
///
/// A model that holds must also prove something: one in which nothing is concurrent, or that comes out otherwise when
/// it is run again, panics too. What was explored is printed, as a line of the test's output.
///
/// Made for `#[test]` functions, under libtest and cargo-nextest: the search runs in a child process, which is this
/// test alone, so that a failing execution need not unwind and other tests go on. A closure that captures something
/// is explored once more in this process if it holds, so that what it collects is here. On a thread that is no
/// test's, such as in a `main`, the search runs in this process, and a failure ends it with status 101.
///
/// ```no_run
/// use loom_harness::sync::Arc;
/// use loom_harness::sync::atomic::{AtomicUsize, Ordering::AcqRel};
/// use loom_harness::thread;
///
/// #[test]
/// fn both_are_counted() {
///     loom_harness::model(|| {
///         let count = Arc::new(AtomicUsize::new(0));
///         let other = Arc::clone(&count);
///         let role = thread::spawn(move || other.fetch_add(1, AcqRel));
///         count.fetch_add(1, AcqRel);
///         role.join().unwrap();
///         assert_eq!(count.fetch_add(0, AcqRel), 2);
///     });
/// }
/// ```
///
/// # Panics
/// When the model does not hold, proves nothing, or the search ends without a verdict.
#[track_caller]
pub fn model<F: Fn() + Sync + Send + 'static>(body: F) {
    Builder::new().check(body);
}

/// Bounds of a search; each is named in the verdict, and none is exhaustive. The fields are loom's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Builder {
    /// The most branch points of an execution; more fails.
    pub max_branches: usize,
    /// The most executions.
    pub max_permutations: Option<usize>,
    /// The longest that the search may take.
    pub max_duration: Option<Duration>,
    /// The most preemptions of an execution.
    pub preemption_bound: Option<usize>,
    roles: Vec<String>,
    is_sequential: bool,
    is_strict: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The bounds that loom's environment variables give, such as `LOOM_MAX_PREEMPTIONS`; otherwise none, and 10,000
    /// branch points an execution.
    ///
    /// # Panics
    /// When one of these variables is malformed, or unknown.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let limits = Limits::from_env().unwrap_or_else(|why| panic!("{why}"));
        Self {
            max_branches: limits.branches.unwrap_or(10_000),
            max_permutations: limits.executions.and_then(|most| most.try_into().ok()),
            max_duration: limits.duration,
            preemption_bound: limits.preemptions.map(usize::from),
            roles: Vec::new(),
            is_sequential: false,
            is_strict: false,
        }
    }

    /// At most so many preemptions in an execution: two or three find most bugs, and prove nothing.
    #[must_use]
    pub fn preemptions(mut self, most: usize) -> Self {
        self.preemption_bound = Some(most);
        self
    }

    /// At most so many executions.
    #[must_use]
    pub fn executions(mut self, most: usize) -> Self {
        self.max_permutations = Some(most);
        self
    }

    /// The search ends after so long.
    #[must_use]
    pub fn duration(mut self, most: Duration) -> Self {
        self.max_duration = Some(most);
        self
    }

    /// An execution of more branch points fails.
    #[must_use]
    pub fn branches(mut self, most: usize) -> Self {
        self.max_branches = most;
        self
    }

    /// Names the threads, as [`Model::roles`]. With fewer threads than names the model fails.
    #[must_use]
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.roles = roles.iter().map(ToString::to_string).collect();
        self
    }

    /// Nothing in it is concurrent, and that is meant: see [`Model::sequential`].
    #[must_use]
    pub fn sequential(mut self) -> Self {
        self.is_sequential = true;
        self
    }

    /// A search that is not exhaustive fails: one with a bound, or a hole.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Explores `body`: see [`model`].
    ///
    /// # Panics
    /// As [`model`].
    #[track_caller]
    pub fn check<F: Fn() + Sync + Send + 'static>(&self, body: F) {
        let roles: Vec<_> = self.roles.iter().map(String::as_str).collect();
        let name = dropin::name_of_call();
        let model = Model::new(name).roles(&roles).max_branches(self.max_branches).body(body);
        let model = if self.is_sequential { model.sequential() } else { model };
        let limits = Limits {
            preemptions: self.preemption_bound.map(|most| u8::try_from(most).unwrap_or(u8::MAX)),
            executions: self.max_permutations.map(|most| most as u64),
            duration: self.max_duration,
            strict: self.is_strict,
            ..Limits::default()
        };
        let failure = dropin::check(&Asked { case: model.0, limits, has_state: size_of::<F>() > 0 });
        if let Some(why) = failure {
            panic!("{why}");
        }
    }
}
