//! Closing a door with no thread behind it.
//!
//! Measured: close, find it empty, open. Against: taking the write lock. Cases: shards of the gate (the
//! peers have theirs fixed). Limit: a locked addition and a locked subtraction.
//!
//! Goal: at most 20 ns and 7 ns a shard, for a replace that visits thousands of idle groups.

use std::sync::Arc;

use blockgate::{Gate, Shards};
use crossbeam_utils::sync::ShardedLock;

use crate::method::goal::Goal;
use crate::method::limit::{LIMIT, private_words};
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::threads::measure_one;
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "admission/close-idle",
        about: "Close, wait until empty and open again, with nobody inside.",
        limit: LIMIT,
        axis: Axis::Size("shards"),
        metrics: &[Metric::Cpu],
        most_rounds: usize::MAX,
        cases: |_| SHARDS.map(Case::size).into(),
        candidates,
        goals: || {
            SHARDS
                .map(|shards| {
                    let goal = Goal::value("Gate", Case::size(shards), Metric::Cpu, nanoseconds(shards));
                    goal.missed_because(LOCKED)
                })
                .into()
        },
    }
}

const LOCKED: &str = "each shard is closed by a locked operation and opened by another, which is one limit; the goal is in \
                      nanoseconds, and is less than that where a limit is 14";

const SHARDS: [u64; 4] = [1, 4, 16, 64];

fn nanoseconds(shards: u64) -> f64 {
    20.0 + 7.0 * shards as f64
}

fn candidates(case: Case) -> Vec<Candidate> {
    let gate = Gate::new(Shards::new(usize::try_from(case.size).expect("at most 64")));
    let (std, sharded) = (std::sync::RwLock::new(()), ShardedLock::new(()));
    let parking_lot = parking_lot::RwLock::new(());
    vec![
        Candidate::ours("Gate", repeat(gate, |gate| !gate.close().wait_empty())),
        private_words(1),
        Candidate::peer("std RwLock", repeat(std, |lock| lock.write().is_ok())),
        Candidate::peer(
            "parking_lot RwLock",
            repeat(parking_lot, |lock| {
                drop(lock.write());
                true
            }),
        ),
        Candidate::peer("crossbeam ShardedLock", repeat(sharded, |lock| lock.write().is_ok())),
    ]
}

fn repeat<T: Send + Sync + 'static>(door: T, close: fn(&T) -> bool) -> impl FnMut(u64) -> Sample {
    let door = Arc::new(door);
    move |operations| {
        measure_one(operations, |operations| (0..operations).map(|_| u64::from(close(&door))).sum())
    }
}
