//! Of `src/gate/`: nobody enters a closed gate, and a closer that waited for it to be empty sees all that
//! was done inside. Argued in `docs/gate.md`.

use blockgate::{EnterError, Gate, Inside, Shards};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{Counter, RaceChecked, check, reached};
use crate::stage::{Empty, Play, stage};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("gate/2-writers+closer")
            .theorem(
                "G2 to G5: a closer that waited for an empty gate sees all that was done inside, and nobody enters.",
            )
            .must_reach(&["refused", "waited", "entered", "writer-first"])
            .plays(closer_against_writers(2, true)),
        Model::new("gate/2-writers-in-one-shard")
            .theorem("G2 to G5, where writers share a word.")
            .must_reach(&["refused", "waited", "entered", "writer-first"])
            .plays(closer_against_writers(1, true)),
        Model::new("gate/2-closers+writer")
            .theorem("G1: a gate that two have closed opens with the last; both may wait.")
            .must_reach(&["refused", "waited", "entered", "nested"])
            .plays(nested_closers()),
        Model::new("gate/close-open-enter")
            .theorem("G6: a writer that waits to enter is let in by the opening, and sees what the closer did.")
            .must_reach(&["waited-to-enter", "entered-at-once", "saw-the-closers-work"])
            .plays(close_open_enter()),
        Model::new("gate/waiter+2-closings")
            .theorem("G7: a thread that waits to enter is inside before the next closing, or was and has left.")
            .must_reach(&["waits", "is-inside", "has-left", "not-yet-there"])
            .plays(waiter_beside_two_closings(Gate::wait_enter)),
        Model::new("gate/waiter+2-closers")
            .theorem("G7: a thread that is let in by the last of two closers sees what both did.")
            .must_reach(&["saw-both", "nested"])
            .plays(waiter_beside_two_closers()),
        Model::new("gate/closer-and-joiner-wait")
            .theorem(
                "G4, G6: the last to leave wakes the closer, and the closer the one that waits to enter, in one shard.",
            )
            .must_reach(&["closer-waited", "left-while-a-joiner-waits", "entered-at-once", "waited-to-enter"])
            .plays(closer_and_joiner_wait()),
        Model::new("gate/closed-without-waiting")
            .theorem("G1, G4: a closer that does not wait takes nothing from one that does, nor from one that waits to enter.")
            .must_reach(&["nested", "waited", "entered-at-once", "waited-to-enter"])
            .plays(closed_without_waiting()),
        Model::new("gate/sealed")
            .theorem("G6: a writer that waits to enter a gate that is then sealed learns of it.")
            .must_reach(&["found-sealed", "entered-before", "waited"])
            .plays(sealed()),
        Model::new("gate/left-elsewhere")
            .theorem("G3: a guard may be dropped on another thread than the one that entered.")
            .must_reach(&["waited", "refused", "dropped-elsewhere"])
            .plays(left_elsewhere()),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("gate/no-wait")
            .of("gate/2-writers+closer")
            .left_out("the wait for an empty gate")
            .expect("race")
            .plays(closer_against_writers(2, false)),
        Twin::new("gate/waiters-race")
            .of("gate/waiter+2-closings")
            .left_out("being inside from the opening on")
            .expect(NOT_OVERTAKEN)
            // It learns of the opening, and then tries to enter like every other thread.
            .plays(waiter_beside_two_closings(|gate| {
                loop {
                    drop(gate.wait_enter()?);
                    if let Ok(inside) = gate.enter() {
                        return Ok(inside);
                    }
                }
            })),
    ]
}

const NOT_OVERTAKEN: &str = "G7: no closing overtakes a thread that waits";

struct Work {
    gate: Gate,
    /// What each writer does inside: a slot of its own.
    done: [RaceChecked; 2],
}

impl Work {
    /// A gate alone emits no events, so there are no groups.
    fn stage(shards: usize) -> Empty<Self> {
        stage(&[]).world(move || Self {
            gate: Gate::new(Shards::new(shards)),
            done: [RaceChecked::new(0), RaceChecked::new(0)],
        })
    }

