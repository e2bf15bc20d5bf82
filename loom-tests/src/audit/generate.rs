//! Random programs, the same ones for the same seed.

use super::program::{Condition, Event, Lock, Op, Program, Raw, Rmw, Update};
use fastrand::Rng;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A program of at most `operations` in all threads together, over what `src/sync.rs` offers.
pub(crate) fn over_the_facade(seed: u64, operations: usize) -> Program {
    let rng = &mut Rng::with_seed(seed);
    let mut program = Program::default();
    let threads = rng.usize(2..=3);
    if rng.bool() {
        // A word and a cell alone: whether the one orders the other is what the orderings are for.
        (program.words, program.publishers) = (1, vec![rng.usize(0..threads)]);
    } else {
        (0..rng.usize(2..=3)).for_each(|_| object(rng, &mut program, threads));
    }
    program.threads = lengths(rng, threads, operations)
        .enumerate()
        .map(|(thread, length)| (0..length).map(|_| op(rng, &program, thread)).collect())
        .collect();
    program
}

fn object(rng: &mut Rng, program: &mut Program, threads: usize) {
    match rng.u8(0..6) {
        0 | 1 => program.words += 1,
        2 | 3 => program.publishers.push(rng.usize(0..threads)),
        4 => program.locks.push(Lock::Mutex),
        _ => program.locks.push(Lock::Monitor),
    }
}

/// A program over one atomic that everybody may load, store and exchange: what the facade forbids.
pub(crate) fn over_a_plain_atomic(seed: u64, operations: usize) -> Program {
    let rng = &mut Rng::with_seed(seed);
    let threads = rng.usize(2..=3);
    let threads = lengths(rng, threads, operations)
        .map(|length| (0..length).map(|_| Op::Alone(Event::Raw(raw(rng)))).collect());
    Program { threads: threads.collect(), ..Program::default() }
}

fn lengths(rng: &mut Rng, threads: usize, operations: usize) -> impl Iterator<Item = usize> + use<> {
    let most = (operations / threads).max(1);
    (0..threads).map(|_| rng.usize(1..=most)).collect::<Vec<_>>().into_iter()
}

fn op(rng: &mut Rng, program: &Program, thread: usize) -> Op {
    let events = program.words + program.publishers.len();
    let object = rng.usize(0..events + program.locks.len());
    let Some(lock) = object.checked_sub(events) else {
        return Op::Alone(event(rng, program, thread));
    };
    if program.locks[lock] == Lock::Monitor && rng.u8(0..3) == 0 {
        return Op::Wait { monitor: lock, on: condition(rng, program) };
    }
    Op::Critical {
        lock,
        inside: (events > 0 && rng.bool()).then(|| event(rng, program, thread)),
        add: rng.u64(1..=2),
        // Sometimes forgotten: a lost wake-up must be found, too.
        notify: program.locks[lock] == Lock::Monitor && rng.u8(0..8) > 0,
    }
}

fn event(rng: &mut Rng, program: &Program, thread: usize) -> Event {
    let object = rng.usize(0..program.words + program.publishers.len());
    match object.checked_sub(program.words) {
        Some(cell) if program.publishers[cell] == thread => Event::Publish { cell },
        Some(cell) => Event::Get { cell },
        None if rng.bool() => Event::Update { word: object, update: update(rng) },
        None => Event::Rmw {
            word: object,
            action: rmw(rng),
            order: *pick(rng, &[Relaxed, Acquire, Release, AcqRel]),
        },
    }
}

fn condition(rng: &mut Rng, program: &Program) -> Condition {
    if program.words > 0 && rng.bool() {
        return Condition::Updated { word: rng.usize(0..program.words), update: update(rng) };
    }
    Condition::AtLeast(rng.u64(0..=2))
}

fn update(rng: &mut Rng) -> Update {
    // Acquire on refusal only with Acquire on success: an exchange that fails first and then goes through
    // has read twice, and only so is that the same as having read once.
    let orders = [
        (Relaxed, Relaxed),
        (Acquire, Relaxed),
        (Acquire, Acquire),
        (Release, Relaxed),
        (AcqRel, Relaxed),
        (AcqRel, Acquire),
    ];
    Update { likely: rng.u64(0..=2), mask: rng.u64(1..=3), add: rng.u64(1..=3), orders: *pick(rng, &orders) }
}

fn rmw(rng: &mut Rng) -> Rmw {
    match rng.u8(0..4) {
        0 => Rmw::Add(rng.u64(1..=3)),
        1 => Rmw::Subtract(1),
        2 => Rmw::SetBits(rng.u64(1..=3)),
        _ => Rmw::Read,
    }
}

fn raw(rng: &mut Rng) -> Raw {
    match rng.u8(0..3) {
        0 => Raw::Load,
        1 => Raw::Store(rng.u64(1..=3)),
        _ => Raw::CompareExchange(rng.u64(0..=2), rng.u64(1..=3)),
    }
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(0..from.len())]
}
