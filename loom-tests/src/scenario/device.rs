//! A device made of the engine's sectors. Loom's are race-checked: a copy that races a write is reported,
//! also when the bytes happen to agree.

use std::io;

use blockgate::Device;

use crate::engine::Sector;

/// Bytes of a sector, and the allocation unit of all models. Each sector holds one value, in all bytes.
pub const SECTOR: u64 = 4096;

pub struct SectorDevice {
    sectors: Vec<Sector>,
}

impl SectorDevice {
    pub fn new(sectors: u64) -> Self {
        Self { sectors: (0..sectors).map(|_| Sector::new(0)).collect() }
    }

    /// The value of the sector at `address`, without an access that loom knows of.
    pub fn peek(&self, address: u64) -> u64 {
        self.at(address).peek()
    }

    fn at(&self, address: u64) -> &Sector {
        &self.sectors[usize::try_from(address / SECTOR).expect("a small device")]
    }
}

impl Device for SectorDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (address, sector) in (offset..).step_by(SECTOR as usize).zip(buffer.chunks_mut(SECTOR as usize)) {
            sector.fill(u8::try_from(self.at(address).read()).expect("a byte was written"));
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        for (address, sector) in (offset..).step_by(SECTOR as usize).zip(data.chunks(SECTOR as usize)) {
            self.at(address).write(sector[0].into());
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
