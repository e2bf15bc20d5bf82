//! Coroutines, kept from one execution to the next: to make one costs more than a whole execution.
//!
//! `generator` rather than `corosensei`, which is the faster one (see `benches/switch.rs`): its free
//! `co_yield_with` suspends from anywhere in a call chain, so that this crate needs no unsafe code.

use generator::{Generator, Gn, co_yield_with};
use std::ptr::NonNull;

/// Bytes of a coroutine's stack. Pages that nothing touches cost nothing.
const STACK: usize = 256 << 10;

/// Coroutine n runs thread n.
#[derive(Default)]
pub(crate) struct Pool {
    coroutines: Vec<Generator<'static, (), ()>>,
    work: Option<fn()>,
}

impl Pool {
    /// Coroutines that call `work`, which returns when there will be nothing more to do.
    pub(crate) fn new(work: fn()) -> Self {
        Self { coroutines: Vec::new(), work: Some(work) }
    }

    /// Lets coroutine `index` go on until it suspends itself.
    pub(crate) fn resume(&mut self, index: usize) {
        while self.coroutines.len() <= index {
            let coroutine = self.make();
            self.coroutines.push(coroutine);
        }
        self.coroutines[index].resume();
    }

    fn make(&self) -> Generator<'static, (), ()> {
        let work = self.work.expect("made by `new`");
        let mut coroutine = Gn::new_opt(STACK / size_of::<usize>(), work);
        // `co_yield_with` takes a coroutine with data of its own for one; what the data is does not matter.
        coroutine.set_local_data(NonNull::dangling().as_ptr());
        coroutine
    }

    /// Gives up coroutine `index`, which is suspended and will never be resumed. What is on its stack is leaked.
    pub(crate) fn abandon(&mut self, index: usize) {
        if index < self.coroutines.len() {
            let fresh = self.make();
            std::mem::forget(std::mem::replace(&mut self.coroutines[index], fresh));
        }
    }
}

impl Drop for Pool {
    /// With no execution at hand each coroutine finds no more work and returns. (Dropped as they are, each
    /// would be unwound, with the process's panic hook replaced for so long.)
    fn drop(&mut self) {
        for coroutine in &mut self.coroutines {
            coroutine.resume();
        }
    }
}

/// Suspends the calling coroutine.
pub(crate) fn suspend() {
    co_yield_with(());
}
