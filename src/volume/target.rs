//! The device that replaces: where writers find it, what it may lack, and which calls of it are at work.
//!
//! The hard part: a call of this device may fail, hang or panic, and that must be the replace's business alone. A writer
//! whose clone fails is safe on the source, and goes on. What may differ is remembered by range, with the reason,
//! and is copied again. A call that hangs holds the thread that made it; and a thread that gives the device up is not to
//! find it in use afterwards. So calls are counted, by a [`Gate`].
//!
//! # Invariants
//!
//! - V9: bytes behind the cursor that may differ on the two devices are in doubt from before their write's ordered
//!   extent ends, until they were copied again.
//! - V10: when the target was handed back, no writer is calling it, and none will.
//!
//! Checked by `loom-tests/src/models/target.rs`,
//! argued in [`docs/protocol.md`](crate::proof::protocol).
//!
//! # Rejected
//!
//! - *One failure that fails the target for good*. A write that fails on the source says nothing of the target, and one
//!   that fails on the target says nothing of other bytes. (A flush that fails does: nobody can say of what.)
//! - *A flush of the target by each commit*. A target that hangs would then hold every commit; and until the source
//!   is retired, it is the source that has what was committed.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::device::Device;
use crate::gate::Gate;
use crate::replace::{CopyError, Side};
use crate::sharded::{Sharded, Shards};
use crate::sync::{Arc, Claim, Mutex};
use crate::units::{LogicalAddress, LogicalRange};

use super::error::{ReplaceError, WhyInDoubt};

pub(super) struct Target {
    device: Arc<dyn Device>,
    calls: Gate,
    /// By range, so that a target which fails every write of one extent is remembered once.
    in_doubt: Mutex<BTreeMap<LogicalRange, WhyInDoubt>>,
    /// The first flush that failed: what was written may be lost, and no later flush would say so.
    failure: Mutex<Option<Arc<io::Error>>>,
    /// Until it is handed back. (A writer that has left the target may hold the last share of this for a moment.)
    claim: Mutex<Option<Claim>>,
}

impl Target {
    /// Claims `device`, which must have `needed` bytes and not be `source`.
    pub(super) fn new(
        device: Arc<dyn Device>,
        source: &Arc<dyn Device>,
        needed: u64,
        shards: Shards,
    ) -> Result<Arc<Self>, ReplaceError> {
        if address_of(&device) == address_of(source) {
            return Err(ReplaceError::SameDevice);
        }
        check_length(&*device, needed)?;
        let claim = Claim::of(address_of(&device)).ok_or(ReplaceError::TargetInUse)?;
        let (calls, in_doubt, failure) = (Gate::new(shards), Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { device, calls, in_doubt, failure, claim: Mutex::new(Some(claim)) }))
    }

    pub(super) fn device(&self) -> &Arc<dyn Device> {
        &self.device
    }

    pub(super) fn check_length(&self, needed: u64) -> Result<(), ReplaceError> {
        check_length(&*self.device, needed)
    }

    /// Writes what the source has too. A failure is the replace's: the writer does not learn of it.
    pub(super) fn clone_write(&self, extent: LogicalRange, data: &[u8]) {
        // Given up meanwhile: the device is another's, and the bytes are on the source.
        let Ok(_inside) = self.calls.enter() else { return };
        let doubt = self.doubt(extent, WhyInDoubt::GivenUp);
        match self.device.write_at(extent.start(), data) {
            Ok(()) => doubt.settle(),
            Err(error) => doubt.because(&WhyInDoubt::TargetFailed(Arc::new(error))),
        }
    }

    /// `extent` is in doubt, unless what is returned is settled.
    pub(super) fn doubt(&self, extent: LogicalRange, why: WhyInDoubt) -> Doubt<'_> {
        Doubt { target: self, doubts: BTreeMap::from([(extent, why)]) }
    }

    /// What is in doubt of `range`, out of the list, until the copy has settled it.
    ///
    /// To be called when the range is frozen and its ordered extents are over: nothing is added until it thaws.
    pub(super) fn take_doubts(&self, range: LogicalRange) -> Doubt<'_> {
        let mut in_doubt = self.in_doubt.lock();
        let (taken, left) =
            mem::take(&mut *in_doubt).into_iter().partition(|(extent, _)| extent.overlaps(&range));
        *in_doubt = left;
        Doubt { target: self, doubts: taken }
    }

    pub(super) fn first_doubt(&self) -> Option<LogicalAddress> {
        self.in_doubt.lock().keys().next().map(LogicalRange::start)
    }

    /// Nothing is in doubt, and no flush has failed.
    pub(super) fn check(&self) -> Result<(), ReplaceError> {
        self.check_flushes()?;
        let first = self.in_doubt.lock().iter().next().map(|(extent, why)| (*extent, why.clone()));
        first.map_or(Ok(()), |(extent, why)| Err(ReplaceError::InDoubt { extent, why }))
    }

    pub(super) fn check_flushes(&self) -> Result<(), CopyError> {
        let failure = self.failure.lock().clone();
        failure.map_or(Ok(()), |error| Err(flush_failed(&error)))
    }

    /// Blocks until the last call has ended that a writer has made; there will be no other. The device may be another
    /// replace's target from here on.
    pub(super) fn hand_back(&self) -> Arc<dyn Device> {
        let closed = self.calls.close();
        closed.wait_empty();
        closed.seal();
        let claim = self.claim.lock().take();
        drop(claim);
        Arc::clone(&self.device)
    }
}

