//! Which objects of this process are in use by one owner alone, by their address.
//!
//! A guard against a wrong argument, and no part of the protocol: nothing that is explored depends on it. An engine runs
//! many worlds in one process, and would see one world's claims in the next; so there each claim is granted.

/// The claim on an object, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    address: usize,
}

impl Claim {
    /// The object at `address`, if nobody has claimed it.
    pub(crate) fn of(address: usize) -> Option<Self> {
        claims::add(address).then_some(Self { address })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        claims::remove(self.address);
    }
}

#[cfg(not(any(loom, shuttle, traceset)))]
mod claims {
    use std::collections::BTreeSet;

    use crate::sync::Mutex;

    static CLAIMED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

    pub(super) fn add(address: usize) -> bool {
        CLAIMED.lock().insert(address)
    }

    pub(super) fn remove(address: usize) {
        CLAIMED.lock().remove(&address);
    }
}

#[cfg(any(loom, shuttle, traceset))]
mod claims {
    pub(super) fn add(_: usize) -> bool {
        true
    }

    pub(super) fn remove(_: usize) {}
}
