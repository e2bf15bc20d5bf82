//! Atomics: which interleavings loom explores, and which values a read may get.

use super::trial::{EVERY_ORDER_OF_THREE, Expected, Trial, trial};
use crate::engine::RaceChecked;
use blockgate::sync::{Published, Publisher, published};
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU64, fence};
use loom_harness::{Model, Twin, check, violated};
use std::sync::{Arc, Mutex};

pub(super) fn models() -> Vec<Model> {
    let mut models = interleavings();
    models.extend(values());
    models.push(Model::new("litmus/ordered-cell").theorem("A cell may be read after an acquire.").body(
        || {
            cell(true);
        },
    ));
    models
}

pub(super) fn twins() -> Vec<Twin> {
    vec![
        Twin::new("litmus/racing-cell")
            .of("litmus/ordered-cell")
            .left_out("the acquire before the read")
            .roles(&["reader", "writer"])
            .expect("race")
            .body(|| cell(false)),
        Twin::new("litmus/store-buffering-seq-cst")
            .left_out("fences between correct SeqCst accesses: loom counts SeqCst as AcqRel")
            .roles(&["one", "other"])
            .expect("store buffering")
            .body(store_buffering_seq_cst),
    ]
}

fn interleavings() -> Vec<Model> {
    vec![
        trial(
            "load-then-cas",
            "The hole: a thread that loads before it exchanges hides what others read (issues 166, 392).",
            Expected { executions: 1, outcomes: &["load=0"] },
            |trial| trial.run(AtomicU64::new(0), &[load, load_then_cas]),
        ),
        trial(
            "cas-from-a-guess",
            "Without the load nothing is hidden.",
            Expected { executions: 5, outcomes: &["cas=Ok(0) load=0", "cas=Ok(0) load=1"] },
            |trial| trial.run(AtomicU64::new(0), &[|word, t| exchange(word, t, "cas", 1), load]),
        ),
        trial("rmw", "All orders of read-modify-writes are explored.", EVERY_ORDER_OF_THREE, |trial| {
            trial.run(
                AtomicU64::new(0),
                &[|w, t| add(w, t, "a"), |w, t| add(w, t, "b"), |w, t| add(w, t, "c")],
            );
        }),
        trial(
            "cas",
            "All orders of exchanges are explored.",
            Expected { executions: 3, outcomes: &["a=Err(2) b=Ok(0)", "a=Ok(0) b=Err(1)"] },
            |trial| {
                trial.run(AtomicU64::new(0), &[|w, t| exchange(w, t, "a", 1), |w, t| exchange(w, t, "b", 2)]);
            },
        ),
        trial(
            "published",
            "All that one publisher and one reader can come to is explored.",
            Expected {
                executions: 40,
                outcomes: &["a=0 b=0", "a=0 b=1", "a=0 b=2", "a=1 b=1", "a=1 b=2", "a=2 b=2"],
            },
            |trial| trial.run(Cell::new(), &[publish_twice, read_twice]),
        ),
    ]
}

fn values() -> Vec<Model> {
    vec![
        trial(
            "stale-load",
            "A load may read an old value.",
            Expected {
                executions: 13,
                outcomes: &["flag=0 got=0", "flag=0 got=1", "flag=1 got=0", "flag=1 got=1"],
            },
            |trial| {
                trial.run(
                    pair(),
                    &[write_then_flag, |pair, trial| flag_then(pair, trial, |x| x.load(Relaxed))],
                );
            },
        ),
        trial(
            "failed-cas-is-newest",
            "A failed exchange reads the newest value. (In C11 it is a load, and may read an old one.)",
            Expected { executions: 7, outcomes: &["flag=0 got=0", "flag=0 got=1", "flag=1 got=1"] },
            |trial| trial.run(pair(), &[write_then_flag, |pair, trial| flag_then(pair, trial, failed_cas)]),
        ),
        trial(
            "weak-cas",
            "A weak exchange never fails spuriously.",
            Expected { executions: 1, outcomes: &["weak=Ok(0)"] },
            |trial| {
                trial.note(
                    "weak",
                    format!("{:?}", AtomicU64::new(0).compare_exchange_weak(0, 1, AcqRel, Relaxed)),
                );
            },
        ),
        trial(
            "load-buffering",
            "No load reads what is stored only after it: C11 permits a=1 b=1.",
            Expected { executions: 11, outcomes: &["a=0 b=0", "a=0 b=1", "a=1 b=0"] },
            |trial| {
                trial.run(
                    pair(),
                    &[|p, t| load_store(t, "a", &p.0, &p.1), |p, t| load_store(t, "b", &p.1, &p.0)],
                );
            },
        ),
        trial(
            "store-buffering-fenced",
            "A SeqCst fence is one.",
            Expected { executions: 10, outcomes: &["a=0 b=1", "a=1 b=0", "a=1 b=1"] },
            |trial| {
                trial.run(
                    pair(),
                    &[|p, t| store_load(t, "a", &p.0, &p.1), |p, t| store_load(t, "b", &p.1, &p.0)],
                );
            },
        ),
        trial(
            "history",
            "A load gets one of the last seven values: 0 and 1 may be read here too, and are not.",
            Expected {
                executions: 15,
                outcomes: &["got=2", "got=3", "got=4", "got=5", "got=6", "got=7", "got=8", "got=nothing yet"],
            },
            |trial| trial.run(pair(), &[eight_values_then_flag, after_the_flag]),
        ),
    ]
}

