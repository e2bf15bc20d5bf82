//! Of `src/gate/`: nobody enters a closed gate, and who waited for it to be empty sees all that was done
//! inside. Argued in `docs/gate.md`.

use std::sync::Arc;

use blockgate::{EnterError, Gate, Inside, Shards};
use loom_harness::{Model, Twin, check, reached};

use crate::engine::RaceChecked;
use crate::support::{Note, begin, last, role};

pub fn models() -> Vec<Model> {
    vec![
        Model::new("gate/2-writers+closer")
            .theorem(
                "G2 to G5: who waited for an empty gate sees all that was done inside, and nobody enters.",
            )
            .roles(&["closer", "writer", "writer"])
            .must_reach(&["refused", "waited", "entered", "writer-first"])
            .body(|| closer_against_writers(2, true)),
        Model::new("gate/2-writers-in-one-shard")
            .theorem("G2 to G5, where writers share a word.")
            .roles(&["closer", "writer", "writer"])
            .must_reach(&["refused", "waited", "entered", "writer-first"])
            .body(|| closer_against_writers(1, true)),
        Model::new("gate/2-closers+writer")
            .theorem("G1: a gate that two have closed opens with the last; both may wait.")
            .roles(&["closer", "closer", "writer"])
            .must_reach(&["refused", "waited", "entered", "nested"])
            .body(nested_closers),
        Model::new("gate/close-open-enter")
            .theorem("G6: who waits to enter is let in by the opening, and sees what the closer did.")
            .roles(&["closer", "writer"])
            .must_reach(&["waited-to-enter", "entered-at-once", "saw-the-closers-work"])
            .body(close_open_enter),
        Model::new("gate/waiter+2-closings")
            .theorem("G7: who waits to enter is inside before the next closing, or was and has left.")
            .roles(&["closer", "waiter"])
            .must_reach(&["waits", "is-inside", "has-left", "not-yet-there"])
            .body(|| waiter_beside_two_closings(Gate::wait_enter)),
        Model::new("gate/waiter+2-closers")
            .theorem("G7: who is let in by the last of two closers sees what both did.")
            .roles(&["closer", "closer", "waiter"])
            .must_reach(&["saw-both", "nested"])
            .body(waiter_beside_two_closers),
        Model::new("gate/sealed")
            .theorem("G6: who waits to enter a gate that is sealed is told so.")
            .roles(&["closer", "writer"])
            .must_reach(&["told", "entered-before", "waited"])
            .body(sealed),
        Model::new("gate/left-elsewhere")
            .theorem("G3: a guard may be dropped on another thread than the one that entered.")
            .roles(&["closer", "writer", "other thread"])
            .must_reach(&["waited", "refused", "dropped-elsewhere"])
            .body(left_elsewhere),
    ]
}

pub fn twins() -> Vec<Twin> {
    vec![
        Twin::new("gate/no-wait")
            .of("gate/2-writers+closer")
            .left_out("the wait for an empty gate")
            .roles(&["closer", "writer", "writer"])
            .expect("race")
            .body(|| closer_against_writers(2, false)),
        Twin::new("gate/waiters-race")
            .of("gate/waiter+2-closings")
            .left_out("being inside from the opening on")
            .roles(&["closer", "waiter"])
            .expect(NOT_OVERTAKEN)
            // It learns of the opening, and then tries to enter as every other thread.
            .body(|| {
                waiter_beside_two_closings(|gate| {
                    loop {
                        drop(gate.wait_enter()?);
                        if let Ok(inside) = gate.enter() {
                            return Ok(inside);
                        }
                    }
                });
            }),
    ]
}

const NOT_OVERTAKEN: &str = "G7: no closing overtakes a thread that waits";

struct Work {
    gate: Gate,
    /// What each writer does inside: a slot of its own.
    done: [RaceChecked; 2],
}

