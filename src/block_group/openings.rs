//! How often a read-only group was opened by a level: so that a thread that every group refused knows whether to look
//! again, and can wait for that.
//!
//! The hard part: one pass over the groups looks at each at another moment. While a freeze hops from group to group, a
//! pass can find each of them read-only, though one was read-write at every moment. An opening counts and opens under one
//! lock. So if the count is the same before and after a pass, each group that was read-only when it was looked at is
//! read-only when the count is read again, and that is one moment.

use crate::sync::{Monitor, MonitorGuard};

/// The openings of the groups of one volume.
#[derive(Debug)]
pub(crate) struct Openings(Monitor<u64>);

impl Openings {
    pub(crate) fn new() -> Self {
        Self(Monitor::new(0))
    }

    /// How many there were. Waits for one that is at work, which waits for nothing.
    pub(crate) fn count(&self) -> u64 {
        *self.0.lock()
    }

    /// Blocks while there were `seen`.
    pub(crate) fn wait_after(&self, seen: u64) {
        self.0.wait_until(|count| (*count != seen).then_some(()));
    }

    /// Threads that wait look again, as after an opening.
    pub(crate) fn let_all_look_again(&self) {
        drop(self.begin());
    }

    /// One more, which is at work until the guard is dropped. Threads that wait look again then.
    pub(super) fn begin(&self) -> MonitorGuard<'_, u64> {
        let mut count = self.0.lock();
        *count += 1;
        count.notify_all();
        count
    }
}