fn address_of(device: &Arc<dyn Device>) -> usize {
    Arc::as_ptr(device).cast::<()>().addr()
}

fn check_length(device: &dyn Device, needed: u64) -> Result<(), ReplaceError> {
    let length = device.length().map_err(ReplaceError::Target)?;
    if length < needed { Err(ReplaceError::TargetTooSmall { length, needed }) } else { Ok(()) }
}

/// The same error again: its text is made when it is shown, and not under a lock.
fn flush_failed(error: &Arc<io::Error>) -> CopyError {
    let error = io::Error::new(error.kind(), Arc::clone(error));
    CopyError::Device { side: Side::Target, address: 0, error }
}

/// What the copy sees of it: a flush that failed, or panicked, is remembered.
impl Device for Target {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.device.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.device.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        let (error, panic) = match catch_unwind(AssertUnwindSafe(|| self.device.flush())) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => (error, None),
            Err(panic) => (io::Error::other("the device panicked"), Some(panic)),
        };
        let error = Arc::new(error);
        self.failure.lock().get_or_insert_with(|| Arc::clone(&error));
        panic.map_or(Err(io::Error::new(error.kind(), error)), |panic| resume_unwind(panic))
    }

    fn length(&self) -> io::Result<u64> {
        self.device.length()
    }
}

/// Bytes that are in doubt if this is dropped, also by unwinding, and not settled.
#[must_use = "dropping this puts the bytes in doubt"]
pub(super) struct Doubt<'target> {
    target: &'target Target,
    doubts: BTreeMap<LogicalRange, WhyInDoubt>,
}

impl Doubt<'_> {
    /// The bytes are the same on both devices.
    pub(super) fn settle(mut self) {
        self.doubts.clear();
    }

    /// They may differ, and this is why.
    fn because(mut self, why: &WhyInDoubt) {
        self.doubts.values_mut().for_each(|because| *because = why.clone());
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.doubts.is_empty() {
            self.target.in_doubt.lock().append(&mut self.doubts);
        }
    }
}

/// Where writers find the target: one slot a shard, so that threads that write to both devices do not contend.
pub(super) struct TargetSlots(Sharded<Mutex<Option<Arc<Target>>>>);

impl TargetSlots {
    pub(super) fn new(shards: Shards) -> Self {
        Self(Sharded::new(shards, |_| Mutex::new(None)))
    }

    pub(super) fn get(&self) -> Option<Arc<Target>> {
        self.0.own().lock().clone()
    }

    pub(super) fn set(&self, target: Option<&Arc<Target>>) {
        for slot in self.0.iter() {
            *slot.lock() = target.cloned();
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle, traceset))))]
mod tests {
    use super::*;
    use crate::device::MemoryDevice;

    /// Of a replace of a device of its own.
    fn target_on(device: &Arc<dyn Device>) -> Result<Arc<Target>, ReplaceError> {
        let source: Arc<dyn Device> = Arc::new(MemoryDevice::new(8));
        Target::new(Arc::clone(device), &source, 4, Shards::new(1))
    }

    fn device() -> Arc<dyn Device> {
        Arc::new(MemoryDevice::new(4))
    }

    /// A writer has left the target, and has not let go of it yet.
    #[test]
    fn what_was_handed_back_can_be_a_target_at_once() {
        let device = device();
        let target = target_on(&device).expect("fits");
        let of_a_writer = Arc::clone(&target);
        target.hand_back();
        drop(target);
        assert!(target_on(&device).is_ok(), "still in use");
        drop(of_a_writer);
    }

    #[test]
    fn twin_what_was_not_handed_back_is_in_use_while_a_writer_has_it() {
        let device = device();
        let target = target_on(&device).expect("fits");
        let of_a_writer = Arc::clone(&target);
        drop(target);
        assert!(matches!(target_on(&device), Err(ReplaceError::TargetInUse)));
        drop(of_a_writer);
        assert!(target_on(&device).is_ok());
    }

    #[test]
    fn bytes_that_are_doubted_again_are_remembered_once() {
        let target = target_on(&device()).expect("fits");
        let beyond = LogicalRange::new(4, 1).expect("a range");
        (0..1000).for_each(|_| target.clone_write(beyond, &[1]));
        assert_eq!(target.in_doubt.lock().len(), 1);
        target.take_doubts(beyond).settle();
        assert!(target.check().is_ok());
    }
}
