#![cfg(not(any(loom, traceset)))]
//! `OrderedExtents` on std threads: X1 to X4 under contention, failures told to every waiter, leaks.

mod support;

use std::sync::Arc;
use std::sync::mpsc;

use blockgate::{OrderedExtents, Shards, Waited};
use support::{Counter, KIB, panics, range, within_a_minute};

const SPAN: u64 = 64 * KIB;

/// One writer's stretch of addresses: how many of its writes were added, how many are over.
#[derive(Default)]
struct Stretch {
    added: Counter,
    over: Counter,
}

/// The stretches where a write that was added before `added` was taken down is not over.
fn left_behind(added: &[u64], stretches: &[Stretch]) -> usize {
    added.iter().zip(stretches).filter(|(added, stretch)| stretch.over.get() < **added).count()
}

#[test]
fn a_wait_returns_only_when_all_that_was_there_is_over() {
    const WRITERS: u64 = 3;
    let waited = within_a_minute("a waiter among writers", || {
        let in_flight = OrderedExtents::default();
        let stretches: Vec<_> = (0..WRITERS).map(|_| Stretch::default()).collect();
        let (done, waited) = (Counter::default(), Counter::default());
        std::thread::scope(|scope| {
            for (index, stretch) in (0..).zip(&stretches) {
                let (in_flight, done) = (&in_flight, &done);
                scope.spawn(move || write_hand_over_hand(in_flight, index * SPAN, stretch, done));
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let _end = done.next_at_end();
                    for _ in 0..500 {
                        let added: Vec<_> = stretches.iter().map(|stretch| stretch.added.get()).collect();
                        waited.add(in_flight.wait_range(range(0, WRITERS * SPAN)).count as u64);
                        assert_eq!(left_behind(&added, &stretches), 0, "X1, X2, X4");
                    }
                });
            }
        });
        assert_eq!(in_flight.in_flight(), 0);
        waited.get()
    });
    assert!(waited > 0, "no wait ever met a write");
}

/// Never without a write in flight, so a wait that is not for a snapshot would never end.
fn write_hand_over_hand(in_flight: &OrderedExtents, start: u64, stretch: &Stretch, done: &Counter) {
    let mut random = fastrand::Rng::with_seed(start);
    let mut before = None;
    while done.get() < 2 {
        let offset = random.u64(..SPAN / KIB) * KIB;
        let write = in_flight.add(range(start + offset, random.u64(1..=SPAN - offset)));
        stretch.added.next();
        if let Some(before) = before.replace(write) {
            stretch.over.next();
            end(before, &mut random);
            if random.u8(..64) == 0 {
                std::thread::yield_now();
            }
        }
    }
    stretch.over.next();
}

fn end(write: blockgate::OrderedExtent<&OrderedExtents>, random: &mut fastrand::Rng) {
    match random.u8(..4) {
        0 => write.fail(),
        1 => drop(write),
        _ => write.finish(),
    }
}

#[test]
fn twin_without_the_wait_a_write_is_left_behind() {
    let (in_flight, stretches) = (OrderedExtents::default(), [Stretch::default()]);
    let write = in_flight.add(range(0, 1));
    stretches[0].added.next();
    assert_eq!(left_behind(&[1], &stretches), 1, "the check above would have seen it");
    write.finish();
}

#[test]
fn writes_finish_on_other_threads() {
    let (added, over) = within_a_minute("I/O that completes elsewhere", || {
        let in_flight = Arc::new(OrderedExtents::new(Shards::new(3)));
        let over = Counter::default();
        let (submit, complete) = mpsc::sync_channel(64);
        std::thread::scope(|scope| {
            let over = &over;
            scope.spawn(move || {
                for write in complete {
                    over.next();
                    blockgate::OrderedExtent::<Arc<OrderedExtents>>::finish(write);
                }
            });
            for index in 0..20_000 {
                submit.send(in_flight.add_owned(range(index, 1))).expect("completions are handled");
            }
            let waited = in_flight.wait_range(range(0, 20_000));
            assert_eq!(waited.failed, 0);
            assert_eq!(over.get(), 20_000, "the wait is over before the writes are");
            drop(submit);
        });
        (20_000, over.get())
    });
    assert_eq!(added, over);
}

