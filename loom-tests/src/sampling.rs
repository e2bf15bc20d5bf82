//! The theorem's scenario under shuttle: more roles, groups and rounds than loom can explore, by schedules
//! that are chosen at random or by PCT. `cargo shuttle`; see `docs/specification.md`.
//!
//! Nothing is proved here, and shuttle knows no weak memory: it is a second opinion.
//! Each seed gives the same schedules again:
//!
//! | variable | means |
//! |---|---|
//! | `BLOCKGATE_SEED` | the seed (default 1) |
//! | `BLOCKGATE_SCHEDULES` | how many schedules for each scenario and scheduler (default 2000) |
//! | `BLOCKGATE_SCHEDULE` | the one schedule to replay, as a failing run prints it |
//! | `BLOCKGATE_TIMELINE` | print the events |

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use ::shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use ::shuttle::{Config, FailurePersistence, Runner};
use loom_harness::binary::{self, Check};

use crate::engine;
use crate::protocol::replace::ReplaceByHand;
use crate::protocol::role::Role;
use crate::protocol::step::Step;
use crate::scenario::plans::{self, Scenario};
use crate::stage::{Compare, Play};

/// How many preemptions PCT places.
const DEPTH: usize = 3;

pub fn main() -> ExitCode {
    let checks: [(&str, fn()); 9] = [
        ("four-writers", holds::<plans::FourWriters>),
        ("8-writers-in-3-groups", holds::<plans::EightWritersInThreeGroups>),
        ("writers-and-committers-in-2-groups", holds::<plans::WritersAndCommitters>),
        ("scrub-beside-the-replace", holds::<plans::WithScrub>),
        ("cloned-always", holds::<plans::ClonedAlways>),
        ("by-hand", || explore(&by_hand().play(Compare::AtOnce))),
        ("twin/no-commit", || is_found_without(Step::Commit)),
        ("twin/no-wait-for-reservations", || is_found_without(Step::WaitReservations)),
        ("twin/no-wait-for-ordered-extents", || is_found_without(Step::WaitOrdered)),
    ];
    let check = |(name, body): (&str, fn())| {
        Check::new(format!("shuttle/{name}"), move || {
            body();
            Ok(())
        })
    };
    binary::run("blockgate", checks.into_iter().map(check).collect())
}

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
fn explore(play: &Play) {
    let body = || {
        let play = play.clone();
        move || play.run()
    };
    if let Ok(schedule) = std::env::var("BLOCKGATE_SCHEDULE") {
        Runner::new(ReplayScheduler::new_from_encoded(&schedule), config()).run(body());
        return;
    }
    let seed = number("BLOCKGATE_SEED", 1);
    let schedules = usize::try_from(number("BLOCKGATE_SCHEDULES", 2000)).expect("a number");
    let began = std::time::Instant::now();
    let random = Runner::new(RandomScheduler::new_from_seed(seed, schedules), config()).run(body());
    let pct = Runner::new(PctScheduler::new_from_seed(seed, DEPTH, schedules), config()).run(body());
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
    explore(&S::PLAN.play());
    let reached = engine::take_reached();
    println!("{:?}: {reached:?}", S::PLAN);
    if std::env::var_os("BLOCKGATE_SCHEDULE").is_none() {
        let missing = S::MUST_REACH.iter().filter(|outcome| !reached.contains_key(**outcome));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new(), "outcomes that no schedule reached");
    }
}

fn by_hand() -> ReplaceByHand {
    ReplaceByHand::of(Role::Cow).writers(4)
}

/// A replace that leaves `step` out: shuttle must find a lost extent, and the same one again.
fn is_found_without(step: Step) {
    let play = by_hand().replace(Role::Replace.without(&[step])).play(Compare::Nothing);
    let find = || {
        let found = catch_unwind(AssertUnwindSafe(|| explore(&play)));
        let panic = found.expect_err("an extent is lost");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let (first, again) = (find(), find());
    assert!(first.contains("lost extent"), "{first}");
    assert_eq!(first, again, "the same seed finds the same");
}
