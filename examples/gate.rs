//! A `Gate` alone: a cache that is quiesced for a snapshot, while readers and writers go on around it.
//!
//! An update changes two entries. The gate keeps a snapshot from seeing the one without the other.

use std::sync::mpsc;

use blockgate::sync::Mutex;
use blockgate::{EnterError, Gate};

/// Pairs of entries that are always equal, except in the middle of an update.
struct Cache {
    gate: Gate,
    pairs: Vec<(Mutex<u64>, Mutex<u64>)>,
}

impl Cache {
    fn new(pairs: usize) -> Self {
        Self { gate: Gate::default(), pairs: (0..pairs).map(|_| Default::default()).collect() }
    }

    /// Waits while a snapshot is taken.
    fn update(&self, pair: usize) -> Result<(), EnterError> {
        let _inside = match self.gate.enter() {
            Err(EnterError::Closed) => self.gate.wait_enter(),
            outcome => outcome,
        }?;
        let (one, other) = &self.pairs[pair];
        *one.lock() += 1;
        *other.lock() += 1;
        Ok(())
    }

    /// Closes the gate, waits for the updates that are at work, and reads.
    fn snapshot(&self) -> Vec<(u64, u64)> {
        let closed = self.gate.close();
        closed.wait_empty();
        self.pairs.iter().map(|(one, other)| (*one.lock(), *other.lock())).collect()
        // The gate opens here.
    }
}

fn main() -> Result<(), EnterError> {
    const UPDATES: usize = 200_000;
    let cache = Cache::new(8);
    let (done, is_done) = mpsc::channel();
    let mut snapshots = 0;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (cache, done) = (&cache, done.clone());
            scope.spawn(move || {
                let outcome = (0..UPDATES).try_for_each(|update| cache.update(update % cache.pairs.len()));
                // The receiver is gone once the other thread has failed.
                let _ = done.send(outcome);
            });
        }
        for _ in 0..2 {
            let outcome = loop {
                assert!(cache.snapshot().iter().all(|(one, other)| one == other), "a torn snapshot");
                snapshots += 1;
                if let Ok(outcome) = is_done.try_recv() {
                    break outcome;
                }
            };
            outcome?;
        }
        Ok(())
    })?;
    let updates: u64 = cache.snapshot().iter().map(|(one, _)| one).sum();
    assert_eq!(updates, 2 * UPDATES as u64);
    println!("{updates} updates, {snapshots} snapshots among them, none torn");
    Ok(())
}