/// Rounds until a wait of each waiter began before the write failed: each of them must learn of it.
#[test]
fn a_failure_is_told_to_every_waiter() {
    within_a_minute("three waiters", || {
        let in_flight = OrderedExtents::default();
        let all_were_there = (0..20_000).any(|_| {
            let (fails, finishes) = (in_flight.add(range(0, 8)), in_flight.add(range(8, 8)));
            let told = std::thread::scope(|scope| {
                let waiters: Vec<_> =
                    (0..3).map(|_| scope.spawn(|| in_flight.wait_range(range(0, 16)))).collect();
                for _ in 0..50 {
                    std::thread::yield_now();
                }
                fails.fail();
                finishes.finish();
                waiters.into_iter().map(|waiter| waiter.join().expect("no panic")).collect::<Vec<_>>()
            });
            for Waited { count, failed } in &told {
                assert_eq!(*failed, count.saturating_sub(1), "counted {count}, {failed} failed");
            }
            told.iter().all(|waited| waited.count == 2)
        });
        assert!(all_were_there, "the three never waited at the same time");
    });
}

#[test]
fn only_what_overlaps_is_waited_for() {
    within_a_minute("a wait for a range where nothing is written", || {
        let in_flight = OrderedExtents::default();
        let _held = in_flight.add(range(4 * KIB, 4 * KIB));
        for apart in [range(0, 4 * KIB), range(8 * KIB, 1), range(8 * KIB, u64::MAX - 8 * KIB)] {
            assert_eq!(in_flight.wait_range(apart), Waited::default(), "{apart}");
        }
    });
}

#[test]
fn touching_by_one_byte_is_overlapping() {
    within_a_minute("a wait", || {
        let in_flight = OrderedExtents::default();
        for touching in [range(0, 4097), range(8191, 1), range(0, u64::MAX), range(5000, 1)] {
            let counted = (0..20_000).any(|_| {
                let write = in_flight.add(range(4096, 4096));
                std::thread::scope(|scope| {
                    let waiter = scope.spawn(|| in_flight.wait_range(touching));
                    (0..20).for_each(|_| std::thread::yield_now());
                    write.finish();
                    waiter.join().expect("no panic").count == 1
                })
            });
            assert!(counted, "{touching} was never waited for");
        }
    });
}

#[test]
fn many_in_flight_leave_in_any_order() {
    let in_flight = OrderedExtents::new(Shards::new(1));
    let mut random = fastrand::Rng::with_seed(7);
    let mut writes: Vec<_> = (0..100_000).map(|index| in_flight.add(range(index, 1))).collect();
    assert_eq!(in_flight.in_flight(), writes.len());
    random.shuffle(&mut writes);
    let kept = writes.split_off(50_000);
    writes.into_iter().for_each(blockgate::OrderedExtent::finish);
    assert_eq!(in_flight.in_flight(), kept.len());
    let again: Vec<_> = (0..50_000).map(|index| in_flight.add(range(index, 1))).collect();
    drop((kept, again));
    assert_eq!(in_flight.in_flight(), 0);
}

#[test]
fn unwinding_fails_the_write_and_leaks_are_counted() {
    let mut in_flight = OrderedExtents::default();
    assert!(panics(|| {
        let _write = in_flight.add(range(0, 1));
        panic!("the I/O panics");
    }));
    assert_eq!(in_flight.leaked(), 0);
    std::mem::forget(in_flight.add(range(0, 1)));
    std::mem::forget(in_flight.add(range(0, 1)));
    assert_eq!(in_flight.leaked(), 2);
}
