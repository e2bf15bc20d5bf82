//! What can go wrong with a volume, and what to do then.
//!
//! A cause of another type is in `source()` and not in the text. What only wraps an error of this crate shows
//! that error's text and source as its own.

use std::fmt;
use std::io;

use crate::block_group::{AlignmentError, GroupDefect, ReadOnlyError, Refusal, ReserveError};
use crate::extent_tree::{RefError, RootError};
use crate::replace::CopyError;
use crate::sync::Arc;
use crate::transaction::CommitError;
use crate::units::{BlockGroupId, Bytes, LogicalRange};

/// Why [`VolumeBuilder::build`](super::VolumeBuilder::build) failed.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use std::sync::Arc;
///
/// use blockgate::{BuildError, LogicalRange, MemoryDevice, Volume};
///
/// let ranges = [LogicalRange::new(0, 1 << 20)?, LogicalRange::new(4096, 1 << 20)?]; // from a config file
/// let builder = ranges.into_iter().fold(Volume::builder(4096), |builder, range| builder.group(range));
/// match builder.build(Arc::new(MemoryDevice::new(2 << 20))) {
///     Err(BuildError::Overlap { one, other }) => assert_eq!([one, other], ranges), // line 1 and line 2
///     outcome => unreachable!("{outcome:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// No group was added.
    NoGroups,
    /// Two groups have addresses in common.
    Overlap {
        /// One.
        one: LogicalRange,
        /// The other.
        other: LogicalRange,
    },
    /// A group is not a whole number of allocation units.
    Alignment(AlignmentError),
    /// The device ends before the last group does.
    DeviceTooSmall {
        /// The device's length, in bytes.
        length: u64,
        /// The end of the last group.
        needed: u64,
    },
    /// The device does not report its length.
    Device(io::Error),
    /// The extents cannot be those of a root: two overlap, one has no reference, or the number is too high.
    Root(RootError),
    /// An extent has no address in any group.
    ExtentOutside {
        /// The extent.
        extent: LogicalRange,
    },
    /// An extent is in a group, and reaches beyond it.
    ExtentAcross {
        /// The extent.
        extent: LogicalRange,
        /// The first group that it is in.
        group: LogicalRange,
    },
    /// An extent is not a whole number of allocation units.
    ExtentUnaligned {
        /// The extent.
        extent: LogicalRange,
        /// The unit of allocation, in bytes.
        alignment: u64,
    },
}

impl From<RootError> for BuildError {
    fn from(error: RootError) -> Self {
        Self::Root(error)
    }
}

