//! The log, explored by loom under `--cfg loom`, and run on std threads without it.

use std::sync::Arc;

use blockgate::Shards;
use blockgate_embedder_example::{AppendError, Log};

#[cfg(loom)]
use loom::{model as explore, thread};
#[cfg(not(loom))]
use std::thread;

/// Without loom: many runs, of whatever interleavings come.
#[cfg(not(loom))]
fn explore(scenario: impl Fn()) {
    (0..2000).for_each(|_| scenario());
}

/// Two appends, and a reader that stops them, with or without waiting for the ones at work: no record may
/// change after that.
fn records_do_not_change(waits: bool) {
    let log = Arc::new(Log::new(2, Shards::new(2)));
    let appends: Vec<_> = (0..2)
        .map(|number| {
            let log = Arc::clone(&log);
            thread::spawn(move || log.append(number, 7))
        })
        .collect();
    let closed = if waits { log.freeze().expect("it has records") } else { log.stop() };
    let (before, after) = (log.read(), log.read());
    assert_eq!(before, after, "a record changed in a frozen log");
    drop(closed);
    for (number, append) in appends.into_iter().enumerate() {
        let written = append.join().expect("no panic").is_ok();
        assert_eq!(log.read()[number] == 7, written, "what was refused is not written");
        assert!(before[number] == 0 || written);
    }
}

#[test]
fn a_frozen_log_does_not_change() {
    explore(|| records_do_not_change(true));
}

/// The twin: without the wait, loom finds the append that is still at work.
#[cfg(loom)]
#[test]
#[should_panic(expected = "a record changed in a frozen log")]
fn twin_without_the_wait_it_does() {
    explore(|| records_do_not_change(false));
}

#[test]
fn appends_are_refused_while_the_log_is_frozen() {
    explore(|| {
        let log = Log::new(1, Shards::new(1));
        let frozen = log.freeze().expect("it has a record");
        assert_eq!(log.append(0, 7), Err(AppendError::Frozen));
        drop(frozen);
        assert_eq!(log.append(0, 7), Ok(()));
        assert_eq!(log.append(1, 7), Err(AppendError::OutOfRange));
        assert_eq!(log.read(), [7]);
    });
}
