//! Models that hold in every execution that loom tries, and prove nothing or less than they seem to. Each must be
//! refused: it is never called exhaustive, and most of them fail.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use loom_harness::{Model, Suite};
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize as Unseen;
use std::sync::{Arc, Once};
use std::time::Duration;

use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// A model, and what its run must print.
pub struct FalseGreen {
    pub name: &'static str,
    body: fn(),
    roles: &'static [&'static str],
    /// It fails; otherwise it is green, and not exhaustive.
    pub fails: bool,
    pub prints: &'static [&'static str],
}

const fn red(name: &'static str, body: fn(), prints: &'static [&'static str]) -> FalseGreen {
    FalseGreen { name, body, roles: &[], fails: true, prints }
}

const fn green(name: &'static str, body: fn(), prints: &'static [&'static str]) -> FalseGreen {
    FalseGreen { name, body, roles: &[], fails: false, prints }
}

impl FalseGreen {
    const fn of_roles(self, roles: &'static [&'static str]) -> Self {
        Self { roles, ..self }
    }
}

pub const ALL: &[FalseGreen] = &[
    // What survives an execution.
    red("survives/once", once, &["not deterministic", "execution 1 does not come out again: event "]),
    red("survives/ids", ids, &["not deterministic"]),
    red("survives/hash-order", hash_order, &["not deterministic"]),
    red("survives/late", late, &["not deterministic", "does not come out again"]),
    // What loom does not see.
    red("outside/spawn", outside_spawn, &[" on a thread outside of the model"]),
    red("outside/silent", outside_silent, &["2 threads for 3 roles", "no thread of the model"])
        .of_roles(&["main", "other", "outside"]),
    // What is not explored.
    green(
        "switched-off/stop",
        stop_exploring,
        &["not exhaustively (the model switches the exploration off)"],
    ),
    green(
        "switched-off/middle",
        stop_and_explore,
        &["not exhaustively (the model switches the exploration off)"],
    ),
    green("switched-off/skip", skip_branch, &["not exhaustively (the model switches the exploration off)"]),
    green("own-search", own_search, &["not exhaustively (the model runs a search of its own)"]),
    // Nothing is concurrent.
    red("vacuous/one-thread", one_thread, &["vacuous", ".sequential()"]),
    red("vacuous/lazy-spawn", lazy_spawn, &["vacuous"]),
    red("vacuous/joined-at-once", joined_at_once, &["vacuous"]),
    // The engine's own holes.
    green("hole/load-then-write", load_then_write, &["with a hole at ", "false_greens.rs:", "166, 392"]),
    green("hole/store-and-rmw", store_and_rmw, &["with a hole at ", "false_greens.rs:", "254, 282, 389"]),
    green("hole/try-lock", try_lock, &["with a hole at ", "false_greens.rs:", "try_lock"]),
    green("hole/timeout", timeout, &["with a hole at ", "false_greens.rs:", "timeout"]),
    green("hole/seq-cst", seq_cst, &["with a hole at ", "false_greens.rs:", "SeqCst"]),
];

pub fn suite() -> Suite {
    let model = |green: &FalseGreen| Model::new(green.name).roles(green.roles).body(green.body);
    Suite::new("foreign").models(ALL.iter().map(model))
}

/// Two threads that count on one word, which is all that is meant to be explored.
fn both(act: impl Fn(&AtomicUsize) + Clone + Send + 'static) {
    let word = Arc::new(AtomicUsize::new(0));
    let (other, also) = (Arc::clone(&word), act.clone());
    let role = thread::spawn(move || also(&other));
    act(&word);
    role.join().unwrap();
}

fn add(word: &AtomicUsize) {
    word.fetch_add(1, AcqRel);
}

/// The first execution of a process takes another path, with as many operations.
fn once() {
    static ONCE: Once = Once::new();
    both(|word| {
        let mut is_first = false;
        ONCE.call_once(|| is_first = true);
        if is_first { word.store(1, Release) } else { add(word) }
    });
}

/// Which of two words is used depends on a number that no execution starts anew.
fn ids() {
    static NEXT: Unseen = Unseen::new(0);
    let words = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let id = NEXT.fetch_add(1, Relaxed);
    let other = Arc::clone(&words);
    thread::spawn(move || add(&other[usize::from(id > 0)]));
    add(&words[0]);
    add(&words[1]);
}

fn hash_order() {
    // Many: by chance it may be the same order.
    let words: HashMap<usize, AtomicUsize> = (0..8).map(|key| (key, AtomicUsize::new(0))).collect();
    let words = Arc::new(words);
    let other = Arc::clone(&words);
    thread::spawn(move || add(&other[&0]));
    words.values().for_each(add);
}

/// A cache that is full after some executions.
fn late() {
    static RUNS: Unseen = Unseen::new(0);
    let is_full = RUNS.fetch_add(1, Relaxed) > 20;
    both(move |word| {
        (0..4).for_each(|_| add(word));
        if is_full { word.store(1, Release) } else { add(word) }
    });
}

fn outside_spawn() {
    both(add);
    let word = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&word);
    assert!(std::thread::spawn(move || add(&other)).join().is_err());
}