    fn write(&self, slot: usize) {
        match self.gate.enter() {
            Ok(_inside) => {
                self.done[slot].write(1);
                reached("entered");
            }
            Err(error) => {
                check(error == EnterError::Closed, "a gate that nobody sealed opens again", || {
                    error.to_string()
                });
                reached("refused");
            }
        }
    }

    fn end(mut self) {
        let (inside, levels) = (self.gate.leaked(), self.gate.leaked_levels());
        check(inside == 0 && levels == 0, "G3: every entering has one leaving", || {
            format!("{inside} inside, {levels} levels closed")
        });
    }
}

/// Thread 0 is the closer: with two shards, the writers are in different ones.
fn closer_against_writers(shards: usize, wait: bool) -> Play {
    let close = move |work: &Work| {
        let closed = work.gate.close();
        if wait && closed.wait_empty() {
            reached("waited");
        }
        // G4, and G2: no writer writes any more.
        if work.done.iter().map(RaceChecked::read).sum::<u64>() > 0 && !closed.was_occupied() {
            reached("writer-first");
        }
    };
    let cast = Work::stage(shards).main("closer", close);
    cast.role("writer", |work| work.write(0)).role("writer", |work| work.write(1)).end(Work::end)
}

fn nested_closers() -> Play {
    let close = |work: &Work| {
        let closed = work.gate.close();
        if closed.level() == 2 {
            reached("nested");
        }
        if closed.wait_empty() {
            reached("waited");
        }
        work.done[0].read();
    };
    let cast = Work::stage(1).main("closer", close);
    cast.role("closer", close).role("writer", |work| work.write(0)).end(Work::end)
}

fn close_open_enter() -> Play {
    let close = |work: &Work| {
        let closed = work.gate.close();
        closed.wait_empty();
        work.done[0].write(1);
    };
    Work::stage(2).main("closer", close).role("writer", enter_when_open).end(Work::end)
}

fn enter_when_open(work: &Work) {
    let mut outcome = "entered-at-once";
    let inside = work.gate.enter().or_else(|_closed| {
        outcome = "waited-to-enter";
        work.gate.wait_enter()
    });
    let inside = inside.expect("nobody seals it");
    reached(outcome);
    // Ordered by the gate: written while it was closed and empty.
    if work.done[0].read() == 1 {
        reached("saw-the-closers-work");
    }
    drop(inside);
}

struct Waiter {
    gate: Gate,
    /// The waiter was inside.
    entered: Counter,
}

fn waiter_beside_two_closings(enter: fn(&Gate) -> Result<Inside<'_>, EnterError>) -> Play {
    let wait = move |world: &Waiter| {
        let inside = enter(&world.gate).expect("nobody seals it");
        world.entered.increment();
        drop(inside);
    };
    let close_twice = |world: &Waiter| {
        let first = world.gate.close();
        first.wait_empty();
        let waits = world.gate.waiting() == 1;
        drop(first);
        let second = world.gate.close();
        let (is_inside, has_entered) = (second.was_occupied(), world.entered.read() > 0);
        if waits {
            reached("waits");
            reached(if is_inside { "is-inside" } else { "has-left" });
            check(is_inside || has_entered, NOT_OVERTAKEN, String::new);
        } else if !has_entered {
            reached("not-yet-there");
        }
    };
    let waiter = || Waiter { gate: Gate::new(Shards::new(1)), entered: Counter::new() };
    stage(&[]).world(waiter).main("closer", close_twice).role("waiter", wait).end(drop)
}

