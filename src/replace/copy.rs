//! The copy of a group's extents from the source to the target.
//!
//! The hard part is before it: no write of the group is in flight, and all of its extents are in the commit
//! root, so this is plain sequential code.
//!
//! # Rejected
//!
//! - *Copying the whole group*, free space and all: then no extent could be missed, and no commit root would
//!   be needed; but the time is that of the device's size, and the group is frozen for all of it.
//! - *Reading ahead on a second thread*: the copy is slowed by the devices, and an embedder can put a queue
//!   into its `Device`.

use std::fmt;
use std::io;

use crate::device::Device;
use crate::event::{Event, emit};
use crate::sync::{Arc, Flag};
use crate::units::{Bytes, LogicalAddress, LogicalRange};

/// The most bytes that are read and written at once.
const BUFFER: u64 = 1 << 20;

/// How much was copied.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::replace::CopyFigures;
/// use blockgate::{CancelToken, Cursor, DelayedRef, Frozen, MemoryDevice, OrderedExtents, Transactions};
///
/// # let (in_flight, transactions) = (OrderedExtents::default(), Transactions::default());
/// # let (source, target) = (MemoryDevice::new(1 << 20), MemoryDevice::new(1 << 20));
/// # let (mut cursor, _) = Cursor::new();
/// for length in [4096, 8192] {
///     transactions.join()?.push(DelayedRef::add(group.reserve(length)?.hand_over()));
/// }
/// let committed = Frozen::freeze(&group).wait_writers().wait_ordered(&in_flight).commit(&transactions)?;
/// let copied = committed.copy(&source, &target, &CancelToken::default())?;
/// let summary = copied.advance(&mut cursor).set_read_write();
/// assert_eq!(summary.copied, CopyFigures { extents: 2, bytes: 12288 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyFigures {
    /// Extents of the commit root.
    pub extents: u64,
    /// Their bytes, inside the group.
    pub bytes: u64,
}

/// Copies `extents`, as far as they lie in `range`, and flushes the target. Extents that adjoin are read
/// and written together.
pub(super) fn copy_extents(
    source: &dyn Device,
    target: &dyn Device,
    range: LogicalRange,
    extents: impl Iterator<Item = LogicalRange>,
    cancel: &CancelToken,
) -> Result<CopyFigures, CopyError> {
    let mut figures = CopyFigures::default();
    let mut buffer = Vec::new();
    let mut copy = |run| copy_run(source, target, run, &mut buffer, cancel);
    let mut run: Option<LogicalRange> = None;
    for extent in extents.filter_map(|extent| extent.intersection(&range)) {
        figures.extents += 1;
        figures.bytes += extent.len();
        run = match run {
            // They adjoin: one read and one write for both.
            Some(run) if run.end() == extent.start() => {
                Some(LogicalRange::between(run.start(), extent.end()))
            }
            Some(run) => {
                copy(run)?;
                Some(extent)
            }
            None => Some(extent),
        };
    }
    run.map_or(Ok(()), copy)?;
    // A copy that is cancelled is not worth a flush.
    cancel.check()?;
    target.flush().map_err(|error| CopyError::device(Side::Target, range.start(), error))?;
    Ok(figures)
}

fn copy_run(
    source: &dyn Device,
    target: &dyn Device,
    run: LogicalRange,
    buffer: &mut Vec<u8>,
    cancel: &CancelToken,
) -> Result<(), CopyError> {
    emit(|| Event::Copy { extent: run });
    let mut at = run.start();
    while at < run.end() {
        cancel.check()?;
        let length = BUFFER.min(run.end() - at);
        #[expect(clippy::cast_possible_truncation, reason = "at most the buffer's length")]
        buffer.resize(length as usize, 0);
        source.read_at(at, buffer).map_err(|error| CopyError::device(Side::Source, at, error))?;
        target.write_at(at, buffer).map_err(|error| CopyError::device(Side::Target, at, error))?;
        at += length;
    }
    Ok(())
}

