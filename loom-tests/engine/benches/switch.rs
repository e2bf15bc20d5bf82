//! What a switch between coroutines costs with `generator`, which needs no unsafe code here, beside
//! `corosensei`, which would: it is suspended by a borrowed handle that every operation would have to find.
//!
//!     cargo bench -p traceset --bench switch

use corosensei::{Coroutine, CoroutineResult};
use generator::{Gn, co_yield_with};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

const SWITCHES: u32 = 1_000_000;
const ROUNDS: usize = 9;

fn main() {
    // Alternately, since a machine has its moods; the best round of each is the one that was disturbed least.
    let (mut one, mut other) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        one = one.min(timed(with_generator));
        other = other.min(timed(with_corosensei));
    }
    let nanoseconds = |duration: Duration| duration.as_secs_f64() * 1e9 / f64::from(SWITCHES);
    println!(
        "there and back: generator {:.1} ns, corosensei {:.1} ns, ratio {:.2}",
        nanoseconds(one),
        nanoseconds(other),
        one.as_secs_f64() / other.as_secs_f64()
    );
}

fn timed(run: fn()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

fn with_generator() {
    let mut coroutine = Gn::<()>::new_opt(0x2000, || (0..SWITCHES).for_each(|_| co_yield_with(())));
    coroutine.set_local_data(NonNull::dangling().as_ptr());
    while !coroutine.is_done() {
        coroutine.resume();
    }
}

fn with_corosensei() {
    let mut coroutine =
        Coroutine::<(), (), ()>::new(|yielder, ()| (0..SWITCHES).for_each(|_| yielder.suspend(())));
    while let CoroutineResult::Yield(()) = coroutine.resume(()) {}
}
