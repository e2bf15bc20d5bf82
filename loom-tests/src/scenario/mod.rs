//! One scenario for three engines: a volume whose device is replaced while writers write.
//!
//! The text is the same; what runs it is `engine`: loom explores every interleaving of a small one,
//! shuttle samples those of a large one, and threads of the system run it with real memory.

pub mod device;
pub mod plans;
#[cfg(any(loom, shuttle))]
pub mod trace;
pub mod world;

use std::sync::Arc;

use crate::engine;

/// Runs `role` as another thread of the engine, on a share of `world`; when it is the last share, `end`
/// gets the world. (No join: under loom that multiplies the interleavings.)
pub fn role<W: Send + Sync + 'static>(world: &Arc<W>, role: impl FnOnce(&W) + Send + 'static, end: fn(W)) {
    let world = Arc::clone(world);
    engine::spawn(move || {
        role(&world);
        last(world, end);
    });
}

/// Gives up a share of the world, and ends it, and the execution, if that was the last one.
pub fn last<W>(world: Arc<W>, end: fn(W)) {
    if let Some(world) = Arc::into_inner(world) {
        end(world);
        #[cfg(any(loom, shuttle))]
        trace::end();
    }
}
