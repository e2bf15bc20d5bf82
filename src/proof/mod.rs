//! The proof, chapter by chapter: these are the pages of `docs/` in the repository. A link to a file of
//! models leads to the [certificate], which has a row for each model.
//!
#![doc = include_str!("links.md")]
#![doc = include_str!("../../docs/README.md")]
// Documentation alone: the module exists under `cfg(doc)`. `links.md` has what each label means here. It comes
// first, so it has precedence over the paths at the end of each page, which are for the repository.

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/protocol.md")]
pub mod protocol {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/gate.md")]
pub mod gate {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/block_group.md")]
pub mod block_group {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/ordered_extent.md")]
pub mod ordered_extent {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/delayed_ref.md")]
pub mod delayed_ref {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/transaction.md")]
pub mod transaction {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/loom.md")]
pub mod loom {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/engine.md")]
pub mod engine {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/specification.md")]
pub mod specification {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/kernel.md")]
pub mod kernel {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/recordings.md")]
pub mod recordings {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/faults.md")]
pub mod faults {}

#[doc = include_str!("../../docs/certificate.md")]
pub mod certificate {}

#[doc = include_str!("../../docs/mutants.md")]
pub mod mutants {}

/// # Mutants of src
///
/// Each operator, condition, value and statement of `src` changed, one at a time, and which model or test notices:
/// `docs/mutants-of-src.md` in the repository. `cargo mutate-src` tries them.
pub mod mutants_of_src {}

/// # Counterexamples
///
/// The bug of 2016, as loom finds it when the drain is left out. The other red twins have timelines as this
/// one, in `docs/counterexamples/` in the repository.
///
/// ```text
#[doc = include_str!("../../docs/counterexamples/replace-seed.txt")]
/// ```
pub mod counterexamples {}

/// # Performance
///
/// What the types cost, beside their peers: `docs/performance.md` in the repository, with its plots.
/// `cargo bench` measures it.
pub mod performance {}
