//! How many bytes of a group are what, and what is wrong when they do not add up.
//!
//! Rejected: *remembering which extents are reserved, used or pinned*, so that giving back another's extent is
//! always noticed. Every allocation would then insert into a map that a release takes it out of; the extent
//! tree has the used ones anyway, and the owner the others. A count finds the mistakes that change a sum, and
//! the rest is prevented since only the owner may book (see the module above).

use std::fmt;
use std::ops::Add;

use crate::units::{Bytes, LogicalRange};

/// The bytes of a group by what they are used for. They add up to the group's length.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// use blockgate::{BlockGroup, BlockGroupId, Figures, LogicalRange};
///
/// let groups = [
///     BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?,
///     BlockGroup::new(BlockGroupId(1), LogicalRange::new(1 << 20, 1 << 20)?, 4096)?,
/// ];
/// let reservation = groups[0].reserve(8192)?;
/// let all = groups.iter().fold(Figures::default(), |sum, group| sum + group.figures());
/// assert_eq!((all.reserved, all.free), (8192, (2 << 20) - 8192));
/// # drop(reservation);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Can be allocated (while the group is read-write).
    pub free: u64,
    /// Allocated, with an extent item still to come.
    pub reserved: u64,
    /// Extents of the extent tree.
    pub used: u64,
    /// Extents that have left the tree, in a transaction whose commit is not complete: a crash would
    /// bring them back.
    pub pinned: u64,
    /// Free bytes of a group that is read-only: no writer can allocate them.
    pub read_only: u64,
}

impl Figures {
    /// All bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.free + self.reserved + self.used + self.pinned + self.read_only
    }

    pub(super) fn of(&self, kind: SpaceKind) -> u64 {
        match kind {
            SpaceKind::Free => self.free,
            SpaceKind::Reserved => self.reserved,
            SpaceKind::Used => self.used,
            SpaceKind::Pinned => self.pinned,
        }
    }
}

impl Add for Figures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            free: self.free + other.free,
            reserved: self.reserved + other.reserved,
            used: self.used + other.used,
            pinned: self.pinned + other.pinned,
            read_only: self.read_only + other.read_only,
        }
    }
}

/// What a byte of a group is used for.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::SpaceError;
/// use blockgate::block_group::SpaceKind;
///
/// let extent = group.reserve(4096)?.hand_over(); // reserved, and not used
/// match group.book_removed(extent) {
///     Err(SpaceError::NotBooked { kind, have, .. }) => assert_eq!((kind, have), (SpaceKind::Used, 0)),
///     outcome => unreachable!("{outcome:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceKind {
    /// See [`Figures::free`].
    Free,
    /// See [`Figures::reserved`].
    Reserved,
    /// See [`Figures::used`].
    Used,
    /// See [`Figures::pinned`].
    Pinned,
}

/// A booking that does not fit what is booked: space was given back twice, or by someone else than its owner.
///
/// Part of the proof: [block groups](crate::proof::block_group).
///
/// Free bytes are known by address; reserved, used and pinned ones only by count, to keep allocation cheap.
/// So giving back free space is always noticed, and giving back another owner's extent only when there are
/// fewer bytes of that kind than are given back.
///
/// ```
/// # use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
/// # let group = BlockGroup::new(BlockGroupId(0), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// use blockgate::SpaceError;
///
/// /// Gives space back after a failed write. What is not in the group is the caller's mistake, and harmless.
/// fn give_back(group: &BlockGroup, extent: LogicalRange) -> Result<bool, SpaceError> {
///     match group.release(extent) {
///         Ok(()) => Ok(true),
///         Err(SpaceError::Outside { .. }) => Ok(false), // of another group
///         Err(defect) => Err(defect),
///     }
/// }
/// let extent = group.reserve(4096)?.hand_over();
/// assert_eq!(give_back(&group, LogicalRange::new(1 << 20, 4096)?), Ok(false));
/// assert_eq!(give_back(&group, extent), Ok(true));
/// assert!(matches!(give_back(&group, extent), Err(SpaceError::NotBooked { .. }))); // twice
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpaceError {
    /// The extent is not in the group.
    Outside {
        /// The extent.
        extent: LogicalRange,
        /// The range of the group.
        group: LogicalRange,
    },
    /// The extent is not a whole number of allocation units.
    Unaligned {
        /// The extent.
        extent: LogicalRange,
        /// The unit of allocation, in bytes.
        alignment: u64,
    },
    /// Bytes of an extent that was to be booked as there already are not free: it overlaps another one.
    NotFree {
        /// The extent.
        extent: LogicalRange,
    },
    /// There are fewer bytes of that kind there, or they are free already.
    NotBooked {
        /// The extent, as far as it lies in one slice of the group.
        extent: LogicalRange,
        /// What its bytes should have been.
        kind: SpaceKind,
        /// How many bytes of that kind there are.
        have: u64,
    },
    /// The figures of a slice do not add up: a defect of this crate.
    Inconsistent {
        /// The slice.
        slice: LogicalRange,
        /// Its figures.
        figures: Figures,
        /// How many bytes its free ranges have.
        free: u64,
    },
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside { extent, group } => {
                write!(
                    f,
                    "extent {extent} is not in the block group {group}: give it to the group that contains it"
                )
            }
            Self::Unaligned { extent, alignment } => {
                write!(
                    f,
                    "extent {extent} is not a whole number of {alignment}-byte units: name whole extents"
                )
            }
            Self::NotFree { extent } => {
                write!(
                    f,
                    "bytes of extent {extent} are not free: it overlaps another one, book each byte once"
                )
            }
            Self::NotBooked { extent, kind, have } => write!(
                f,
                "extent {extent} should be {kind:?}, but {} bytes are: space is given back once, by its owner",
                Bytes(*have)
            ),
            Self::Inconsistent { slice, figures, free } => {
                write!(
                    f,
                    "the figures of {slice} do not add up: {figures:?}, with {free} bytes in free ranges"
                )
            }
        }
    }
}

impl std::error::Error for SpaceError {}