impl From<AlignmentError> for BuildError {
    fn from(error: AlignmentError) -> Self {
        Self::Alignment(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGroups => f.write_str("a volume needs a block group: add one with VolumeBuilder::group"),
            Self::Overlap { one, other } => write!(f, "block groups {one} and {other} overlap"),
            Self::Alignment(error) => error.fmt(f),
            Self::DeviceTooSmall { length, needed } => {
                write!(f, "the device has {length} bytes, the block groups need {needed}")
            }
            Self::Device(_) => {
                f.write_str("the device does not report its length: check that it can be read")
            }
            Self::Root(error) => error.fmt(f),
            Self::ExtentOutside { extent } => {
                write!(f, "extent {extent} is in no block group: add the one that it was written in")
            }
            Self::ExtentAcross { extent, group } => write!(
                f,
                "extent {extent} reaches beyond block group {group}: give the groups that it was written with"
            ),
            Self::ExtentUnaligned { extent, alignment } => write!(
                f,
                "extent {extent} is not a whole number of {alignment}-byte units: give the unit that it was written with"
            ),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            Self::Alignment(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a write was not done.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// use blockgate::WriteError;
///
/// /// Writes, and says what the caller is to do where that is not possible.
/// fn write(volume: &Volume, data: &[u8]) -> Result<LogicalRange, &'static str> {
///     volume.write(data).map_err(|error| match error {
///         WriteError::NoSpace { read_only: 1.., .. } => "try again: a group is read-only for now",
///         WriteError::NoSpace { .. } => "delete something",
///         WriteError::Device(_) => "replace the device",
///         WriteError::Commit(_) => "give up: a commit failed",
///         _ => "a defect of this program",
///     })
/// }
/// assert!(write(&volume, &[1; 4096]).is_ok());
/// assert_eq!(write(&volume, &[1; 1 << 20]), Err("delete something"));
/// let read_only = volume.groups()[0].block_group().set_read_only();
/// assert_eq!(write(&volume, &[1; 4096]), Err("try again: a group is read-only for now"));
/// # drop(read_only);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The length is zero, or not a multiple of the alignment.
    Length {
        /// The length asked for, in bytes.
        length: u64,
        /// The unit of allocation, in bytes.
        alignment: u64,
    },
    /// No group has a free range that is long enough.
    NoSpace {
        /// The length asked for, in bytes.
        length: u64,
        /// The longest free range of the groups that are read-write, in bytes.
        largest: u64,
        /// How many groups were not asked, since they are read-only.
        read_only: usize,
    },
    /// The group is read-only: no in-place write.
    ReadOnly(ReadOnlyError),
    /// No group contains the extent.
    Outside {
        /// The extent.
        extent: LogicalRange,
    },
    /// The extent is not one of the volume's, but reaches into one.
    NotAnExtent {
        /// The extent asked for.
        extent: LogicalRange,
        /// The first that it has an address in common with.
        found: LogicalRange,
    },
    /// The extent has no reference: it never had one, its write is not finished, or all were dropped.
    NoReference {
        /// The extent.
        extent: LogicalRange,
    },
    /// A part into which an extent is to be split is not a whole number of allocation units.
    Unaligned {
        /// The part.
        extent: LogicalRange,
        /// The unit of allocation, in bytes.
        alignment: u64,
    },
    /// The extent has several references: no in-place write.
    Shared {
        /// The extent.
        extent: LogicalRange,
    },
    /// The data does not fit into the extent.
    BeyondExtent {
        /// The extent.
        extent: LogicalRange,
        /// Where the data was to start, in bytes from the extent's start.
        offset: u64,
        /// The data's length, in bytes.
        length: u64,
    },
    /// The source failed.
    Device(io::Error),
    /// A commit failed: there are no more transactions.
    Commit(CommitError),
}

impl WriteError {
    /// What it means for a volume that its one group has refused.
    pub(super) fn refused(refusal: ReserveError, length: u64) -> Self {
        match refusal {
            ReserveError::ReadOnly(_) => Self::NoSpace { length, largest: 0, read_only: 1 },
            ReserveError::NoSpace { largest, .. } => Self::NoSpace { length, largest, read_only: 0 },
            ReserveError::Length { length, alignment } => Self::Length { length, alignment },
        }
    }

    /// Of each group.
    pub(super) fn no_space(Refusal { largest, read_only }: Refusal, length: u64) -> Self {
        Self::NoSpace { length, largest, read_only }
    }
}

impl From<ReadOnlyError> for WriteError {
    fn from(error: ReadOnlyError) -> Self {
        Self::ReadOnly(error)
    }
}

impl From<RefError> for WriteError {
    fn from(error: RefError) -> Self {
        match error {
            RefError::Overlaps { extent, other } => Self::NotAnExtent { extent, found: other },
            RefError::NoReference { extent } | RefError::Unbalanced { extent, .. } => {
                Self::NoReference { extent }
            }
        }
    }
}

impl From<CommitError> for WriteError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { length, alignment } => {
                write!(f, "{length} bytes cannot be written: ask for a positive multiple of {alignment}")
            }
            Self::NoSpace { length, largest, read_only } => {
                let (length, largest) = (Bytes(*length), Bytes(*largest));
                write!(f, "no space: {length} bytes asked for, the longest free range has {largest}")?;
                if *read_only > 0 {
                    write!(f, " ({read_only} block groups are read-only for now: try again later)")?;
                }
                Ok(())
            }
            Self::ReadOnly(error) => error.fmt(f),
            Self::Outside { extent } => write!(f, "extent {extent} is in no block group of this volume"),
            Self::NotAnExtent { extent, found } => {
                write!(f, "{extent} is not an extent of this volume, but {found} is: name it as a whole")
            }
            Self::NoReference { extent } => write!(
                f,
                "extent {extent} has no reference: finish its write first, and drop each reference once"
            ),
            Self::Unaligned { extent, alignment } => {
                write!(f, "{extent} is not a whole number of {alignment}-byte units: split at one of them")
            }
            Self::Shared { extent } => {
                write!(f, "extent {extent} has several references: use Volume::overwrite, which moves one")
            }
            Self::BeyondExtent { extent, offset, length } => {
                write!(f, "{length} bytes at offset {offset} end beyond the extent {extent}")
            }
            Self::Device(_) => f.write_str("the device failed: replace it"),
            Self::Commit(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            Self::Commit(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a device is not replaced.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// use blockgate::{CopyError, Policy, ReplaceError};
///
/// assert!(matches!(
///     volume.start_replace(Arc::new(MemoryDevice::new(4096)), Policy::default()),
///     Err(ReplaceError::TargetTooSmall { length: 4096, .. })
/// ));
/// let mut replace = volume.start_replace(device(), Policy::default())?;
/// assert!(matches!(volume.start_replace(device(), Policy::default()), Err(ReplaceError::Running)));
/// match replace.finish() {
///     Err(ReplaceError::Incomplete { passed, groups }) => assert_eq!((passed, groups), (0, 1)), // go on
///     Err(ReplaceError::Copy(CopyError::Device { .. })) => println!("take another device"),
///     outcome => outcome?,
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplaceError {
    /// Another replace is at work.
    Running,
    /// A replace has finished, and the old device was not retired.
    NotRetired,
    /// No replace has finished.
    NotFinished,
    /// The target is the source.
    SameDevice,
    /// Another replace of this process has the target.
    TargetInUse,
    /// These bytes may differ on the two devices, for this reason: the next [`DeviceReplace::run`](crate::DeviceReplace::run)
    /// copies them again.
    InDoubt {
        /// Which bytes.
        extent: LogicalRange,
        /// Why.
        why: WhyInDoubt,
    },
    /// The target ends before the last group does.
    TargetTooSmall {
        /// The target's length, in bytes.
        length: u64,
        /// The end of the last group.
        needed: u64,
    },
    /// The target does not report its length, or cannot be flushed.
    Target(io::Error),
    /// A group could not be copied.
    Copy(CopyError),
    /// A commit failed.
    Commit(CommitError),
    /// Not all groups are replaced.
    Incomplete {
        /// How many are.
        passed: usize,
        /// How many there are.
        groups: usize,
    },
}

/// Why bytes may differ on the two devices of a replace.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use blockgate::ReplaceError;
/// use blockgate::volume::WhyInDoubt;
///
/// /// Which device is to be looked at.
/// fn suspect(error: &ReplaceError) -> Option<&'static str> {
///     match error {
///         ReplaceError::InDoubt { why: WhyInDoubt::SourceFailed, .. } => Some("the old one"),
///         ReplaceError::InDoubt { why: WhyInDoubt::TargetFailed(_), .. } => Some("the new one"),
///         _ => None,
///     }
/// }
/// assert_eq!(suspect(&ReplaceError::Running), None);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WhyInDoubt {
    /// A write failed on the source, and was not sent to the target. The writer was told.
    SourceFailed,
    /// A write succeeded on the source, and failed on the target.
    TargetFailed(Arc<io::Error>),
    /// A write was dropped unfinished, or a device panicked.
    GivenUp,
}

impl fmt::Display for WhyInDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceFailed => "a write failed on the source",
            Self::TargetFailed(_) => "a write failed on the target",
            Self::GivenUp => "a write was given up halfway",
        })
    }
}

