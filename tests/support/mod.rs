//! What the tests on std threads share: a clock to hang up by, devices that misbehave, bytes to recognise.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::disallowed_types, reason = "tests watch concurrent code, they are not that code")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use blockgate::{Device, LogicalRange, MemoryDevice};

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const UNIT: u64 = 4 * KIB;

pub(crate) fn range(start: u64, length: u64) -> LogicalRange {
    LogicalRange::new(start, length).expect("a range")
}

/// Runs `body` on a thread of its own, and fails with `what` where it hangs.
pub(crate) fn within_a_minute<R: Send + 'static>(
    what: &'static str,
    body: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (done, outcome) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let _ = done.send(body());
    });
    match outcome.recv_timeout(Duration::from_secs(60)) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(worker.join().expect_err("it sent nothing, so it panicked"))
        }
    }
}

/// What an error says, and what its causes say, as a user would print them.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether `body` panics.
pub(crate) fn panics(body: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err()
}

/// Bytes that are shown short.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, {:02x?}...", self.0.len(), &self.0[..self.0.len().min(4)])
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// `length` bytes that show which `seed` they are of, no two units of them alike.
pub(crate) fn pattern(seed: u64, length: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; usize::try_from(length).expect("fits into memory")];
    random.fill(&mut bytes);
    Bytes(bytes)
}

pub(crate) fn read(device: &dyn Device, extent: LogicalRange) -> Bytes {
    let mut bytes = vec![0; usize::try_from(extent.len()).expect("fits into memory")];
    device.read_at(extent.start(), &mut bytes).expect("the device reads");
    Bytes(bytes)
}

/// A call of a device, with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Read(u64),
    Write(u64),
    Flush,
    Length,
}

type Hook = Box<dyn Fn(Call) -> io::Result<()> + Send + Sync>;

/// A device in memory that asks a hook before each call: it may fail it, delay it, or panic.
pub(crate) struct Hooked {
    pub(crate) memory: MemoryDevice,
    hook: Hook,
}

impl Hooked {
    pub(crate) fn new(
        length: u64,
        hook: impl Fn(Call) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let length = usize::try_from(length).expect("fits into memory");
        Arc::new(Self { memory: MemoryDevice::new(length), hook: Box::new(hook) })
    }

    /// `fault` happens at the `k`-th call (from 0) that `matches`, and at no other.
    pub(crate) fn failing_at(
        length: u64,
        k: u64,
        matches: fn(Call) -> bool,
        fault: impl Fn() -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let seen = Counter::default();
        Self::new(length, move |call| if matches(call) && seen.next() == k { fault() } else { Ok(()) })
    }
}

impl Device for Hooked {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (self.hook)(Call::Read(offset))?;
        self.memory.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        (self.hook)(Call::Write(offset))?;
        self.memory.write_at(offset, data)
    }

    fn flush(&self) -> io::Result<()> {
        (self.hook)(Call::Flush)
    }

    fn length(&self) -> io::Result<u64> {
        (self.hook)(Call::Length)?;
        self.memory.length()
    }
}

/// A device that is as long as can be, and holds nothing: it takes no memory.
pub(crate) struct Endless;

impl Device for Endless {
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

pub(crate) fn broken() -> io::Result<()> {
    Err(io::Error::other("the disk is broken"))
}

pub(crate) fn is_read(call: Call) -> bool {
    matches!(call, Call::Read(_))
}

pub(crate) fn is_write(call: Call) -> bool {
    matches!(call, Call::Write(_))
}

pub(crate) fn is_flush(call: Call) -> bool {
    call == Call::Flush
}

/// Counts from zero, on any thread. What came before a count is visible to a thread that reads it.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more. Returns the value before.
    pub(crate) fn next(&self) -> u64 {
        self.add(1)
    }

    pub(crate) fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::AcqRel)
    }

    /// One more when what is returned is dropped, also by unwinding: no test waits for a task that failed.
    pub(crate) fn next_at_end(&self) -> NextAtEnd<'_> {
        NextAtEnd(self)
    }

    pub(crate) fn one_less(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Raises it to `n`, where it is less.
    pub(crate) fn at_least(&self, n: u64) {
        self.0.fetch_max(n, Ordering::AcqRel);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

pub(crate) struct NextAtEnd<'a>(&'a Counter);

impl Drop for NextAtEnd<'_> {
    fn drop(&mut self) {
        self.0.next();
    }
}
