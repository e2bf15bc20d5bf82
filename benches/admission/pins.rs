//! The entry paths of memory reclamation: "somebody is inside" without an exact count.
//!
//! A closer cannot wait for a group's writers by these: a grace period covers the whole process, or, for
//! `arc-swap`, there is none. They show what the pure entry costs where that is enough.

use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use haphazard::{AtomicPtr, HazardPointer};
use seize::Guard as _;

use super::door::Door;

/// A pin of the default collector, and a look at the flag.
#[derive(Default)]
pub(crate) struct Epoch(AtomicBool);

impl Door for Epoch {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        let _guard = crossbeam_epoch::pin();
        !self.0.load(Ordering::Acquire)
    }
}

/// The same, with seize, whose readers need no fence where the system offers a barrier for all processors.
pub(crate) struct Seize {
    collector: seize::Collector,
    closed: std::sync::atomic::AtomicPtr<()>,
}

impl Default for Seize {
    fn default() -> Self {
        Self { collector: seize::Collector::new(), closed: std::sync::atomic::AtomicPtr::default() }
    }
}

impl Door for Seize {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        let guard = self.collector.enter();
        guard.protect(&self.closed, Ordering::Acquire).is_null()
    }
}

/// A load of the state.
pub(crate) struct ArcSwapLoad(ArcSwap<bool>);

impl Default for ArcSwapLoad {
    fn default() -> Self {
        Self(ArcSwap::from_pointee(false))
    }
}

impl Door for ArcSwapLoad {
    type Local<'a> = ();

    fn local(&self, _thread: usize) -> Self::Local<'_> {}

    #[inline]
    fn pass(&self, (): &mut ()) -> bool {
        !**self.0.load()
    }
}

/// A hazard pointer to the state, kept by the thread.
pub(crate) struct Hazard(AtomicPtr<bool>);

impl Default for Hazard {
    fn default() -> Self {
        Self(AtomicPtr::from(Box::new(false)))
    }
}

impl Door for Hazard {
    type Local<'a> = HazardPointer<'static>;

    fn local(&self, _thread: usize) -> Self::Local<'_> {
        HazardPointer::new()
    }

    #[inline]
    fn pass(&self, hazard: &mut HazardPointer<'static>) -> bool {
        let admitted = self.0.safe_load(hazard).is_some_and(|closed| !*closed);
        hazard.reset_protection();
        admitted
    }
}
