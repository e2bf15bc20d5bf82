//! Where zone appends went. The device chooses the place of a zone append, and says so when it is done. By then the
//! specification has had its reservation and its ordered extent, so each is given the place by hindsight.

use std::collections::BTreeMap;

use super::record::Record;

/// Of each address that the allocator chose: the writes there, in the order in which they ended.
pub struct Appends(BTreeMap<u64, Vec<Append>>);

struct Append {
    added: u64,
    removed: u64,
    went_to: u64,
}

impl Appends {
    pub fn new(record: &Record) -> Self {
        let mut appends: BTreeMap<u64, Vec<Append>> = BTreeMap::new();
        let mut in_flight = BTreeMap::new();
        for call in &record.calls {
            match (call.probe, call.value("p")) {
                ("ord_add", Some(pointer)) => {
                    in_flight.extend(call.value("start").map(|start| (pointer, (call.at, start))));
                }
                ("ord_del", Some(pointer)) => {
                    let Some((added, start)) = in_flight.remove(&pointer) else { continue };
                    let append = Append { added, removed: call.at, went_to: call.number("start") };
                    appends.entry(start).or_default().push(append);
                }
                _ => {}
            }
        }
        Self(appends)
    }

    /// Where the write went to which the allocator gave `start`, and which has, or had, an ordered extent at `at`.
    pub fn place(&self, start: u64, at: u64) -> u64 {
        self.find(start, |append| (append.added..=append.removed).contains(&at))
    }

    /// The same of a write whose ordered extent ends after `at`.
    pub fn place_to_be(&self, start: u64, at: u64) -> u64 {
        self.find(start, |append| at <= append.removed)
    }

    fn find(&self, start: u64, is_it: impl Fn(&&Append) -> bool) -> u64 {
        let found = self.0.get(&start).and_then(|appends| appends.iter().find(is_it));
        found.map_or(start, |append| append.went_to)
    }
}
