//! The theorem's scenario on threads of the system, as stress. `BLOCKGATE_RUNS` says how often.
#![cfg(not(any(loom, shuttle)))]

use blockgate_models::scenario::plans::{self, Scenario};
use blockgate_models::{engine, scenario};

fn holds<S: Scenario>() {
    let runs = std::env::var("BLOCKGATE_RUNS").ok().map_or(200, |runs| runs.parse().expect("a number"));
    for _ in 0..runs {
        engine::run(|| scenario::world::play(S::PLAN));
    }
    println!("{runs} runs of {:?}", S::PLAN);
}

#[test]
fn the_scenarios_hold_on_threads() {
    holds::<plans::FourWriters>();
    holds::<plans::EightWritersInThreeGroups>();
    holds::<plans::WritersAndCommitters>();
    holds::<plans::WithScrub>();
    holds::<plans::ClonedAlways>();
    println!("{:?}", engine::take_reached());
}
