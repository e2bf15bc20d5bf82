//! The theorem's scenario on threads of the system, as stress. `BLOCKGATE_RUNS` says how often.
#![cfg(not(any(loom, shuttle)))]
#![allow(missing_docs, unreachable_pub, reason = "nothing here is anyone's library")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of small worlds")]
#![allow(clippy::disallowed_types, reason = "notes beside what is tested")]

#[path = "../loom-tests/scenario/mod.rs"]
mod scenario;
mod scenarios;

use scenario::engine;
use scenarios::Scenario;

fn holds<S: Scenario>() {
    let runs = std::env::var("BLOCKGATE_RUNS").ok().map_or(200, |runs| runs.parse().expect("a number"));
    for _ in 0..runs {
        engine::run(|| scenario::world::play(S::PLAN));
    }
    println!("{runs} runs of {:?}", S::PLAN);
}

#[test]
fn the_scenarios_hold_on_threads() {
    holds::<scenarios::FourWriters>();
    holds::<scenarios::EightWritersInThreeGroups>();
    holds::<scenarios::WritersAndCommitters>();
    holds::<scenarios::WithScrub>();
    holds::<scenarios::ClonedAlways>();
    println!("{:?}", engine::take_reached());
}
