//! A set of bytes, as ranges of which no two meet: equal sets have equal ranges.

use std::collections::BTreeMap;

use blockgate::{LogicalAddress, LogicalRange};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ByteSet(BTreeMap<LogicalAddress, LogicalAddress>); // from the first byte of a range to its end

impl ByteSet {
    pub fn insert(&mut self, bytes: LogicalRange) {
        let (mut start, mut end) = (bytes.start(), bytes.end());
        while let Some((first, last)) = self.last_before(end + 1).filter(|range| range.1 >= start) {
            self.0.remove(&first);
            (start, end) = (start.min(first), end.max(last));
        }
        self.0.insert(start, end);
    }

    pub fn remove(&mut self, bytes: LogicalRange) {
        while let Some((first, last)) = self.last_before(bytes.end()).filter(|range| range.1 > bytes.start())
        {
            self.0.remove(&first);
            self.0.extend((first < bytes.start()).then(|| (first, bytes.start())));
            self.0.extend((bytes.end() < last).then(|| (bytes.end(), last)));
        }
    }

    /// Whether one of `bytes` is in it.
    pub fn overlaps(&self, bytes: LogicalRange) -> bool {
        self.last_before(bytes.end()).is_some_and(|range| range.1 > bytes.start())
    }

    /// The last of the ranges that begin before `end`.
    fn last_before(&self, end: LogicalAddress) -> Option<(LogicalAddress, LogicalAddress)> {
        self.0.range(..end).next_back().map(|(first, last)| (*first, *last))
    }
}

/// Whether three insertions and removals of any ranges of eight bytes do as they do to eight flags.
pub fn does_as_flags_do() -> bool {
    let ranges: Vec<_> =
        (0..8).flat_map(|start| (1..=8 - start).map(move |length| (start, length))).collect();
    let flags = |(start, length): (u64, u64)| ((1_u32 << length) - 1) << start;
    let bytes = |(start, length)| LogicalRange::new(start, length).expect("some bytes");
    let change = |set: &mut ByteSet, bits: &mut u32, range, is_inserted| {
        if is_inserted {
            set.insert(bytes(range));
            *bits |= flags(range);
        } else {
            set.remove(bytes(range));
            *bits &= !flags(range);
        }
    };
    let agree = |set: &ByteSet, bits: u32| {
        let overlaps = ranges.iter().all(|range| set.overlaps(bytes(*range)) == (bits & flags(*range) != 0));
        // No two of its ranges meet.
        overlaps && set.0.len() as u32 == (bits & !(bits << 1)).count_ones()
    };
    let pairs = || ranges.iter().flat_map(|range| [(*range, true), (*range, false)]);
    ranges.iter().all(|first| {
        pairs().all(|second| {
            pairs().all(|third| {
                let (mut set, mut bits) = (ByteSet::default(), 0);
                for (range, is_inserted) in [(*first, true), second, third] {
                    change(&mut set, &mut bits, range, is_inserted);
                }
                agree(&set, bits)
            })
        })
    })
}
