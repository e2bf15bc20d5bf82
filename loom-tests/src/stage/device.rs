//! A device whose accesses are race-checked where the engine can: a copy that races a write fails the model,
//! also when the bytes happen to agree.

use std::io;
use std::sync::Arc;

use blockgate::{CommitRoot, Device, LogicalRange};

use crate::engine::{Counter, RaceChecked, violated_at};

/// Bytes of a sector, and the allocation unit of all models. Each sector holds one value, in all bytes.
pub const SECTOR: u64 = 4096;

pub struct SectorDevice {
    sectors: Vec<RaceChecked>,
}

impl SectorDevice {
    pub fn new(sectors: u64) -> Self {
        Self { sectors: (0..sectors).map(|_| RaceChecked::new(0)).collect() }
    }

    /// The value of the sector at `address`: an access as any other.
    #[track_caller]
    pub fn value(&self, address: u64) -> u64 {
        self.sectors[index(address)].read()
    }

    /// The same, when all roles are over.
    pub fn last(&mut self, address: u64) -> u64 {
        self.sectors[index(address)].last()
    }
}

fn index(address: u64) -> usize {
    usize::try_from(address / SECTOR).expect("a small device")
}

impl Device for SectorDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (address, sector) in (offset..).step_by(SECTOR as usize).zip(buffer.chunks_mut(SECTOR as usize)) {
            sector.fill(u8::try_from(self.value(address)).expect("a byte was written"));
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        for (address, sector) in (offset..).step_by(SECTOR as usize).zip(data.chunks(SECTOR as usize)) {
            self.sectors[index(address)].write(sector[0].into());
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.sectors.len() as u64 * SECTOR)
    }
}

/// A device whose first read fails. Only the copy reads.
pub struct FailsOnce {
    device: Arc<SectorDevice>,
    reads: Counter,
}

impl FailsOnce {
    pub fn new(device: Arc<SectorDevice>) -> Self {
        Self { device, reads: Counter::new() }
    }
}

impl Device for FailsOnce {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.reads.increment();
        if self.reads.read() == 1 {
            return Err(io::Error::other("the first read fails"));
        }
        self.device.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.device.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        self.device.flush()
    }

    fn length(&self) -> io::Result<u64> {
        self.device.length()
    }
}

/// Copies what `root` lists, as a replace without a drain would: whatever else goes on.
pub fn copy(root: &CommitRoot, source: &SectorDevice, target: &SectorDevice) {
    let everything = LogicalRange::new(0, u64::MAX).expect("a range");
    let mut buffer = [0; SECTOR as usize];
    for extent in root.extents_in(everything) {
        source.read_at(extent.start(), &mut buffer).expect("the device works");
        target.write_at(extent.start(), &buffer).expect("the device works");
    }
}

/// The theorem: each live extent is on the target, with the bytes that the source has.
pub fn check_copy(live: &CommitRoot, source: &mut SectorDevice, target: &mut SectorDevice) {
    let length = source.length().expect("known");
    for extent in live.extents_in(LogicalRange::new(0, length).expect("a range")) {
        for address in (extent.start()..extent.end()).step_by(SECTOR as usize) {
            let (is, should) = (target.last(address), source.last(address));
            if is != should {
                let detail = format!("the source has {should} at {extent}, the target {is}");
                violated_at("lost extent", detail, extent.to_string());
            }
        }
    }
}
