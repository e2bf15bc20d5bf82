//! Where bytes are read and written: the trait that an embedder implements, and a device in memory.
//!
//! A logical address *is* the offset on both devices: the copy keeps every byte at its place. An
//! embedder with another mapping applies it inside its own [`Device`].

use std::io;

use crate::sync::Mutex;

/// A device of bytes. All offsets and lengths are in bytes.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
/// Calls come from many threads at once, but never for overlapping bytes: that is what the protocol is for.
/// A read that happens-after the return of a write must see it.
///
/// ```
/// use std::io;
/// use std::sync::Arc;
///
/// use blockgate::{Device, LogicalRange, MemoryDevice, Volume};
///
/// /// A partition: what is logical address 0 to the volume lies at `start` on the disk.
/// struct Partition<D> {
///     disk: D,
///     start: u64,
///     length: u64,
/// }
///
/// impl<D: Device> Partition<D> {
///     fn at(&self, offset: u64, length: usize) -> io::Result<u64> {
///         let fits = offset.checked_add(length as u64).is_some_and(|end| end <= self.length);
///         fits.then(|| self.start + offset).ok_or(io::ErrorKind::UnexpectedEof.into())
///     }
/// }
///
/// impl<D: Device> Device for Partition<D> {
///     fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
///         self.disk.read_at(self.at(offset, buffer.len())?, buffer)
///     }
///
///     fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
///         self.disk.write_at(self.at(offset, data.len())?, data)
///     }
///
///     fn flush(&self) -> io::Result<()> {
///         self.disk.flush()
///     }
///
///     fn length(&self) -> io::Result<u64> {
///         Ok(self.length)
///     }
/// }
///
/// let device = Partition { disk: MemoryDevice::new(2 << 20), start: 1 << 20, length: 1 << 20 };
/// let device = Arc::new(device);
/// let volume = Volume::builder(4096).group(LogicalRange::new(0, 1 << 20)?).build(device.clone())?;
/// let extent = volume.write(&[7; 4096])?;
///
/// let mut bytes = [0; 4096];
/// device.disk.read_at((1 << 20) + extent.start(), &mut bytes)?;
/// assert_eq!(bytes, [7; 4096]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Device: Send + Sync {
    /// Fills `buffer` from `offset`, wholly or not at all.
    ///
    /// # Errors
    /// Whatever the device says; [`io::ErrorKind::UnexpectedEof`] beyond its end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes `data` at `offset`, wholly.
    ///
    /// # Errors
    /// Whatever the device says; the bytes there are unknown then.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Makes durable what was written before.
    ///
    /// # Errors
    /// Whatever the device says; what was written before may be lost then.
    fn flush(&self) -> io::Result<()>;

    /// The size of the device, in bytes.
    ///
    /// # Errors
    /// Whatever the device says.
    fn length(&self) -> io::Result<u64>;
}

/// A device in memory, for tests and examples. Zeroed at first; flushing it does nothing.
///
/// Part of the proof: [the protocol](crate::proof::protocol).
///
/// ```
/// use blockgate::{Device, MemoryDevice};
///
/// let device = MemoryDevice::new(8192);
/// device.write_at(4096, b"hello")?;
/// let mut bytes = [0; 5];
/// device.read_at(4096, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
///
/// let beyond = device.write_at(8190, b"hello").unwrap_err();
/// assert_eq!(beyond.kind(), std::io::ErrorKind::UnexpectedEof);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MemoryDevice {
    length: u64,
    pages: Box<[Mutex<Box<[u8]>>]>,
}

/// Bytes under one lock.
const PAGE: usize = 64 << 10;

impl MemoryDevice {
    /// A device of `length` bytes.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let pages = (0..length)
            .step_by(PAGE)
            .map(|start| Mutex::new(vec![0; PAGE.min(length - start)].into_boxed_slice()));
        Self { length: length as u64, pages: pages.collect() }
    }

    /// Calls `f` for each page that `[offset, offset + length)` touches: the page, where in the page, and
    /// where in the caller's buffer.
    fn for_each_page(
        &self,
        offset: u64,
        length: usize,
        mut f: impl FnMut(&mut [u8], std::ops::Range<usize>),
    ) -> io::Result<()> {
        let end = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(length));
        let Some(end) = end.filter(|end| *end as u64 <= self.length) else {
            let message =
                format!("{length} bytes at {offset} end beyond the device of {} bytes", self.length);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        };
        let start = end - length;
        let mut at = start;
        while at < end {
            let (page, within) = (at / PAGE, at % PAGE);
            let count = (PAGE - within).min(end - at);
            f(&mut self.pages[page].lock()[within..within + count], at - start..at - start + count);
            at += count;
        }
        Ok(())
    }
}