fn load(word: &AtomicU64, trial: &Trial) {
    trial.note("load", word.load(Acquire));
}

fn load_then_cas(word: &AtomicU64, _: &Trial) {
    let seen = word.load(Acquire);
    let _exchanged = word.compare_exchange(seen, seen + 1, AcqRel, Relaxed);
}

fn add(word: &AtomicU64, trial: &Trial, name: &'static str) {
    trial.note(name, word.fetch_add(1, Relaxed));
}

fn exchange(word: &AtomicU64, trial: &Trial, name: &'static str, to: u64) {
    trial.note(name, format!("{:?}", word.compare_exchange(0, to, AcqRel, Relaxed)));
}

struct Cell {
    publisher: Mutex<Publisher>,
    reader: Published,
}

impl Cell {
    fn new() -> Self {
        let (publisher, reader) = published(0);
        Self { publisher: Mutex::new(publisher), reader }
    }
}

fn publish_twice(cell: &Cell, _: &Trial) {
    let mut publisher = cell.publisher.lock().expect("one role locks it");
    publisher.publish(1);
    publisher.publish(2);
}

fn read_twice(cell: &Cell, trial: &Trial) {
    trial.note("a", cell.reader.get());
    trial.note("b", cell.reader.get());
}

fn pair() -> (AtomicU64, AtomicU64) {
    (AtomicU64::new(0), AtomicU64::new(0))
}

fn write_then_flag((x, flag): &(AtomicU64, AtomicU64), _: &Trial) {
    x.fetch_add(1, Relaxed);
    flag.fetch_add(1, Relaxed);
}

fn flag_then((x, flag): &(AtomicU64, AtomicU64), trial: &Trial, read: fn(&AtomicU64) -> u64) {
    trial.note("flag", flag.fetch_add(0, Relaxed));
    trial.note("got", read(x));
}

fn failed_cas(x: &AtomicU64) -> u64 {
    x.compare_exchange(9, 9, Relaxed, Relaxed).expect_err("it is never 9")
}

fn load_store(trial: &Trial, name: &'static str, from: &AtomicU64, to: &AtomicU64) {
    trial.note(name, from.load(Relaxed));
    to.store(1, Relaxed);
}

fn store_load(trial: &Trial, name: &'static str, to: &AtomicU64, from: &AtomicU64) {
    to.store(1, Relaxed);
    fence(SeqCst);
    trial.note(name, from.load(Relaxed));
}

fn eight_values_then_flag((x, flag): &(AtomicU64, AtomicU64), _: &Trial) {
    (1..=8).for_each(|value| x.store(value, Relaxed));
    flag.fetch_add(1, Relaxed);
}

fn after_the_flag((x, flag): &(AtomicU64, AtomicU64), trial: &Trial) {
    match flag.fetch_add(0, Relaxed) {
        0 => trial.note("got", "nothing yet"),
        _ => trial.note("got", x.load(Relaxed)),
    }
}

/// Correct in C11: one of the two loads must see the other's store.
fn store_buffering_seq_cst() {
    let shared = Arc::new(pair());
    let other = Arc::clone(&shared);
    let seen = Arc::new(Mutex::new(None));
    let end = |seen: Arc<Mutex<Option<u64>>>, mine: u64| {
        let theirs = seen.lock().expect("nobody panics").replace(mine);
        if (theirs, mine) == (Some(0), 0) {
            violated("store buffering", "neither sees the other's store");
        }
    };
    let share = Arc::clone(&seen);
    loom::thread::spawn(move || {
        other.0.store(1, SeqCst);
        end(share, other.1.load(SeqCst));
    });
    shared.1.store(1, SeqCst);
    end(seen, shared.0.load(SeqCst));
}

/// No branch point, yet every access is checked.
fn cell(acquire: bool) {
    let shared = Arc::new((RaceChecked::new(0), AtomicU64::new(0)));
    let other = Arc::clone(&shared);
    loom::thread::spawn(move || {
        other.0.write(1);
        other.1.store(1, Release);
    });
    if shared.1.load(if acquire { Acquire } else { Relaxed }) == 1 {
        check(shared.0.read() == 1, "the write is seen", String::new);
    }
}
