//! The interpreter: a program, a place in it, and a machine that does one step.

use super::step::Step;
use crate::engine::violated;

/// Does steps.
pub trait Machine {
    /// Why it does not.
    type Stop;

    fn perform(&mut self, step: Step) -> Performed<Self::Stop>;
}

/// What came of a step.
pub enum Performed<Stop> {
    Done,
    /// A part of it was done, and there is more.
    InPart,
    /// There was nothing (more) to do.
    Nothing,
    Stopped(Stop),
}

/// Does the step of `program` at `at`, or a part of it, and returns it; `None` when the program is over.
pub fn advance<M: Machine>(
    program: &[Step],
    at: &mut usize,
    machine: &mut M,
) -> Result<Option<Step>, M::Stop> {
    while let Some(&step) = program.get(*at) {
        let performed = machine.perform(step);
        *at += usize::from(matches!(performed, Performed::Done | Performed::Nothing));
        match performed {
            Performed::Done | Performed::InPart => return Ok(Some(step)),
            Performed::Nothing => {}
            Performed::Stopped(stop) => return Err(stop),
        }
    }
    Ok(None)
}

/// Does all of `program`, and calls `after` with each step that was done.
pub fn run<M: Machine>(
    program: &[Step],
    machine: &mut M,
    mut after: impl FnMut(Step),
) -> Result<(), M::Stop> {
    let mut at = 0;
    while let Some(step) = advance(program, &mut at, machine)? {
        after(step);
    }
    Ok(())
}

/// The token, which the step needs. A program that the types of `src` do not allow ends here, with
/// [`TYPES`]; what each step declares ([`Step::tokens`]) says so beforehand.
pub fn have<T>(token: Option<T>) -> T {
    token.unwrap_or_else(|| violated(TYPES, "a step needs a token that is not there"))
}

pub const TYPES: &str = "types";
