//! Which thread holds a mutex, and what its next holder will know.

use super::table::Reset;
use crate::clock::Clock;
use crate::dependence::Accesses;
use crate::event::Place;

/// What is known of a mutex.
#[derive(Default)]
pub(crate) struct Lock {
    pub(crate) accesses: Accesses,
    pub(crate) made: Option<Place>,
    /// The thread that holds it, and where it locked it.
    pub(crate) holder: Option<(usize, Place)>,
    /// What happened before the last unlock.
    pub(crate) unlocked: Clock,
    /// What the next holder knows by release and acquire.
    pub(crate) released: Clock,
}

impl Reset for Lock {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
