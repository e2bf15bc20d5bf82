//! A spin lock as the kernel has it, for the peers in the kernel's style.
//!
//! The kernel's holder is never preempted. Here it can be, so a waiting thread spins a little and then yields:
//! spinning on would make the peers look worse than they are.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_utils::Backoff;

#[derive(Default)]
pub(crate) struct SpinLock(AtomicBool);

/// The holder of a [`SpinLock`].
pub(crate) struct SpinGuard<'a>(&'a AtomicBool);

impl SpinLock {
    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_> {
        let backoff = Backoff::new();
        // Acquire: pairs with the Release of the holder before.
        while self.0.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            backoff.snooze();
        }
        SpinGuard(&self.0)
    }
}

impl Drop for SpinGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire of the next holder.
        self.0.store(false, Ordering::Release);
    }
}
