//! What a model keeps for itself beside the types that it is about.
//!
//! What a role reads while others run must be seen by the engine: else the engine explores one of the values,
//! and takes the others for the same execution. So what is noted here can be read when all roles are over, and
//! not before; what a role wants to know of another is a `Counter`, which costs executions. (A mutex was tried
//! for it: it costs as much, and orders what the model is to find unordered.)

use std::sync::{Mutex, PoisonError};

use super::{RoleId, check, current_role};

/// Set by one role, read when all are over: no engine sees it.
///
/// Reading needs exclusive access, so it does not compile in a role. A second role that sets it fails the
/// model: which of the two were the last would be another thing that no engine sees.
pub struct Note<T>(Mutex<Option<(RoleId, T)>>);

impl<T> Note<T> {
    #[track_caller]
    pub fn set(&self, value: T) {
        let role = current_role();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = noted.as_ref().is_none_or(|(owner, _)| *owner == role);
        *noted = Some((role, value));
        drop(noted);
        check(is_own, "a note has one owner", || "a second role sets it; give each its own".into());
    }

    /// What was noted, if anything was.
    pub fn take(&mut self) -> Option<T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take().map(|(_, value)| value)
    }
}

impl<T> Default for Note<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

/// A value that one role takes out of the world, once: no engine sees it, and there is nothing to see.
pub struct Handed<T>(Mutex<Option<T>>);

impl<T> Default for Handed<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Handed<T> {
    pub fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// By the role that takes it, or before that one is started.
    pub fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// # Panics
    /// The second time.
    #[track_caller]
    pub fn take(&self) -> T {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.expect("one role takes it, once")
    }
}
