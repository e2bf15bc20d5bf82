#![cfg(not(any(loom, traceset)))]
//! `Gate` on std threads: G1 to G6 under contention, hand-over to other threads, leaks.

#![allow(clippy::disallowed_types, reason = "a test of threads needs a barrier")]

mod support;

use std::sync::Arc;
use std::sync::{Barrier, mpsc};

use blockgate::sync::{CounterWord, Ordering};
use blockgate::{EnterError, Gate, Shards};
use support::{Counter, panics, within_a_minute};

/// A gate, and the truth about the threads inside, kept by those threads.
#[derive(Default)]
struct Watched {
    gate: Gate,
    entered: Counter,
    inside: Counter,
    refused: Counter,
    occupied: Counter,
    done: Counter,
}

impl Watched {
    /// Enters, and stays for a while if told to.
    fn enter_once(&self, stays: bool) {
        match self.gate.enter() {
            Ok(guard) => {
                self.entered.next();
                self.inside.next();
                if stays {
                    std::thread::yield_now();
                }
                self.inside.one_less();
                drop(guard);
            }
            Err(EnterError::Closed) => {
                self.refused.next();
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Without it, two threads that close in turns can leave the gate closed for minutes.
    fn wait_until_somebody_entered(&self) {
        let before = self.entered.get();
        while self.entered.get() == before {
            std::thread::yield_now();
        }
    }

    /// Closes, waits if told to, and returns how many are inside then.
    fn inside_when_closed(&self, waits: bool) -> u64 {
        let closed = self.gate.close();
        if waits && closed.wait_empty() {
            self.occupied.next();
        }
        let inside = self.inside.get();
        for _ in 0..3 {
            std::thread::yield_now();
            assert!(!waits || self.inside.get() == 0, "G2: a thread entered a closed gate");
        }
        inside
    }
}

#[test]
fn nobody_is_inside_a_gate_that_was_waited_empty() {
    let watched = within_a_minute("a closer among writers", || {
        let watched = Watched::default();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while watched.done.get() < 2 {
                        (0..100).for_each(|_| watched.enter_once(false));
                        watched.enter_once(true);
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let _end = watched.done.next_at_end();
                    let mut closings = 0;
                    while closings < 100 || watched.occupied.get() == 0 || watched.refused.get() == 0 {
                        assert_eq!(watched.inside_when_closed(true), 0, "G4: a thread was left inside");
                        closings += 1;
                        watched.wait_until_somebody_entered();
                    }
                });
            }
        });
        watched
    });
    let mut gate = watched.gate;
    assert_eq!((gate.leaked(), gate.leaked_levels()), (0, 0), "G3, G1");
}

#[test]
fn twin_without_the_wait_somebody_is_inside() {
    let watched = Watched::default();
    let guard = watched.gate.enter().expect("open");
    watched.inside.next();
    assert_eq!(watched.inside_when_closed(false), 1, "the check above would have seen it");
    drop(guard);
}

#[test]
fn what_was_done_inside_is_seen_after_the_wait() {
    let waited = within_a_minute("the last one out", || {
        let gate = Gate::new(Shards::new(2));
        let waited = (0..5000).filter(|_| {
            // Relaxed, so that only the gate orders the two.
            let written = CounterWord::new(0);
            let guard = gate.enter().expect("open");
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    written.set_bits(1, Ordering::Relaxed);
                    drop(guard);
                });
                let waited = gate.close().wait_empty();
                assert_eq!(written.read(Ordering::Relaxed), 1, "G4");
                waited
            })
        });
        waited.count()
    });
    assert!(waited > 0, "the writer had always left before the closing");
}

/// G5 and G6: many short rounds, so that a lost wake-up would hang one of them.
#[test]
fn no_wake_up_is_lost() {
    within_a_minute("a waiter to enter", || {
        let gate = Gate::new(Shards::new(2));
        let (done, waits) = (Counter::default(), Counter::default());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while done.get() < 2 {
                        if let Ok(_inside) = gate.enter() {
                            std::thread::yield_now();
                        } else {
                            drop(gate.wait_enter().expect("not sealed"));
                            waits.next();
                        }
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let _end = done.next_at_end();
                    let mut closings = 0;
                    // On one processor, a writer may be lucky for long.
                    while closings < 5000 || waits.get() == 0 {
                        gate.close().wait_empty();
                        closings += 1;
                    }
                });
            }
        });
    });
}

