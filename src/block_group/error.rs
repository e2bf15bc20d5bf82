//! Why a group could not be created, why a writer was refused, and what is wrong with a group.

use std::fmt;

use crate::units::{BlockGroupId, Bytes, LogicalRange};

use super::figures::SpaceError;

/// The range of a group is not a whole number of allocation units.
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
