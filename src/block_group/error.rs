//! Why a group could not be created, why a writer was refused, and what is wrong with a group.

use std::fmt;

use crate::units::{BlockGroupId, Bytes, LogicalRange};

use super::figures::SpaceError;

/// The range of a group is not a whole number of allocation units.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// use blockgate::{AlignmentError, BlockGroup, BlockGroupId, LogicalRange};
///
/// let range = LogicalRange::new(0, 10_000)?;
/// let error = BlockGroup::new(BlockGroupId(0), range, 4096).unwrap_err();
/// assert_eq!(error, AlignmentError { range, alignment: 4096 });
/// // Use what is a whole number of units.
/// let whole = LogicalRange::new(0, range.len() / error.alignment * error.alignment)?;
/// assert!(BlockGroup::new(BlockGroupId(0), whole, 4096).is_ok());
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlignmentError {
    /// The range asked for.
    pub range: LogicalRange,
    /// The unit asked for, in bytes.
    pub alignment: u64,
}

impl fmt::Display for AlignmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { range, alignment } = self;
        write!(
            f,
            "block group {range} is not a whole number of {alignment}-byte units: align its start and length"
        )
    }
}

impl std::error::Error for AlignmentError {}

/// The group is read-only: a drain or a scrub is at work there. The writer did nothing wrong.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::ReadOnlyError;
///
/// let read_only = group.set_read_only();
/// let error: ReadOnlyError = group.begin_nocow().unwrap_err();
/// assert_eq!(error.group, BlockGroupId(0)); // write to a new extent in another group
/// # drop(read_only);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnlyError {
    /// The group.
    pub group: BlockGroupId,
}

impl fmt::Display for ReadOnlyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is read-only: write to another group, or later", self.group)
    }
}

impl std::error::Error for ReadOnlyError {}

/// Why [`SharedBlockGroup::reserve`](super::SharedBlockGroup::reserve) gave nothing.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// use blockgate::{BlockGroup, BlockGroupId, LogicalRange, Reservation, ReserveError};
///
/// /// In the first group that has room: one that is read-only or full is passed over.
/// fn reserve(groups: &[BlockGroup], length: u64) -> Result<Reservation<'_>, ReserveError> {
///     let mut last = None;
///     for group in groups {
///         match group.reserve(length) {
///             Err(error @ (ReserveError::ReadOnly(_) | ReserveError::NoSpace { .. })) => last = Some(error),
///             outcome => return outcome, // a wrong length is wrong everywhere
///         }
///     }
///     Err(last.expect("there is a group"))
/// }
///
/// let groups = [
///     BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?,
///     BlockGroup::new(BlockGroupId(1), LogicalRange::new(1 << 20, 1 << 20)?, 4096)?,
/// ];
/// let read_only = groups[0].set_read_only();
/// assert_eq!(reserve(&groups, 4096)?.extent().start(), 1 << 20);
/// assert!(matches!(reserve(&groups, 1), Err(ReserveError::Length { alignment: 4096, .. })));
/// assert!(matches!(reserve(&groups, 2 << 20), Err(ReserveError::NoSpace { largest: 0x10_0000, .. })));
/// # drop(read_only);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReserveError {
    /// The group is read-only.
    ReadOnly(ReadOnlyError),
    /// No free range is long enough.
    NoSpace {
        /// The group.
        group: BlockGroupId,
        /// The length asked for, in bytes.
        length: u64,
        /// The longest free range, in bytes.
        largest: u64,
    },
    /// The length is zero, or not a multiple of the alignment.
    Length {
        /// The length asked for, in bytes.
        length: u64,
        /// The unit of allocation, in bytes.
        alignment: u64,
    },
}

impl From<ReadOnlyError> for ReserveError {
    fn from(error: ReadOnlyError) -> Self {
        Self::ReadOnly(error)
    }
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly(error) => error.fmt(f),
            Self::NoSpace { group, length, largest } => write!(
                f,
                "no space in {group}: {} bytes asked for, the longest free range has {}",
                Bytes(*length),
                Bytes(*largest)
            ),
            Self::Length { length, alignment } => {
                write!(f, "{length} bytes cannot be reserved: ask for a positive multiple of {alignment}")
            }
        }
    }
}

impl std::error::Error for ReserveError {}

/// What [`BlockGroup::check`](super::BlockGroup::check) found.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// use blockgate::block_group::GroupDefect;
/// use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
///
/// let mut group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// std::mem::forget(group.set_read_only());
/// match group.check() {
///     Err(GroupDefect::ReadOnly(group, levels)) => {
///         assert_eq!((group, levels), (BlockGroupId(0), 1)); // a token was leaked
///     }
///     outcome => unreachable!("{outcome:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupDefect {
    /// This many reservations were leaked.
    Reservations(BlockGroupId, u64),
    /// This many admissions of NOCOW writers were leaked.
    NocowAdmissions(BlockGroupId, u64),
    /// This many levels of read-only were leaked.
    ReadOnly(BlockGroupId, u64),
    /// The figures do not add up.
    Space(SpaceError),
}

impl fmt::Display for GroupDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reservations(group, n) => write!(f, "{group}: {n} reservations were leaked"),
            Self::NocowAdmissions(group, n) => write!(f, "{group}: {n} NOCOW writers were leaked"),
            Self::ReadOnly(group, n) => write!(f, "{group}: still read-only, by {n} levels that were leaked"),
            Self::Space(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GroupDefect {}
