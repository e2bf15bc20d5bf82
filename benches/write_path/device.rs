//! Devices to measure on: one that does nothing, one on a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use blockgate::Device;

use super::PAGE;

/// Takes no time, and keeps nothing.
pub(crate) struct Nothing;

impl Device for Nothing {
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        Ok(())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// Bytes to write, from the beginning of a page: how fast the system copies depends on where they are.
pub(crate) struct PageAligned {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl PageAligned {
    pub(crate) fn new(length: u64) -> Self {
        let length = usize::try_from(length).expect("a small length");
        let bytes = vec![7; length + PAGE as usize];
        let start = bytes.as_ptr().align_offset(PAGE as usize);
        Self { bytes, start, length }
    }
}

impl std::ops::Deref for PageAligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..][..self.length]
    }
}

/// A file of `LANES` lanes, in the page cache. Each lane is written round and round: logical space never
/// ends, and the file stays small.
pub(crate) struct LaneFile(File);

pub(crate) const LANES: u64 = 4;
/// Logical bytes of a lane.
pub(crate) const LANE: u64 = 1 << 50;
/// Bytes of a lane in the file.
pub(crate) const LANE_IN_FILE: u64 = 2 << 20;

impl LaneFile {
    /// Of zeros, written once, so that no write has to allocate.
    pub(crate) fn new() -> Self {
        let file = tempfile::tempfile().expect("a temporary file");
        let zeros = vec![0; LANE_IN_FILE as usize];
        for lane in 0..LANES {
            file.write_all_at(&zeros, lane * LANE_IN_FILE).expect("8 MiB in a temporary file");
        }
        Self(file)
    }

    /// The bare write that all are measured by.
    pub(crate) fn write(&self, logical: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, logical / LANE * LANE_IN_FILE + logical % LANE_IN_FILE)
    }
}

impl Device for LaneFile {
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write(offset, data)
    }

    /// Of no interest here: what is measured is the way to the page cache.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(LANES * LANE)
    }
}