/// Asks a replace to stop. Cloning it makes another handle of the same request.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// It is looked at between the steps of the drain and between two reads of the copy. A wait is not cut
/// short: it ends when the writers it waits for do.
///
/// ```
/// use std::sync::Arc;
///
/// use blockgate::{CopyError, LogicalRange, MemoryDevice, Policy, ReplaceError, Volume};
///
/// let device = || Arc::new(MemoryDevice::new(1 << 20));
/// let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// let mut replace = volume.start_replace(device(), Policy::CopyThenClone)?;
/// let cancel = replace.cancel_token();
/// std::thread::spawn(move || cancel.cancel()).join().unwrap(); // somebody has second thoughts
/// assert!(matches!(replace.run(), Err(ReplaceError::Copy(CopyError::Cancelled))));
/// drop(replace); // the volume stays on its device, and writers never noticed
/// assert!(volume.write(&[1; 4096]).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    requested: Arc<Flag>,
}

impl CancelToken {
    /// Asks. It cannot be taken back. Does not block, and does not wait until the replace has stopped.
    ///
    /// ```
    /// use blockgate::CancelToken;
    ///
    /// let cancel = CancelToken::default();
    /// let request = cancel.clone(); // for another thread
    /// request.cancel();
    /// assert!(cancel.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.requested.raise();
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.requested.is_raised()
    }

    pub(crate) fn check(&self) -> Result<(), CopyError> {
        if self.is_cancelled() { Err(CopyError::Cancelled) } else { Ok(()) }
    }
}

/// Which of the two devices.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use blockgate::CopyError;
/// use blockgate::replace::Side;
///
/// /// Which device is to be looked at, after a copy failed.
/// fn suspect(error: &CopyError) -> Option<&'static str> {
///     match error {
///         CopyError::Device { side: Side::Source, .. } => Some("/dev/old"),
///         CopyError::Device { side: Side::Target, .. } => Some("/dev/new"),
///         _ => None,
///     }
/// }
/// let error = std::io::Error::other("worn out");
/// assert_eq!(suspect(&CopyError::Device { side: Side::Target, address: 0, error }), Some("/dev/new"));
/// assert_eq!(suspect(&CopyError::Cancelled), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that is replaced.
    Source,
    /// The one that replaces it.
    Target,
}

/// Why a group was not copied. It is read-write again, and the cursor where it was.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use std::sync::Arc;
///
/// use blockgate::replace::Side;
/// use blockgate::{CopyError, Device, LogicalRange, MemoryDevice, Policy, ReplaceError, Volume};
///
/// /// A device whose writes fail.
/// struct WornOut;
///
/// impl Device for WornOut {
///     fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
///         Err(std::io::Error::other("worn out"))
///     }
///
///     fn write_at(&self, _: u64, _: &[u8]) -> std::io::Result<()> {
///         Err(std::io::Error::other("worn out"))
///     }
///
///     fn flush(&self) -> std::io::Result<()> {
///         Ok(())
///     }
///
///     fn length(&self) -> std::io::Result<u64> {
///         Ok(1 << 20)
///     }
/// }
///
/// let source = Arc::new(MemoryDevice::new(1 << 20));
/// let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(source)?;
/// volume.write(&[7; 4096])?;
///
/// let mut replace = volume.start_replace(Arc::new(WornOut), Policy::CopyThenClone)?;
/// let error = replace.run().unwrap_err();
/// assert!(matches!(error, ReplaceError::Copy(CopyError::Device { side: Side::Target, address: 0, .. })));
/// drop(replace); // given up: nothing was lost,
/// let another = Arc::new(MemoryDevice::new(1 << 20));
/// volume.start_replace(another, Policy::CopyThenClone)?.run()?; // and another device will do
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CopyError {
    /// A device failed.
    Device {
        /// Which.
        side: Side,
        /// Where.
        address: LogicalAddress,
        /// What it said.
        error: io::Error,
    },
    /// The replace was asked to stop.
    Cancelled,
}

impl CopyError {
    fn device(side: Side, address: LogicalAddress, error: io::Error) -> Self {
        Self::Device { side, address, error }
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { side: Side::Source, address, .. } => {
                write!(f, "the source cannot be read at {}", Bytes(*address))
            }
            Self::Device { side: Side::Target, address, .. } => {
                write!(f, "the target cannot be written at {}: replace by another device", Bytes(*address))
            }
            Self::Cancelled => f.write_str("the replace was cancelled"),
        }
    }
}

impl std::error::Error for CopyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Device { error, .. } => Some(error),
            Self::Cancelled => None,
        }
    }
}