impl From<CopyError> for ReplaceError {
    fn from(error: CopyError) -> Self {
        Self::Copy(error)
    }
}

impl From<CommitError> for ReplaceError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl fmt::Display for ReplaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => {
                f.write_str("a replace is at work already: cancel it, or wait until it has finished")
            }
            Self::NotRetired => {
                f.write_str("a replace has finished: call Volume::retire_source before you start another")
            }
            Self::NotFinished => f.write_str("no replace has finished: call DeviceReplace::finish first"),
            Self::SameDevice => f.write_str("the target is the source: replace by another device"),
            Self::TargetInUse => {
                f.write_str("another replace has this target: give that one up, or replace by another device")
            }
            Self::InDoubt { extent, why } => {
                write!(
                    f,
                    "{extent} may differ on the two devices, since {why}: call DeviceReplace::run, which copies it again"
                )
            }
            Self::TargetTooSmall { length, needed } => {
                write!(f, "the target has {length} bytes, the block groups need {needed}")
            }
            Self::Target(_) => f.write_str("the target failed: replace by another device"),
            Self::Copy(error) => error.fmt(f),
            Self::Commit(error) => error.fmt(f),
            Self::Incomplete { passed, groups } => {
                write!(f, "{passed} of {groups} block groups are replaced: call DeviceReplace::run first")
            }
        }
    }
}

