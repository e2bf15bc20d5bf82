//! Hooks for mutation testing, under `--cfg loom --cfg blockgate_mutants` only: loom's backend reports where
//! each operation is called, and the hook may weaken it. What is a mutant is decided in `loom-tests/mutants`;
//! there is no list here, so no operation can be forgotten.
//!
//! A hook belongs to one system thread. Loom runs a whole model on one, so the hook belongs to that model.

use std::cell::RefCell;
use std::panic::Location;

use super::Ordering;

/// An operation of [`sync`](super) at its call site, which may be in the middle of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Where it is called.
    pub place: &'static Location<'static>,
    /// What is called; of an operation with two orderings, which of them is meant.
    pub operation: &'static str,
    /// The ordering as written; `None` for a wake-up and for a wait.
    pub ordering: Option<Ordering>,
}

/// What becomes of the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is done as it is written.
    AsWritten,
    /// It is done with this ordering.
    Ordered(Ordering),
    /// A wake-up is dropped; a wait is woken once for nothing.
    Otherwise,
}

type Hook = Box<dyn FnMut(Site) -> Effect>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Replaces the hook of this system thread. It must do nothing that loom knows of.
pub fn set_hook(hook: Hook) {
    HOOK.set(Some(hook));
}

fn ask(site: Site) -> Effect {
    // Once the thread's own values are destroyed there is nothing to mutate.
    let asked = HOOK.try_with(|hook| hook.borrow_mut().as_mut().map(|hook| hook(site)));
    asked.ok().flatten().unwrap_or(Effect::AsWritten)
}

/// The ordering with which `operation` is done.
#[track_caller]
pub(super) fn ordering(operation: &'static str, written: Ordering) -> Ordering {
    match ask(Site { place: Location::caller(), operation, ordering: Some(written) }) {
        Effect::Ordered(mutated) => mutated,
        Effect::AsWritten | Effect::Otherwise => written,
    }
}

/// Whether a wake-up is dropped, or a wait woken for nothing.
#[track_caller]
pub(super) fn applies(operation: &'static str) -> bool {
    ask(Site { place: Location::caller(), operation, ordering: None }) == Effect::Otherwise
}
