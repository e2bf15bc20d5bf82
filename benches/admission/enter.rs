//! Going in and out.
//!
//! Measured: one admission and its end. Against: locks that writers hold for reading, a lock with a count,
//! the kernel's way, and the pins of memory reclamation. Limit: an uncontended locked addition and a locked
//! subtraction on a word that no other thread has; every exact count that a closer can wait for needs two
//! such operations.
//!
//! The pins (epoch, seize, hazard pointers, arc-swap) are as cheap or cheaper on this path, and do less:
//! they make one locked operation or none, and cannot say when nobody is inside any more without a grace
//! period of the whole process.
//!
//! Goals: at most 1.15, 1.15 and 1.20 times the limit at 1, 2 and 4 threads of one group; cheaper than both
//! `RwLock`s at 1 thread and 1.7 times at 2; 2.5 times cheaper than the kernel's way at 2.

use std::sync::Arc;

use blockgate::Gate;

use super::door::Door;
use super::doors::{Counted, Kernel, OneWord, ParkingLot, Sharded, StdLock};
use super::pins::{ArcSwapLoad, Epoch, Hazard, Seize};
use crate::method::goal::Goal;
use crate::method::limit::{LIMIT, private_words};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::settings::Settings;
use crate::method::threads::measure;
use crate::method::{Axis, Bench};

pub(crate) fn one_group() -> Bench {
    Bench {
        name: "admission/one-group",
        about: "Enter and exit, all threads at one group.",
        limit: LIMIT,
        axis: Axis::Threads,
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases,
        candidates: |case| everyone(case.threads, false),
        goals,
    }
}

pub(crate) fn group_each() -> Bench {
    Bench {
        name: "admission/group-each",
        about: "Enter and exit, each thread at a group of its own.",
        candidates: |case| everyone(case.threads, true),
        goals: || {
            let goal = |threads, most| Goal::of_limit("Gate", Case::threads(threads), most);
            vec![goal(1, 1.15), goal(2, 1.15), goal(4, 1.2)]
        },
        ..one_group()
    }
}

/// What the gate's guess costs where it is wrong: it begins with the word of a shard that nobody is in.
pub(crate) fn inside_already() -> Bench {
    Bench {
        name: "admission/inside-already",
        about: "Enter and exit, all threads at one group, each of them inside already.",
        candidates: |case| {
            vec![
                Candidate::ours("Gate", run_inside(case.threads)),
                private_words(case.threads),
                Candidate::ours("Gate, nobody inside", run::<Gate>(case.threads, 1)),
            ]
        },
        goals: Vec::new,
        ..one_group()
    }
}

fn run_inside(threads: usize) -> impl FnMut(u64) -> Sample + 'static {
    let gate = Arc::new(Gate::default());
    move |operations| {
        measure(
            threads,
            operations,
            |_| gate.enter().expect("open"),
            |_, operations| (0..operations).map(|_| u64::from(gate.enter().is_ok())).sum(),
        )
    }
}

fn cases(_: &Settings) -> Vec<Case> {
    [1, 2, 4, 8].map(Case::threads).into()
}

fn goals() -> Vec<Goal> {
    let limit = |threads, most| Goal::of_limit("Gate", Case::threads(threads), most);
    let than = |threads, peers, least| Goal::than("Gate", Case::threads(threads), peers, least);
    let locks: &[&str] = &["std RwLock", "parking_lot RwLock"];
    vec![
        limit(1, 1.15),
        limit(2, 1.15),
        limit(4, 1.2),
        than(1, locks, 1.0),
        than(2, locks, 1.7),
        than(2, &["kernel style"], 2.5),
    ]
}

fn everyone(threads: usize, group_each: bool) -> Vec<Candidate> {
    let groups = if group_each { threads } else { 1 };
    vec![
        Candidate::ours("Gate", run::<Gate>(threads, groups)),
        private_words(threads),
        Candidate::peer("one shared word", run::<OneWord>(threads, groups)),
        Candidate::peer("std RwLock", run::<StdLock>(threads, groups)),
        Candidate::peer("parking_lot RwLock", run::<ParkingLot>(threads, groups)),
        Candidate::peer("crossbeam ShardedLock", run::<Sharded>(threads, groups)),
        Candidate::peer("Mutex and Condvar", run::<Counted>(threads, groups)),
        Candidate::peer("kernel style", run::<Kernel>(threads, groups)),
        Candidate::peer("crossbeam-epoch pin", run::<Epoch>(threads, groups)),
        Candidate::peer("seize enter", run::<Seize>(threads, groups)),
        Candidate::peer("arc-swap load", run::<ArcSwapLoad>(threads, groups)),
        Candidate::peer("haphazard protect", run::<Hazard>(threads, groups)),
    ]
}

fn run<D: Door>(threads: usize, groups: usize) -> impl FnMut(u64) -> Sample + 'static {
    let doors: Arc<[Box<D>]> = (0..groups).map(|_| Box::default()).collect();
    move |operations| {
        let door = |thread: usize| &*doors[thread % groups];
        let prepare = |thread| (door(thread), door(thread).local(thread));
        measure(threads, operations, prepare, |(door, local), operations| {
            (0..operations).map(|_| u64::from(door.pass(local))).sum()
        })
    }
}