#[test]
fn levels_closed_by_many_threads_open_with_the_last() {
    let gate = Gate::default();
    let (most, all) = (Counter::default(), Barrier::new(4));
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (gate, most, all) = (&gate, &most, &all);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                let mut mine = vec![gate.close()];
                all.wait();
                for _ in 0..2000 {
                    if random.bool() && mine.len() < 5 {
                        mine.push(gate.close());
                        most.add(u64::from(mine.last().is_some_and(|closed| closed.level() > 3)));
                    } else if !mine.is_empty() {
                        drop(mine.swap_remove(random.usize(..mine.len())));
                    }
                    assert!(mine.is_empty() || gate.enter().is_err(), "G1: open under a level that lives");
                }
            });
        }
    });
    assert!(most.get() > 0, "levels of several threads never nested");
    assert_eq!(gate.closed_levels(), 0);
    assert!(gate.enter().is_ok());
}

#[test]
fn a_guard_may_leave_on_another_thread() {
    within_a_minute("guards sent away", || {
        let gate = Gate::default();
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| receive.into_iter().for_each(drop::<blockgate::Inside<'_>>));
            for _ in 0..10_000 {
                send.send(gate.enter().expect("open")).expect("the other thread lives");
            }
            let closed = gate.close();
            closed.wait_empty();
            assert!(gate.enter().is_err());
            drop(send);
        });
    });
}

#[test]
fn waiters_learn_of_sealing() {
    within_a_minute("a waiter at a sealed gate", || {
        let gate = Gate::default();
        let closed = gate.close();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| gate.wait_enter().map(drop))).collect();
            std::thread::yield_now();
            closed.seal();
            waiters.into_iter().map(|waiter| waiter.join().expect("no panic")).collect()
        });
        assert_eq!(outcomes, [Err(EnterError::Sealed); 4]);
        assert_eq!(gate.enter().unwrap_err(), EnterError::Sealed);
    });
}

#[test]
fn a_level_beside_a_sealed_one_opens_nothing() {
    let gate = Gate::default();
    let other = gate.close();
    gate.close().seal();
    drop(other);
    drop(gate.close());
    assert_eq!(gate.enter().unwrap_err(), EnterError::Sealed);
}

#[test]
fn a_wait_in_one_level_does_not_need_the_other() {
    within_a_minute("two closers", || {
        let gate = Arc::new(Gate::default());
        let guard = gate.enter().expect("open");
        let (first, second) = (gate.close(), gate.close());
        assert_eq!((first.level(), second.level()), (1, 2));
        drop(first);
        assert!(gate.enter().is_err());
        drop(guard);
        assert!(second.wait_empty(), "it was occupied at the closing, even if empty by now");
        drop(second);
        assert_eq!(gate.closed_levels(), 0);
        assert!(!gate.close().wait_empty(), "twin: nobody was inside this time");
    });
}

#[test]
fn unwinding_leaves_and_opens() {
    let mut gate = Gate::default();
    assert!(panics(|| {
        let _inside = gate.enter();
        panic!("the writer fails");
    }));
    assert!(panics(|| {
        let _closed = gate.close();
        panic!("the closer fails");
    }));
    assert!(gate.enter().is_ok());
    assert_eq!(gate.leaked(), 0);
}

#[test]
fn leaks_are_counted() {
    let mut gate = Gate::new(Shards::new(1));
    for _ in 0..3 {
        std::mem::forget(gate.enter());
    }
    std::mem::forget(gate.close());
    assert_eq!((gate.leaked(), gate.leaked_levels()), (3, 1));
    assert!(gate.enter().is_err());
}

#[test]
fn every_allowed_number_of_shards_will_do() {
    for (asked, given) in [(0, 1), (1, 1), (7, 7), (64, 64), (65, 64), (usize::MAX, 64)] {
        let shards = Shards::saturating(asked);
        assert_eq!(shards.count(), given);
        let gate = Gate::new(shards);
        let inside = gate.enter();
        assert!(gate.close().was_occupied());
        drop(inside);
        assert!(!gate.close().wait_empty());
    }
}

#[test]
fn other_numbers_of_shards_are_refused() {
    for allowed in [1, 2, Shards::MAX] {
        assert_eq!(Shards::new(allowed).count(), allowed);
    }
    for refused in [0, Shards::MAX + 1, usize::MAX] {
        let panic = std::panic::catch_unwind(|| Shards::new(refused)).expect_err("not allowed");
        let message = panic.downcast_ref::<&str>().expect("a fixed text");
        assert!(message.contains("1 to 64") && message.contains("Shards::saturating"), "{message}");
    }
}

#[test]
fn refusals_say_what_to_do() {
    for (refusal, hint) in [
        (EnterError::Closed, "go elsewhere, or wait"),
        (EnterError::Sealed, "never open again"),
        (EnterError::Full, "leaked"),
    ] {
        assert!(refusal.to_string().contains(hint), "{refusal}");
    }
}
