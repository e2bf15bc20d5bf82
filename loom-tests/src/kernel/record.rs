//! The raw record of a device replace, as the kernel's tools and its tracer printed it: the groups, the extent items
//! before and after, and the calls that the probes saw, in their one order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

pub struct Record<'t> {
    /// By their addresses.
    pub chunks: BTreeMap<u64, Chunk>,
    pub before: Vec<Item>,
    pub after: Vec<Item>,
    pub calls: Vec<Call<'t>>,
}

#[derive(Clone, Copy)]
pub struct Chunk {
    pub length: u64,
    pub is_data: bool,
    /// Where in the order of the calls, if that was recorded.
    pub made: Option<u64>,
}

/// An extent item of data.
pub struct Item {
    pub start: u64,
    pub length: u64,
    pub references: i64,
}

/// What one probe saw.
pub struct Call<'t> {
    /// Its place in the order: the tracer counts, all processors together.
    pub at: u64,
    pub task: u64,
    pub probe: &'t str,
    /// From where to where, and the values.
    text: &'t str,
}

pub fn unpack(path: &Path) -> String {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let read = GzDecoder::new(file).read_to_end(&mut bytes);
    read.unwrap_or_else(|error| panic!("{} does not unpack: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

impl<'t> Record<'t> {
    pub fn parse(text: &'t str) -> Self {
        let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut section = "head";
        for line in text.lines() {
            match line.strip_prefix("==") {
                Some(name) => section = name,
                None => sections.entry(section).or_default().push(line),
            }
        }
        let lines = |name| sections.get(name).map_or(&[][..], Vec::as_slice);
        let mut calls: Vec<_> = lines("TRACE").iter().filter_map(|line| Call::parse(line)).collect();
        calls.sort_by_key(|call| call.at);
        let mut chunks = chunks(lines("CHUNKS0"));
        chunks.extend(self::chunks(lines("CHUNKS")));
        for call in calls.iter().filter(|call| call.probe == "btrfs_chunk_alloc") {
            let is_data = call.text("type").is_some_and(is_data);
            chunks.insert(
                call.number("offset"),
                Chunk { length: call.number("size"), is_data, made: Some(call.at) },
            );
        }
        Self { chunks, before: items(lines("EXT0")), after: items(lines("EXT1")), calls }
    }
}

/// A chunk item is a line with its address, and one with its length and type.
fn chunks(lines: &[&str]) -> BTreeMap<u64, Chunk> {
    let mut chunks = BTreeMap::new();
    let mut address = None;
    for line in lines {
        if let Some(number) = between(line, "CHUNK_ITEM ", ")") {
            address = Some(number.parse().expect("an address"));
        }
        let length = line.trim_start().strip_prefix("length ").and_then(|rest| rest.split(' ').next());
        if let (Some(address), Some(length)) = (address, length) {
            let is_data = between(line, " type ", "|").is_some_and(is_data);
            chunks.insert(address, Chunk { length: length.parse().expect("a length"), is_data, made: None });
        }
    }
    chunks
}

fn is_data(kind: &str) -> bool {
    kind.starts_with("DATA")
}

/// An extent item is a line with its key, and one with its references and flags.
fn items(lines: &[&str]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut key = None;
    for line in lines {
        if let Some(length) = between(line, " EXTENT_ITEM ", ")") {
            let start = between(line, "key (", " ").expect("a key");
            key = Some((start.parse().expect("an address"), length.parse().expect("a length")));
        } else if let (Some(rest), true) =
            (line.trim_start().strip_prefix("refs "), line.contains(" flags DATA"))
        {
            let references = rest.split(' ').next().and_then(|count| count.parse().ok());
            let item = |(start, length)| Item { start, length, references: references.expect("a count") };
            items.extend(key.take().map(item));
        }
    }
    items
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

impl<'t> Call<'t> {
    /// `comm-123  [001] .....  4567: probe: (where) name=value name=value`
    fn parse(line: &'t str) -> Option<Self> {
        let (head, rest) = line.split_once("] ")?;
        let (task, _) = head.rsplit_once('[')?;
        let task = task.trim_end().rsplit_once('-')?.1.parse().ok()?;
        let (_, rest) = rest.trim_start().split_once(' ')?;
        let (at, rest) = rest.trim_start().split_once(": ")?;
        let (probe, text) = rest.split_once(": ")?;
        Some(Self { at: at.parse().ok()?, task, probe, text })
    }

    pub fn text(&self, name: &str) -> Option<&'t str> {
        let values = self.text.split_ascii_whitespace().filter_map(|word| word.split_once('='));
        values.filter(|value| value.0 == name).map(|value| value.1).next()
    }

    /// Nothing where the probe did not see it, or saw an error in its place.
    pub fn value(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    pub fn number(&self, name: &str) -> u64 {
        self.value(name)
            .unwrap_or_else(|| panic!("{}: {} without {name}: {}", self.at, self.probe, self.text))
    }

    /// Whether it returned, or was called, without an error.
    pub fn succeeded(&self) -> bool {
        self.text("ret") == Some("0")
    }

    pub fn is_called_by(&self, function: &str) -> bool {
        self.text.strip_prefix('(').is_some_and(|text| text.starts_with(function))
    }
}