fn outside_silent() {
    both(add);
    let _ = std::thread::spawn(|| assert_eq!(1 + 1, 3)).join();
}

/// That one sees the other's count before or after: neither is explored.
fn stop_exploring() {
    both(add);
    loom::stop_exploring();
    both(add);
}

/// On again at the end, so that no trace of it is left: this crate's own function has a memory.
fn stop_and_explore() {
    both(add);
    loom_harness::stop_exploring();
    both(add);
    loom_harness::explore();
    both(add);
}

fn skip_branch() {
    both(add);
    loom::skip_branch();
    both(add);
}

fn own_search() {
    both(add);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(0);
    builder.check(|| both(add));
}

fn one_thread() {
    let word = AtomicUsize::new(0);
    add(&word);
    assert_eq!(word.load(Acquire), 1);
}

fn lazy_spawn() {
    let word = Arc::new(AtomicUsize::new(0));
    let _roles = (0..2).map(|_| {
        let word = Arc::clone(&word);
        thread::spawn(move || add(&word))
    });
    add(&word);
}

fn joined_at_once() {
    let word = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let word = Arc::clone(&word);
        thread::spawn(move || add(&word)).join().unwrap();
    }
    add(&word);
}

/// One that reads, and one that reads and writes: loom never runs the read after the write.
fn load_then_write() {
    let word = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&word);
    let role = thread::spawn(move || {
        let seen = other.load(Acquire);
        let _ = other.compare_exchange(seen, 1, AcqRel, Acquire);
    });
    word.load(Acquire);
    word.fetch_add(0, AcqRel);
    role.join().unwrap();
}

fn store_and_rmw() {
    let word = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&word);
    let role = thread::spawn(move || other.store(1, Release));
    word.swap(2, AcqRel);
    role.join().unwrap();
}

fn try_lock() {
    let value = Arc::new(Mutex::new(0));
    let other = Arc::clone(&value);
    let role = thread::spawn(move || *other.lock().unwrap() += 1);
    if let Ok(mut value) = value.try_lock() {
        *value += 1;
    }
    role.join().unwrap();
}

fn timeout() {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&pair);
    let role = thread::spawn(move || {
        *other.0.lock().unwrap() = true;
        other.1.notify_one();
    });
    let mut ready = pair.0.lock().unwrap();
    while !*ready {
        ready = pair.1.wait_timeout(ready, Duration::from_millis(1)).unwrap().0;
    }
    drop(ready);
    role.join().unwrap();
}

fn seq_cst() {
    both(|word| {
        word.fetch_add(1, SeqCst);
    });
}
