//! A counter that the engine sees, and that orders nothing.

use std::sync::atomic::Ordering::Relaxed;

use super::AtomicU64;

pub struct Counter(AtomicU64);

impl Counter {
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub fn increment(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// A read-modify-write, which reads the newest value.
    pub fn read(&self) -> u64 {
        self.0.fetch_add(0, Relaxed)
    }
}