fn waiter_beside_two_closers() -> Play {
    let close = |work: &Work, slot: usize| {
        let closed = work.gate.close();
        if closed.level() == 2 {
            reached("nested");
        }
        closed.wait_empty();
        work.done[slot].write(1);
    };
    let wait = |work: &Work| {
        let inside = work.gate.wait_enter().expect("nobody seals it");
        if work.done.iter().map(RaceChecked::read).sum::<u64>() == 2 {
            reached("saw-both");
        }
        drop(inside);
    };
    let cast = Work::stage(1).main("closer", move |work| close(work, 0));
    cast.role("closer", move |work| close(work, 1)).role("waiter", wait).end(Work::end)
}

/// The writer is inside from the beginning.
fn closer_and_joiner_wait() -> Play {
    let close = |world: &Elsewhere| {
        let closed = world.gate.close();
        if closed.wait_empty() {
            reached("closer-waited");
        }
        // G4: what the writer wrote is seen, and what the joiner sees is written.
        world.done.write(2);
    };
    let leave = |world: &Elsewhere, guard: Inside<'static>| {
        world.done.write(1);
        if world.gate.waiting() > 0 {
            reached("left-while-a-joiner-waits");
        }
        drop(guard);
    };
    let join = |world: &Elsewhere| {
        let at_once = world.gate.enter();
        reached(if at_once.is_ok() { "entered-at-once" } else { "waited-to-enter" });
        if at_once.is_err() {
            let inside = world.gate.wait_enter().expect("nobody seals it");
            check(world.done.read() == 2, "G6: it is let in by the closer, after it", String::new);
            drop(inside);
        }
    };
    let world = || Elsewhere { gate: leaked(1), done: RaceChecked::new(0) };
    let cast = stage(&[]).world(world).main("closer", close);
    cast.role_given("writer", |world| world.gate.enter().expect("open"), leave).role("joiner", join).end(drop)
}

fn closed_without_waiting() -> Play {
    let close_only = |work: &Work| {
        if work.gate.close().level() == 2 {
            reached("nested");
        }
    };
    let close_and_wait = |work: &Work| {
        let closed = work.gate.close();
        if closed.wait_empty() {
            reached("waited");
        }
        work.done[0].write(1);
    };
    let cast = Work::stage(1).main("closer", close_and_wait);
    cast.role("closer that does not wait", close_only).role("writer", enter_when_open).end(Work::end)
}

fn sealed() -> Play {
    let seal = |work: &Work| {
        let closed = work.gate.close();
        closed.wait_empty();
        closed.seal();
        check(work.gate.enter().is_err(), "a sealed gate never opens", String::new);
    };
    let enter = |work: &Work| match work.gate.enter() {
        Ok(_inside) => reached("entered-before"),
        Err(EnterError::Sealed) => reached("found-sealed"),
        Err(_closed) => {
            reached("waited");
            let outcome = work.gate.wait_enter().map(drop);
            check(outcome == Err(EnterError::Sealed), "a sealed gate never opens", String::new);
        }
    };
    let end =
        |mut work: Work| check(work.gate.leaked() == 0, "G3: every entering has one leaving", String::new);
    Work::stage(2).main("closer", seal).role("writer", enter).end(end)
}

struct Elsewhere {
    gate: &'static Gate,
    done: RaceChecked,
}

/// Leaked: a guard that is sent to another thread borrows the gate for good.
fn leaked(shards: usize) -> &'static Gate {
    Box::leak(Box::new(Gate::new(Shards::new(shards))))
}

fn left_elsewhere() -> Play {
    let close = |world: &Elsewhere| {
        let closed = world.gate.close();
        if closed.wait_empty() {
            reached("waited");
        }
        world.done.read();
    };
    let leave = |world: &Elsewhere, guard: Inside<'static>| {
        world.done.write(1);
        drop(guard);
        reached("dropped-elsewhere");
    };
    let enter = |world: &Elsewhere| drop(world.gate.enter().map_err(|_| reached("refused")));
    stage(&[])
        .world(|| Elsewhere { gate: leaked(3), done: RaceChecked::new(0) })
        .main("closer", close)
        .role_given("writer", |world| world.gate.enter().expect("nobody has closed it"), leave)
        .role("other thread", enter)
        .end(drop)
}
