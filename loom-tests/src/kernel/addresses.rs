//! Where an address of the kernel is for the specification. There the groups stand in the order in which the replace
//! passes them; the kernel's replace goes by addresses on the device.

use std::collections::{BTreeMap, BTreeSet};

use blockgate::{BlockGroupId, LogicalRange};

use super::record::{Chunk, Record};

pub struct Addresses {
    chunks: BTreeMap<u64, Chunk>,
    /// Of each group, by its address: its place in the order.
    order: BTreeMap<u64, u64>,
    /// How many of them were replaced.
    pub replaced: usize,
}

/// More than any group has.
const STRIDE: u64 = 1 << 40;

impl Addresses {
    /// `replace` is the task that replaces.
    pub fn new(record: &Record, replace: u64) -> Self {
        let passed = record.calls.iter().filter(|call| call.probe == "rw" && call.task == replace);
        let passed: Vec<_> = passed.map(|call| call.number("bg")).collect();
        let once: BTreeSet<_> = passed.iter().copied().collect();
        assert_eq!(passed.len(), once.len(), "the replace passes a group once");
        let never = record.chunks.keys().filter(|start| !once.contains(start));
        let order = passed.iter().chain(never).copied().zip(0..).collect();
        Self { chunks: record.chunks.clone(), order, replaced: passed.len() }
    }

    /// The groups of the specification, in its order.
    pub fn groups(&self) -> Vec<LogicalRange> {
        let mut groups: Vec<_> = self.order.keys().map(|start| self.whole(*start)).collect();
        groups.sort_by_key(LogicalRange::start);
        groups
    }

    fn whole(&self, start: u64) -> LogicalRange {
        self.range(start, self.chunks[&start].length)
    }

    /// The address of the kernel's group that `address` is in.
    fn holder(&self, address: u64) -> Option<(u64, &Chunk)> {
        let (start, chunk) = self.chunks.range(..=address).next_back()?;
        (address < start + chunk.length).then_some((*start, chunk))
    }

    pub fn is_data(&self, address: u64) -> bool {
        self.holder(address).is_some_and(|(_, chunk)| chunk.is_data)
    }

    pub fn group(&self, address: u64) -> BlockGroupId {
        let (start, _) = self.holder(address).unwrap_or_else(|| panic!("no group has {address}"));
        BlockGroupId(self.order[&start])
    }

    /// Where in the order of the calls the group of it was made, if that was recorded.
    pub fn made(&self, address: u64) -> Option<u64> {
        self.holder(address).and_then(|(_, chunk)| chunk.made)
    }

    pub fn range(&self, address: u64, length: u64) -> LogicalRange {
        let (start, _) = self.holder(address).unwrap_or_else(|| panic!("no group has {address}"));
        LogicalRange::new(self.order[&start] * STRIDE + (address - start), length).expect("bytes of a group")
    }

    pub fn group_range(&self, address: u64) -> LogicalRange {
        let (start, _) = self.holder(address).unwrap_or_else(|| panic!("no group has {address}"));
        self.whole(start)
    }
}
