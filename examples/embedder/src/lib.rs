//! A tiny engine over blockgate's types: a log that can be frozen while it is appended to.
//!
//! There is nothing of loom in this file. Built with `--cfg loom`, blockgate's types are loom's, and so
//! are those of `blockgate::sync`: `tests/log.rs` explores every interleaving of what is written here.

use blockgate::sync::Mutex;
use blockgate::{Closed, EnterError, Gate, LogicalRange, OrderedExtents, RangeError, Shards};

/// A log of numbered records.
pub struct Log {
    appends: Gate,
    in_flight: OrderedExtents,
    records: Box<[Mutex<u64>]>,
}

/// Why a record was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// The log is frozen: append later.
    Frozen,
    /// There is no such record.
    OutOfRange,
}

impl From<EnterError> for AppendError {
    fn from(_: EnterError) -> Self {
        Self::Frozen
    }
}

impl From<RangeError> for AppendError {
    fn from(_: RangeError) -> Self {
        Self::OutOfRange
    }
}

impl Log {
    /// A log with room for `length` records, all of them zero.
    #[must_use]
    pub fn new(length: usize, shards: Shards) -> Self {
        Self {
            appends: Gate::new(shards),
            in_flight: OrderedExtents::new(shards),
            records: (0..length).map(|_| Mutex::new(0)).collect(),
        }
    }

    /// Writes `value` to record `number`.
    ///
    /// # Errors
    /// [`AppendError::Frozen`]: nothing was written.
    pub fn append(&self, number: usize, value: u64) -> Result<(), AppendError> {
        let record = self.records.get(number).ok_or(AppendError::OutOfRange)?;
        let admitted = self.appends.enter()?;
        // The next token first, then the last one goes.
        let write = self.in_flight.add(LogicalRange::new(number as u64, 1)?);
        drop(admitted);
        *record.lock() = value;
        write.finish();
        Ok(())
    }

    /// Admits no more appends. Those admitted before are still at work.
    pub fn stop(&self) -> Closed<'_> {
        self.appends.close()
    }

    /// Admits no more appends, and waits for those admitted before: no record changes until what is
    /// returned is dropped.
    ///
    /// # Errors
    /// [`RangeError`] for a log without records.
    pub fn freeze(&self) -> Result<Closed<'_>, RangeError> {
        let all = LogicalRange::new(0, self.records.len() as u64)?;
        let closed = self.stop();
        closed.wait_empty();
        let _ = self.in_flight.wait_range(all);
        Ok(closed)
    }

    /// The records, one after the other.
    #[must_use]
    pub fn read(&self) -> Vec<u64> {
        self.records.iter().map(|record| *record.lock()).collect()
    }
}
