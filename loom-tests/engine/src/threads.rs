//! Sets of threads.

/// A thread is a bit of a byte, and an entry of a clock of sixteen bytes: that is what makes the search fast.
pub const MOST_THREADS: usize = 8;

/// A set of threads, by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ThreadSet(u8);

impl ThreadSet {
    pub(crate) const EMPTY: Self = Self(0);

    pub(crate) fn insert(&mut self, thread: usize) {
        self.0 |= 1 << thread;
    }

    pub(crate) fn remove(&mut self, thread: usize) {
        self.0 &= !(1 << thread);
    }

    pub(crate) fn contains(self, thread: usize) -> bool {
        self.0 >> thread & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn first(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    /// The thread that went on last, where it can go on, or else the first: the fewer switches, the shorter
    /// the timeline that a person reads.
    pub(crate) fn preferring(self, thread: usize) -> Option<usize> {
        if self.contains(thread) { Some(thread) } else { self.first() }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self;
        std::iter::from_fn(move || {
            let thread = left.first()?;
            left.remove(thread);
            Some(thread)
        })
    }
}

impl FromIterator<usize> for ThreadSet {
    #[inline]
    fn from_iter<I: IntoIterator<Item = usize>>(threads: I) -> Self {
        let mut set = Self::EMPTY;
        threads.into_iter().for_each(|thread| set.insert(thread));
        set
    }
}
