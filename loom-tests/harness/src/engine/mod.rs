//! The engines that explore, behind one trait.
//!
//! An engine runs the body of a case again and again, each time in another interleaving, and says what it found
//! in the words of `search`. Beside that it knows how to run one of these executions again. What a result means
//! is not its business (`judge`).

#[cfg(feature = "loom")]
mod loom;
#[cfg(feature = "traceset")]
mod traceset;

use crate::case::Case;
use crate::search::{Exploration, Limits, Progress};
use std::sync::Arc;

/// An engine, of those that this crate was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// [loom](https://docs.rs/loom).
    #[cfg(feature = "loom")]
    Loom,
    /// `traceset`: every execution up to the order of independent operations, each once.
    #[cfg(feature = "traceset")]
    Traceset,
}

/// Runs every execution within `limits`, for what the body leaves, and looks at none of them.
#[cfg(feature = "loom")]
pub(crate) fn collect(case: &Case, limits: &Limits) {
    loom::collect(case, limits);
}

/// A search, or what was left of one, for whichever thread is free.
pub(crate) struct Piece(Box<dyn FnOnce(&Hub) -> Exploration + Send>);

impl Piece {
    pub(crate) fn explore(self, hub: &Hub) -> Exploration {
        (self.0)(hub)
    }
}

/// Where a piece hands on what it gives away, and says how far it is.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(crate) give: Arc<dyn Fn(Piece) + Send + Sync>,
    pub(crate) watch: Arc<dyn Fn(Progress) + Send + Sync>,
}

pub(crate) trait Explore: Sync {
    /// As in the certificate, and as in a `cfg`.
    fn name(&self) -> &'static str;

    /// Which version of it is in this binary.
    fn version(&self) -> String;

    /// Whether it is the one for models that are too large for loom.
    fn is_second(&self) -> bool;

    /// An estimate of the executions of `case`, for a search that takes long.
    fn estimate(&self, _case: &Case, _limits: &Limits) -> Option<f64> {
        None
    }

    /// Explores `case` within `limits` until something fails.
    fn explore(&self, case: &Case, limits: &Limits) -> Exploration;

    /// The same as a piece of work, which may give some of itself away.
    fn work(&'static self, case: &Arc<Case>, limits: &Limits) -> Piece {
        let (case, limits) = (Arc::clone(case), *limits);
        Piece(Box::new(move |_| self.explore(&case, &limits)))
    }

    /// Runs one execution again, with its steps, within as many branch points as `limits` allow.
    ///
    /// # Errors
    /// When `at` is none of the engine's words, or says an execution that the search does not have.
    fn replay(&self, case: &Case, at: &str, limits: &Limits) -> Result<Exploration, String>;
}

impl Engine {
    /// All that this crate was built with.
    pub(crate) const ALL: &[Self] = &[
        // Each has a `cfg` of its name, under which the code under test has the primitives of that engine.
        #[cfg(all(feature = "traceset", traceset))]
        Self::Traceset,
        #[cfg(feature = "loom")]
        Self::Loom,
        #[cfg(all(feature = "traceset", not(traceset)))]
        Self::Traceset,
    ];

    /// The engine that this build is for: the one of its `cfg`, or else the first of those that there are.
    ///
    /// # Errors
    /// When the crate was built without any.
    pub(crate) fn of_this_build() -> Result<Self, String> {
        let none = "built without an engine: loom-harness needs one of its features `loom` and `traceset`";
        let first = Self::ALL.first().copied();
        first.ok_or_else(|| none.to_string())
    }

    pub(crate) fn explorer(self) -> &'static dyn Explore {
        match self {
            #[cfg(feature = "loom")]
            Self::Loom => &loom::Loom,
            #[cfg(feature = "traceset")]
            Self::Traceset => &traceset::Traceset,
        }
    }
}
