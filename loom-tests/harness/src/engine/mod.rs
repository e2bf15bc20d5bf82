//! The engines that explore, behind one trait.
//!
//! An engine runs the body of a case again and again, each time in another interleaving, and says what it found
//! in the words of `search`. Beside that it knows how to run one of these executions again. What a result means
//! is not its business (`judge`).

#[cfg(feature = "loom")]
mod loom;
#[cfg(feature = "traceset")]
mod traceset;

use crate::model::Case;
use crate::search::{Exploration, Limits, Watch};

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

pub(crate) trait Explore: Sync {
    /// As in the certificate, and as in a `cfg`.
    fn name(&self) -> &'static str;

    /// Which version of it is in this binary.
    fn version(&self) -> String;

    /// Whether it is the one for models that are too large for loom.
    fn is_second(&self) -> bool;

    /// Into how many parts a search of `case` is divided. It does not depend on the machine, since the price
    /// of a search does depend on it.
    fn parts(&self, _case: &Case, _limits: &Limits) -> u64 {
        1
    }

    /// An estimate of the executions of `case`, for a search that takes long.
    fn estimate(&self, _case: &Case, _limits: &Limits) -> Option<f64> {
        None
    }

    /// Explores `case` within `limits` until something fails. From time to time `watch` hears how far it is.
    fn explore(&self, case: &Case, limits: &Limits, watch: Option<Watch>) -> Exploration;

    /// Runs one execution again, with its steps.
    ///
    /// # Errors
    /// When `at` is none of the engine's words, or says an execution that the search does not have.
    fn replay(&self, case: &Case, at: &str) -> Result<Exploration, String>;
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
