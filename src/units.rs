//! Logical addresses, ranges of them, and the numbers that name things.
//!
//! A [`LogicalRange`] is never empty and never wraps, so no code above this file needs to check.

use std::fmt;

/// An address in the volume's logical space, in bytes.
///
/// ```
/// use blockgate::{LogicalAddress, LogicalRange};
///
/// const GROUP: u64 = 1 << 20;
/// fn group_of(address: LogicalAddress) -> u64 {
///     address / GROUP
/// }
/// assert_eq!(group_of(LogicalRange::new(3 * GROUP, 4096)?.start()), 3);
/// # Ok::<(), blockgate::RangeError>(())
/// ```
pub type LogicalAddress = u64;

/// A contiguous, non-empty range of logical addresses, in bytes: `[start, end)`.
///
/// An extent *is* such a range; so is the space of a block group.
///
/// ```
/// use blockgate::LogicalRange;
///
/// let group = LogicalRange::new(1 << 20, 1 << 20)?;
/// let extent = LogicalRange::new(group.end() - 4096, 8192)?; // its second half is beyond the group
/// assert!(group.overlaps(&extent) && !group.contains(&extent));
/// let inside = group.intersection(&extent).expect("they overlap");
/// assert_eq!((inside.len(), inside.end()), (4096, group.end()));
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogicalRange {
    start: LogicalAddress,
    length: u64,
}

impl LogicalRange {
    /// The range of `length` bytes from `start`.
    ///
    /// # Errors
    /// [`RangeError::Empty`] for a length of zero, [`RangeError::Overflow`] where the end is not a `u64`.
    ///
    /// ```
    /// use blockgate::{LogicalRange, RangeError};
    /// let extent = LogicalRange::new(64 << 10, 4 << 10)?;
    /// assert_eq!(extent.to_string(), "[64K, 68K)");
    /// assert_eq!(LogicalRange::new(4096, 0), Err(RangeError::Empty { start: 4096 }));
    /// assert!(LogicalRange::new(u64::MAX, 2).is_err());
    /// # Ok::<(), RangeError>(())
    /// ```
    pub const fn new(start: LogicalAddress, length: u64) -> Result<Self, RangeError> {
        if length == 0 {
            return Err(RangeError::Empty { start });
        }
        if start.checked_add(length).is_none() {
            return Err(RangeError::Overflow { start, length });
        }
        Ok(Self { start, length })
    }

    /// The range `[start, end)`, where the caller knows that `start < end`.
    pub(crate) fn between(start: LogicalAddress, end: LogicalAddress) -> Self {
        debug_assert!(start < end, "an empty range: [{start}, {end})");
        Self { start, length: end - start }
    }

    /// The first address.
    #[must_use]
    pub const fn start(&self) -> LogicalAddress {
        self.start
    }

    /// The length in bytes, never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// The first address behind the range.
    #[must_use]
    pub const fn end(&self) -> LogicalAddress {
        self.start + self.length
    }

    /// Whether the two have an address in common.
    ///
    /// ```
    /// # use blockgate::LogicalRange;
    /// let extent = LogicalRange::new(0, 4096)?;
    /// assert!(extent.overlaps(&LogicalRange::new(4095, 1)?));
    /// assert!(!extent.overlaps(&LogicalRange::new(4096, 1)?)); // they adjoin
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    /// Whether every address of `other` is in this range.
    ///
    /// ```
    /// # use blockgate::LogicalRange;
    /// let group = LogicalRange::new(0, 1 << 20)?;
    /// assert!(group.contains(&group));
    /// assert!(!group.contains(&LogicalRange::new(4096, 1 << 20)?));
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[must_use]
    pub const fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end() <= self.end()
    }

    /// What the two have in common.
    ///
    /// ```
    /// # use blockgate::LogicalRange;
    /// let (one, other) = (LogicalRange::new(0, 8192)?, LogicalRange::new(4096, 8192)?);
    /// assert_eq!(one.intersection(&other), Some(LogicalRange::new(4096, 4096)?));
    /// assert_eq!(one.intersection(&LogicalRange::new(8192, 1)?), None);
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        self.overlaps(other).then(|| Self::between(self.start.max(other.start), self.end().min(other.end())))
    }

    /// The first `length` bytes, and the others; nothing where one of the two would be empty.
    pub(crate) fn split_at(&self, length: u64) -> Option<(Self, Self)> {
        (0 < length && length < self.length).then(|| {
            let at = self.start + length;
            (Self::between(self.start, at), Self::between(at, self.end()))
        })
    }

    /// Whether start and length are multiples of `unit` bytes.
    ///
    /// No range is aligned to a unit of zero.
    ///
    /// ```
    /// # use blockgate::LogicalRange;
    /// let extent = LogicalRange::new(4096, 512)?;
    /// assert!(extent.is_aligned(512) && !extent.is_aligned(4096) && !extent.is_aligned(0));
    /// # Ok::<(), blockgate::RangeError>(())
    /// ```
    #[must_use]
    pub const fn is_aligned(&self, unit: u64) -> bool {
        self.start.is_multiple_of(unit) && self.length.is_multiple_of(unit)
    }
}

