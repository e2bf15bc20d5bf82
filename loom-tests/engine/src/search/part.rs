//! A share of the search, for one of several processes.
//!
//! The first decisions are all explored, with sleep sets and without looking for races, so that they are the
//! same in every part. Each state after so many of them, with what sleeps there, is a search of its own. They
//! are numbered as they are met, and dealt out in turn.

/// Part `index` of `count`, from 1 on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) index: u64,
    pub(crate) count: u64,
    met: u64,
}

impl Part {
    /// # Panics
    /// Unless `index` is from 1 to `count`.
    pub(crate) fn new(index: u64, count: u64) -> Self {
        assert!((1..=count).contains(&index), "part {index} of {count}: the parts of N are 1 to N");
        Self { index, count, met: 0 }
    }

    /// After how many decisions: so that there are many more searches than parts, for they differ in size.
    pub(crate) fn depth(self) -> usize {
        if self.count == 1 { 0 } else { 14 + 2 * self.count.ilog2() as usize }
    }

    /// Whether the search that is met next is one of this part.
    pub(crate) fn takes_next(&mut self) -> bool {
        self.met += 1;
        self.met % self.count == self.index % self.count
    }
}
