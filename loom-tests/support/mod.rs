//! What the models share: race-checked memory, a device made of it, and the worlds they play in.

pub mod by_hand;
pub mod cell;
pub mod device;
pub mod world;

use std::sync::{Arc, Mutex, PoisonError};

/// Lets the events of blockgate appear in the timeline, if this execution is recorded. First line of
/// every body.
pub fn begin() {
    blockgate::event::set_recorder(loom_harness::is_recording().then(|| {
        let record: Box<dyn FnMut(&'static std::panic::Location<'static>, blockgate::Event)> =
            Box::new(|location, event| loom_harness::record(location, event.to_string()));
        record
    }));
}

/// Runs `role` as another loom thread, on a share of `world`; when it is the last share, `end` gets the
/// world. (No join: that multiplies the interleavings.)
pub fn role<W: 'static>(world: &Arc<W>, role: impl FnOnce(&W) + 'static, end: fn(W)) {
    let world = Arc::clone(world);
    loom::thread::spawn(move || {
        role(&world);
        last(world, end);
    });
}

/// Gives up a share of the world, and ends it if that was the last one.
pub fn last<W>(world: Arc<W>, end: fn(W)) {
    if let Some(world) = Arc::into_inner(world) {
        end(world);
    }
}

/// A place to note something in: not a branch point, and no synchronization between roles.
#[derive(Default)]
pub struct Note<T>(Mutex<T>);

impl<T: Clone> Note<T> {
    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    pub fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
