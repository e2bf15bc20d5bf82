//! The theorem on threads of the system: its scenario as stress, and the protocol by hand in a forced order,
//! where each step that is left out must lose an extent. `BLOCKGATE_RUNS` says how often the scenario is run.
#![cfg(not(any(loom, traceset, shuttle)))]

mod led;

use std::panic::{AssertUnwindSafe, catch_unwind};

use blockgate_models::engine;
use blockgate_models::protocol::replace::ReplaceByHand;
use blockgate_models::protocol::role::Role;
use blockgate_models::protocol::step::Step;
use blockgate_models::scenario::plans::{self, Scenario};
use blockgate_models::stage::Compare;
use led::{Schedule, leading};

fn holds<S: Scenario>() {
    let runs = std::env::var("BLOCKGATE_RUNS").ok().map_or(200, |runs| runs.parse().expect("a number"));
    let play = S::PLAN.play();
    for _ in 0..runs {
        engine::run(|| play.run());
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

/// What was wrong at the end of one run, of a COW writer that is led by `schedule`.
fn defect_of(replace: &[Step], schedule: Schedule) -> Option<String> {
    let roles = ReplaceByHand::of(Role::Cow).replace(replace.to_vec());
    let last = *replace.last().expect("it has steps");
    let play = roles.after(leading(schedule, last)).play(Compare::Nothing);
    let ended = catch_unwind(AssertUnwindSafe(|| engine::run(|| play.run())));
    let panic = ended.err()?;
    Some(panic.downcast_ref::<String>().expect("a check says what is wrong").clone())
}

/// The writer does `step`, and is over as soon as the group is read-only.
fn caught_after(step: Step) -> Schedule {
    Schedule { before: Some(step), frozen: OVER, copied: OVER, thawed: OVER }
}

/// The writer does `step`, and no more until the replace is over.
fn stuck_after(step: Step) -> Schedule {
    let step = Some(step);
    Schedule { before: step, frozen: step, copied: step, thawed: step }
}

/// The writer begins when the group is read-write again.
const LATE: Schedule = Schedule { before: None, frozen: None, copied: None, thawed: OVER };
const OVER: Option<Step> = Some(Step::RemoveOrdered);

#[test]
fn with_every_step_nothing_is_lost() {
    let caught = [Step::BeginReservation, Step::Write, Step::RemoveOrdered].map(caught_after);
    for schedule in caught.into_iter().chain([LATE]) {
        assert_eq!(defect_of(Role::Replace.program(), schedule), None, "{schedule:?}");
    }
}

#[test]
fn twin_each_step_left_out_loses_an_extent() {
    use Step::{
        BeginReservation, Commit, CommitIfWaited, RemoveOrdered, WaitOrdered, WaitReservations, Write,
    };
    let written_late = Some(Write);
    let replace = Role::Replace;
    // The defect of 2016: read-only, and copy at once.
    let no_drain = replace.without(&[WaitReservations, Step::WaitNocowWriters, WaitOrdered, Commit]);
    for (program, schedule) in [
        (no_drain.clone(), stuck_after(Write)),
        (no_drain, stuck_after(RemoveOrdered)),
        (
            replace.without(&[WaitReservations]),
            Schedule { copied: written_late, thawed: written_late, ..stuck_after(BeginReservation) },
        ),
        (replace.without(&[WaitOrdered]), stuck_after(Write)),
        (replace.without(&[Commit]), stuck_after(RemoveOrdered)),
        // The patch of 2016.
        (replace.replacing(Commit, CommitIfWaited), stuck_after(RemoveOrdered)),
        (replace.moving(Step::SetReadWrite, Step::MoveCursor), Schedule { thawed: written_late, ..LATE }),
    ] {
        let defect = defect_of(&program, schedule).unwrap_or_default();
        assert!(defect.starts_with("lost extent"), "{program:?}, {schedule:?}: {defect:?}");
    }
}
