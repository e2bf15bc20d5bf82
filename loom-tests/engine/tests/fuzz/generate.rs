//! Random programs, the same ones for the same seed.

use crate::program::{CELLS, LOCKS, Op, Program, WORDS};
use fastrand::Rng;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

/// A program of two to four threads, the more the shorter.
pub(crate) fn program(seed: u64) -> Program {
    let mut rng = Rng::with_seed(seed);
    let threads = rng.usize(2..=4);
    let style = Style { parks: rng.u8(..4) == 0, monitors: rng.u8(..3) == 0, cells: rng.u8(..6) == 0 };
    let ops = |rng: &mut Rng, thread| some_ops(rng, style, thread, [7, 4, 3][threads - 2]);
    let mut threads: Vec<_> = (0..threads).map(|thread| ops(&mut rng, thread)).collect();
    spawn_all(&mut rng, &mut threads);
    if style.monitors {
        wait_somewhere(&mut rng, &mut threads);
    }
    Program { threads }
}

/// What there is in a program. All at once would leave too little of each.
#[derive(Clone, Copy)]
struct Style {
    parks: bool,
    monitors: bool,
    cells: bool,
}

fn some_ops(rng: &mut Rng, style: Style, thread: usize, most: usize) -> Vec<Op> {
    let mut held = Vec::new();
    (0..rng.usize(1..=most)).map(|_| op(rng, style, thread, &mut held)).collect()
}

fn op(rng: &mut Rng, style: Style, thread: usize, held: &mut Vec<usize>) -> Op {
    match rng.u8(..16) {
        0..3 => lock(rng, held),
        3 if !held.is_empty() => unlock(rng, held),
        4 if style.parks => {
            if thread == 0 {
                Op::Park
            } else {
                Op::UnparkFirst
            }
        }
        5 if style.parks && thread > 0 => Op::UnparkFirst,
        4 | 5 if style.monitors && held.is_empty() => Op::Notify,
        6 | 7 if style.cells => {
            if rng.bool() {
                Op::ReadCell(rng.usize(..CELLS))
            } else {
                Op::WriteCell(rng.usize(..CELLS))
            }
        }
        8 => Op::Unwind(rng.usize(..WORDS)),
        9 => Op::AddWhereItPoints,
        10 => Op::AddAtRemembered,
        _ => on_word(rng),
    }
}

fn on_word(rng: &mut Rng) -> Op {
    let word = rng.usize(..WORDS);
    match rng.u8(..8) {
        0 => Op::Add(word, rng.u64(1..=2), rmw_order(rng)),
        1 => Op::Add(word, 0, rmw_order(rng)),
        2 => Op::SetBits(word, rng.u64(1..=2), rmw_order(rng)),
        3 | 4 => Op::Exchange { word, old: rng.u64(..2), new: rng.u64(..3), orders: exchange_orders(rng) },
        5 => Op::Store(word, rng.u64(..2), if rng.bool() { Release } else { Relaxed }),
        _ => Op::Load(word, if rng.bool() { Acquire } else { Relaxed }),
    }
}

fn rmw_order(rng: &mut Rng) -> Ordering {
    [Relaxed, Acquire, Release, AcqRel][rng.usize(..4)]
}

fn exchange_orders(rng: &mut Rng) -> (Ordering, Ordering) {
    (rmw_order(rng), if rng.bool() { Acquire } else { Relaxed })
}

/// Mostly in the order of their numbers; the other order can deadlock.
fn lock(rng: &mut Rng, held: &mut Vec<usize>) -> Op {
    let free: Vec<_> = (0..LOCKS).filter(|lock| !held.contains(lock)).collect();
    let in_order = free.iter().copied().find(|lock| held.iter().all(|held| held < lock));
    let lock = if rng.u8(..4) == 0 { free.first().copied() } else { in_order };
    let Some(lock) = lock else { return unlock(rng, held) };
    held.push(lock);
    Op::Lock(lock)
}

fn unlock(rng: &mut Rng, held: &mut Vec<usize>) -> Op {
    if rng.u8(..4) == 0 {
        held.remove(0);
        Op::UnlockFirst
    } else {
        held.pop();
        Op::Unlock
    }
}

/// Each thread but the first is spawned by one before it, mostly at the beginning, and joined at times.
fn spawn_all(rng: &mut Rng, threads: &mut [Vec<Op>]) {
    for child in (1..threads.len()).rev() {
        let parent = if rng.u8(..4) == 0 { rng.usize(..child) } else { 0 };
        if rng.u8(..8) == 0 {
            threads[parent].push(Op::Join(child));
        }
        let late = if rng.u8(..4) == 0 { rng.usize(..=threads[parent].len()) } else { 0 };
        let before_join = threads[parent].iter().position(|op| matches!(op, Op::Join(_)));
        threads[parent].insert(late.min(before_join.unwrap_or(late)), Op::Spawn(child));
    }
}

fn wait_somewhere(rng: &mut Rng, threads: &mut [Vec<Op>]) {
    let notifies = threads.iter().flatten().filter(|op| matches!(op, Op::Notify)).count() as u64;
    let thread = rng.usize(..threads.len());
    let at = rng.usize(..=threads[thread].len());
    threads[thread].insert(at, Op::Wait(rng.u64(..=notifies)));
}
