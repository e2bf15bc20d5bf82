//! The theorem's scenario under shuttle: more roles, groups and rounds than loom can explore, by schedules
//! that are chosen at random or by PCT. `cargo shuttle`; see `docs/specification.md`.
//!
//! Nothing is proved here, and shuttle knows no weak memory: it is a second opinion from a second engine.
//! Each seed gives the same schedules again:
//!
//! | variable | means |
//! |---|---|
//! | `BLOCKGATE_SEED` | the seed (default 1) |
//! | `BLOCKGATE_SCHEDULES` | how many schedules for each scenario and scheduler (default 2000) |
//! | `BLOCKGATE_SCHEDULE` | the one schedule to replay, as a failing run prints it |
//! | `BLOCKGATE_TIMELINE` | print the events |
#![cfg(shuttle)]
#![allow(clippy::disallowed_types, reason = "notes that shuttle must not see")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, FailurePersistence, Runner};

use blockgate_models::protocol::sampled::{self, LeftOut};
use blockgate_models::scenario::plans::{self, Scenario};
use blockgate_models::{engine, scenario};

/// How many preemptions PCT places.
const DEPTH: usize = 3;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |value| value.parse().expect("a number"))
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.failure_persistence = FailurePersistence::Print;
    config.silence_warnings = true;
    config
}

/// Runs `body` under both schedulers, or under the one schedule that is to be replayed.
fn explore(body: fn()) {
    if let Ok(schedule) = std::env::var("BLOCKGATE_SCHEDULE") {
        Runner::new(ReplayScheduler::new_from_encoded(&schedule), config()).run(body);
        return;
    }
    let seed = number("BLOCKGATE_SEED", 1);
    let schedules = usize::try_from(number("BLOCKGATE_SCHEDULES", 2000)).expect("a number");
    let began = std::time::Instant::now();
    let random = Runner::new(RandomScheduler::new_from_seed(seed, schedules), config()).run(body);
    let pct = Runner::new(PctScheduler::new_from_seed(seed, DEPTH, schedules), config()).run(body);
    println!(
        "{random} random and {pct} PCT schedules (depth {DEPTH}, seed {seed}), {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// Explores a scenario, which must hold, and reach what it must.
fn holds<S: Scenario>() {
    // One at a time: what is reached is counted for the process.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    engine::take_reached();
    explore(|| scenario::world::play(S::PLAN));
    let reached = engine::take_reached();
    println!("{:?}: {reached:?}", S::PLAN);
    if std::env::var_os("BLOCKGATE_SCHEDULE").is_none() {
        let missing = S::MUST_REACH.iter().filter(|outcome| !reached.contains_key(**outcome));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new(), "outcomes that no schedule reached");
    }
}

#[test]
fn four_writers() {
    holds::<plans::FourWriters>();
}

#[test]
fn eight_writers_in_three_groups() {
    holds::<plans::EightWritersInThreeGroups>();
}

#[test]
fn writers_and_committers_in_two_groups() {
    holds::<plans::WritersAndCommitters>();
}

#[test]
fn scrub_beside_the_replace() {
    holds::<plans::WithScrub>();
}

#[test]
fn cloned_always() {
    holds::<plans::ClonedAlways>();
}

/// The protocol with a step left out: shuttle must find a lost extent, and the same one again.
fn is_found(body: fn()) {
    let find = || {
        let found = catch_unwind(AssertUnwindSafe(|| explore(body)));
        let panic = found.expect_err("an extent is lost");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let (first, again) = (find(), find());
    assert!(first.contains("lost extent"), "{first}");
    assert_eq!(first, again, "the same seed finds the same");
}

#[test]
fn twin_without_the_commit() {
    is_found(|| sampled::replace(LeftOut::Commit));
}

#[test]
fn twin_without_the_wait_for_reservations() {
    is_found(|| sampled::replace(LeftOut::WaitForReservations));
}

#[test]
fn twin_without_the_wait_for_ordered_extents() {
    is_found(|| sampled::replace(LeftOut::WaitForOrdered));
}