impl Device for MemoryDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.for_each_page(offset, buffer.len(), |page, range| buffer[range].copy_from_slice(page))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.for_each_page(offset, data.len(), |page, range| page.copy_from_slice(&data[range]))
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }
}

/// A file or a block device, by positioned reads and writes.
#[cfg(unix)]
impl Device for std::fs::File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, data, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        // The metadata of a block device says zero: its size is where its end is.
        use std::io::{Seek, SeekFrom};
        let mut file = self;
        file.seek(SeekFrom::End(0))
    }
}

/// A file, by positioned reads and writes. Compiled on Windows alone, where nobody has run it yet: its loops are tested
/// on any system.
#[cfg(windows)]
impl Device for std::fs::File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        read_whole(offset, buffer, |buffer, at| self.seek_read(buffer, at))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        write_whole(offset, data, |data, at| self.seek_write(data, at))
    }

    fn flush(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

/// Reads until `buffer` is full, by a call that may read less.
#[cfg(any(windows, test))]
fn read_whole(
    mut offset: u64,
    mut buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match read(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                offset += count as u64;
                buffer = &mut buffer[count..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `data`, by a call that may write less.
#[cfg(any(windows, test))]
fn write_whole(
    mut offset: u64,
    mut data: &[u8],
    mut write: impl FnMut(&[u8], u64) -> io::Result<usize>,
) -> io::Result<()> {
    while !data.is_empty() {
        match write(data, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                offset += count as u64;
                data = &data[count..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(all(test, not(any(loom, traceset))))]
mod tests {
    use super::*;

    /// Calls that read and write three bytes at most, and are interrupted each second time.
    fn short<T>(calls: &mut u32, length: usize, act: impl FnOnce(usize) -> T) -> io::Result<T> {
        *calls += 1;
        if calls.is_multiple_of(2) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(act(length.min(3))) }
    }

    fn index(at: u64) -> usize {
        usize::try_from(at).expect("small")
    }

    #[test]
    fn short_and_interrupted_calls_come_to_all_bytes() {
        let (mut disk, mut calls) = ([0; 20], 0);
        let write = |data: &[u8], at: u64| {
            short(&mut calls, data.len(), |count| {
                disk[index(at)..][..count].copy_from_slice(&data[..count]);
                count
            })
        };
        write_whole(5, &[1, 2, 3, 4, 5, 6, 7, 8], write).expect("all of it");
        assert_eq!(disk[4..14], [0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
        let mut read = [0; 10];
        read_whole(4, &mut read, |buffer, at| {
            short(&mut calls, buffer.len(), |count| {
                buffer[..count].copy_from_slice(&disk[index(at)..][..count]);
                count
            })
        })
        .expect("all of it");
        assert_eq!(read, disk[4..14]);
    }

    #[test]
    fn a_call_that_makes_no_progress_is_an_error() {
        let ended = read_whole(0, &mut [0], |_, _| Ok(0));
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let full = write_whole(0, &[0], |_, _| Ok(0));
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::WriteZero);
        let broken = write_whole(0, &[0], |_, _| Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn bytes_are_read_as_written_across_pages() {
        let device = MemoryDevice::new(3 * PAGE + 5);
        let data: Vec<u8> = (0..=250).cycle().take(2 * PAGE + 3).collect();
        device.write_at(PAGE as u64 - 1, &data).expect("in the device");
        let mut read = vec![0; data.len()];
        device.read_at(PAGE as u64 - 1, &mut read).expect("in the device");
        assert_eq!(read, data);
        assert_eq!(device.length().expect("known"), 3 * PAGE as u64 + 5);
    }

    #[test]
    fn beyond_the_end_is_an_error() {
        let device = MemoryDevice::new(10);
        assert_eq!(device.write_at(8, &[0; 3]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(device.read_at(u64::MAX, &mut [0; 3]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(device.read_at(10, &mut []).is_ok());
    }
}