impl fmt::Display for LogicalRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", Bytes(self.start), Bytes(self.end()))
    }
}

/// A number of bytes, shown in the largest binary unit that divides it: `0`, `4K`, `3M`, `4097`.
///
/// ```
/// use blockgate::units::Bytes;
///
/// assert_eq!(format!("{} of {}", Bytes(12 << 10), Bytes(1 << 40)), "12K of 1T");
/// assert_eq!(Bytes(4097).to_string(), "4097");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut n, mut unit) = (self.0, 0);
        while n != 0 && n.is_multiple_of(1024) && unit < 6 {
            n /= 1024;
            unit += 1;
        }
        write!(f, "{n}{}", ["", "K", "M", "G", "T", "P", "E"][unit])
    }
}

/// Why a start and a length are no range.
///
/// ```
/// use blockgate::{LogicalRange, RangeError};
///
/// /// Takes what a user typed, and says what is wrong with it.
/// fn parse(start: u64, length: u64) -> Result<LogicalRange, String> {
///     LogicalRange::new(start, length).map_err(|error| match error {
///         RangeError::Empty { .. } => "--length must be at least 1".to_string(),
///         other => other.to_string(),
///     })
/// }
/// assert_eq!(parse(0, 0), Err("--length must be at least 1".to_string()));
/// assert!(parse(u64::MAX, 2).unwrap_err().contains("ends beyond the last address"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError {
    /// The length is zero.
    Empty {
        /// The start asked for.
        start: LogicalAddress,
    },
    /// The end lies beyond the last address.
    Overflow {
        /// The start asked for.
        start: LogicalAddress,
        /// The length asked for, in bytes.
        length: u64,
    },
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { start } => write!(f, "a range at {start} of zero bytes: ask for at least one"),
            Self::Overflow { start, length } => {
                write!(f, "a range of {length} bytes at {start} ends beyond the last address, 2^64 - 1")
            }
        }
    }
}

impl std::error::Error for RangeError {}

/// Names a block group in events and errors.
///
/// ```
/// use blockgate::{BlockGroup, BlockGroupId, LogicalRange};
///
/// let group = BlockGroup::new(BlockGroupId(7), LogicalRange::new(0, 1 << 20)?, 4096)?;
/// let read_only = group.set_read_only();
/// let refusal = group.begin_nocow().unwrap_err();
/// assert_eq!(refusal.to_string(), "block group 7 is read-only: write to another group, or later");
/// # drop(read_only);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockGroupId(pub u64);

impl fmt::Display for BlockGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block group {}", self.0)
    }
}

/// Numbers the transactions of a volume, from 1. Commit root `n` is the state after transaction `n`;
/// commit root 0 is the empty tree that a new volume starts with. One that is opened again goes on from the number of its
/// last root.
///
/// ```
/// use blockgate::{DelayedRef, LogicalRange, TransactionId, Transactions};
///
/// let transactions = Transactions::default();
/// assert_eq!(transactions.commit_root().transaction(), TransactionId(0));
/// let mut handle = transactions.join()?;
/// handle.push(DelayedRef::add(LogicalRange::new(0, 4096)?));
/// let mine = handle.end();
/// assert!(transactions.commit_root().transaction() < mine); // not durable yet
/// transactions.commit()?;
/// assert!(transactions.commit_root().transaction() >= mine); // it is now
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(pub u64);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {}", self.0)
    }
}