impl std::error::Error for ReplaceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Target(error) => Some(error),
            Self::InDoubt { why: WhyInDoubt::TargetFailed(error), .. } => Some(&**error),
            Self::Copy(error) => error.source(),
            Self::Commit(error) => error.source(),
            _ => None,
        }
    }
}

/// What [`Volume::check`](super::Volume::check) found.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// # use std::sync::Arc;
/// # use blockgate::{LogicalRange, MemoryDevice, Volume};
/// # let device = || Arc::new(MemoryDevice::new(1 << 20));
/// # let mut volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device())?;
/// use blockgate::VolumeDefect;
///
/// std::mem::forget(volume.begin_cow(4096)?); // a defect of the caller: no drain would end
/// match volume.check() {
///     Err(VolumeDefect::OrderedExtents(group, writes)) => assert_eq!((group.0, writes), (0, 1)),
///     outcome => unreachable!("{outcome:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeDefect {
    /// A defect of one group.
    Group(GroupDefect),
    /// This many transaction handles were leaked.
    Handles(u64),
    /// This many ordered extents of a group were leaked.
    OrderedExtents(BlockGroupId, usize),
    /// This many snapshots were leaked: what they keep is never free.
    Snapshots(usize),
    /// Bytes of a group are pinned, and no snapshot keeps them.
    Pinned {
        /// The group.
        group: BlockGroupId,
        /// How many bytes.
        pinned: u64,
    },
    /// The used bytes of a group are not those that the extent tree lists.
    Used {
        /// The group.
        group: BlockGroupId,
        /// Bytes booked as used.
        used: u64,
        /// Bytes of the group's extents in the commit root.
        listed: u64,
    },
    /// The reserved bytes of a group are not those that queued references will use or free: some have no owner,
    /// and are never free again.
    Reserved {
        /// The group.
        group: BlockGroupId,
        /// Bytes booked as reserved.
        reserved: u64,
        /// Bytes that queued references own.
        owned: u64,
    },
    /// Bytes of an extent that the commit root lists, or that is queued, are free: a writer may get them.
    Free {
        /// The group.
        group: BlockGroupId,
        /// The extent.
        extent: LogicalRange,
    },
    /// A queued reference does not fit the extent tree: the next commit will fail.
    References(RefError),
}

impl From<GroupDefect> for VolumeDefect {
    fn from(defect: GroupDefect) -> Self {
        Self::Group(defect)
    }
}

impl fmt::Display for VolumeDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(defect) => defect.fmt(f),
            Self::Handles(n) => write!(f, "{n} transaction handles were leaked"),
            Self::OrderedExtents(group, n) => write!(f, "{group}: {n} ordered extents were leaked"),
            Self::Snapshots(n) => write!(f, "{n} snapshots were leaked"),
            Self::Pinned { group, pinned } => {
                write!(f, "{group}: {pinned} bytes are pinned, and no snapshot keeps them")
            }
            Self::Used { group, used, listed } => {
                write!(f, "{group}: {used} bytes are booked as used, the extent tree lists {listed}")
            }
            Self::Reserved { group, reserved, owned } => {
                write!(f, "{group}: {reserved} bytes are reserved, queued references own {owned}")
            }
            Self::Free { group, extent } => {
                write!(f, "{group}: bytes of the extent {extent} are free, and a writer may get them")
            }
            Self::References(error) => write!(f, "the next commit will fail: {error}"),
        }
    }
}

impl std::error::Error for VolumeDefect {}
