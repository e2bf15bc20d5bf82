//! Limits: of loom itself, and those that one can set, which cut a search and say nothing.

use super::trial::{Expected, Limits, Trial, limited, trial};
use blockgate::sync::current_shard;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::thread;
use loom_harness::{Model, Twin};

const ONE: Expected = Expected { executions: 1, outcomes: &["a=0 b=2"] };

/// Where two threads add one twice each: what each first saw.
const ALL: Expected = Expected { executions: 10, outcomes: &["a=0 b=1", "a=0 b=2", "a=1 b=0", "a=2 b=0"] };

pub(super) fn models() -> Vec<Model> {
    let cut = Limits { permutations: Some(2), ..Limits::default() };
    vec![
        trial("unlimited", "Without limits all is explored.", ALL, twice_each),
        limited(
            "preemption-bound",
            "A preemption bound hides outcomes, and the search still passes.",
            Limits { preemptions: Some(0), ..Limits::default() },
            ONE,
            twice_each,
        ),
        limited(
            "permutations-cut",
            "A cap cuts the search, and the search still passes.",
            Limits { interval: Some(1), ..cut },
            ONE,
            twice_each,
        ),
        limited(
            "permutations-ignored",
            "Loom looks at its cap every 20,000 executions only.",
            cut,
            ALL,
            twice_each,
        ),
        trial(
            "thread-index",
            "Threads are numbered from 0, the main thread, in the order of their creation, and `ThreadId(n)` says so.",
            Expected {
                executions: 1,
                outcomes: &["a=ThreadId(0), shard 0 b=ThreadId(1), shard 1 c=ThreadId(2), shard 2"],
            },
            |trial| trial.run((), &[|(), t| index(t, "a"), |(), t| index(t, "b"), |(), t| index(t, "c")]),
        ),
        trial(
            "five-threads",
            "Five threads, the main one included.",
            Expected { executions: 1, outcomes: &["started=true"] },
            |trial| {
                spawn(4);
                trial.note("started", true);
            },
        ),
    ]
}

pub(super) fn twins() -> Vec<Twin> {
    vec![
        Twin::new("litmus/six-threads")
            .of("litmus/five-threads")
            .left_out("the limit of five threads")
            .expect("panic")
            .body(|| spawn(5)),
    ]
}

fn twice_each(trial: &Trial) {
    trial.run(
        AtomicU64::new(0),
        &[|word, trial| twice(word, trial, "a"), |word, trial| twice(word, trial, "b")],
    );
}

fn twice(word: &AtomicU64, trial: &Trial, name: &'static str) {
    trial.note(name, word.fetch_add(1, Relaxed));
    word.fetch_add(1, Relaxed);
}

fn index(trial: &Trial, name: &'static str) {
    trial.note(name, format!("{:?}, shard {}", thread::current().id(), current_shard(5)));
}

fn spawn(threads: usize) {
    for _ in 0..threads {
        thread::spawn(|| ());
    }
}