impl Work {
    fn new(shards: usize) -> Arc<Self> {
        begin(&[], &[]); // a gate alone emits no events
        let done = [RaceChecked::new(0), RaceChecked::new(0)];
        Arc::new(Self { gate: Gate::new(Shards::new(shards)), done })
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

fn closer_against_writers(shards: usize, wait: bool) {
    // Thread 0 is the closer: with two shards, the writers are in different ones.
    let work = Work::new(shards);
    for slot in 0..2 {
        role(&work, move |work| work.write(slot), Work::end);
    }
    let closed = work.gate.close();
    if wait && closed.wait_empty() {
        reached("waited");
    }
    // G4, and G2: nobody writes any more.
    if work.done.iter().map(RaceChecked::read).sum::<u64>() > 0 && !closed.was_occupied() {
        reached("writer-first");
    }
    drop(closed);
    last(work, Work::end);
}

fn nested_closers() {
    let work = Work::new(1);
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
    role(&work, close, Work::end);
    role(&work, |work| work.write(0), Work::end);
    close(&work);
    last(work, Work::end);
}

fn close_open_enter() {
    let work = Work::new(2);
    let enter = |work: &Work| {
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
    };
    role(&work, enter, Work::end);
    let closed = work.gate.close();
    closed.wait_empty();
    work.done[0].write(1);
    drop(closed);
    last(work, Work::end);
}

struct Waiter {
    gate: Gate,
    is_over: Note<bool>,
}

fn waiter_beside_two_closings(enter: fn(&Gate) -> Result<Inside<'_>, EnterError>) {
    begin(&[], &[]);
    let work = Arc::new(Waiter { gate: Gate::new(Shards::new(1)), is_over: Note::default() });
    let wait = move |work: &Waiter| {
        let inside = enter(&work.gate).expect("nobody seals it");
        work.is_over.set(true);
        drop(inside);
    };
    role(&work, wait, drop);
    let first = work.gate.close();
    first.wait_empty();
    let waits = work.gate.waiting() == 1;
    drop(first);
    let second = work.gate.close();
    let (is_inside, is_over) = (second.was_occupied(), work.is_over.get());
    if waits {
        reached("waits");
        reached(if is_inside { "is-inside" } else { "has-left" });
        check(is_inside || is_over, NOT_OVERTAKEN, String::new);
    } else if !is_over {
        reached("not-yet-there");
    }
    drop(second);
    last(work, drop);
}

fn waiter_beside_two_closers() {
    let work = Work::new(1);
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
    role(&work, move |work| close(work, 1), Work::end);
    role(&work, wait, Work::end);
    close(&work, 0);
    last(work, Work::end);
}

fn sealed() {
    let work = Work::new(2);
    let enter = |work: &Work| match work.gate.enter() {
        Ok(_inside) => reached("entered-before"),
        Err(EnterError::Sealed) => reached("told"),
        Err(_closed) => {
            reached("waited");
            let told = work.gate.wait_enter().map(drop);
            check(told == Err(EnterError::Sealed), "a sealed gate never opens", String::new);
        }
    };
    let end =
        |mut work: Work| check(work.gate.leaked() == 0, "G3: every entering has one leaving", String::new);
    role(&work, enter, end);
    let closed = work.gate.close();
    closed.wait_empty();
    closed.seal();
    check(work.gate.enter().is_err(), "a sealed gate never opens", String::new);
    last(work, end);
}

struct Elsewhere {
    gate: &'static Gate,
    done: RaceChecked,
}

fn left_elsewhere() {
    begin(&[], &[]);
    // Leaked: a guard that is sent to another thread borrows the gate for good.
    let gate: &'static Gate = Box::leak(Box::new(Gate::new(Shards::new(3))));
    let world = Arc::new(Elsewhere { gate, done: RaceChecked::new(0) });
    let guard = gate.enter().expect("nobody has closed it");
    let leave = move |world: &Elsewhere| {
        world.done.write(1);
        drop(guard);
        reached("dropped-elsewhere");
    };
    let enter = |world: &Elsewhere| drop(world.gate.enter().map_err(|_| reached("refused")));
    role(&world, leave, drop);
    role(&world, enter, drop);
    let closed = gate.close();
    if closed.wait_empty() {
        reached("waited");
    }
    world.done.read();
    drop(closed);
    last(world, drop);
}
