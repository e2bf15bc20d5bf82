//! Locks, waiting and waking. The facade's monitor is built on park and unpark, so this is what it rests on.

#![allow(clippy::disallowed_methods, reason = "park is what is looked at")]

use super::trial::{EVERY_ORDER_OF_THREE, Expected, Trial, trial};
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, park};
use loom_harness::{Model, Twin};
use std::sync::Arc;

pub(super) fn models() -> Vec<Model> {
    let mut models = locks();
    models.extend(waiting());
    models
}

pub(super) fn twins() -> Vec<Twin> {
    let twin = |name: &str, why: &str, expected: &str| {
        Twin::new(format!("litmus/{name}")).left_out(why).expect(expected)
    };
    vec![
        twin("one-token", "a second token: two wake-ups before the first park are one", "deadlock")
            .body(two_parks),
        twin("token-lost-at-a-lock", "the token, which waiting for a lock takes away", "deadlock")
            .body(token_at_a_lock),
        twin("unpark-at-a-lock", "the lock, which a wake-up makes loom believe to be free", "panic")
            .body(unpark_at_a_lock),
        twin("unpark-in-join", "the end of the joined thread, for which loom takes a wake-up", "panic")
            .body(unpark_in_join),
    ]
}

fn locks() -> Vec<Model> {
    vec![
        trial(
            "mutex",
            "All orders of critical sections are explored; one without operations inside is one event, as `rmw`.",
            EVERY_ORDER_OF_THREE,
            |trial| {
                trial.run(
                    Mutex::new(0),
                    &[|m, t| count(m, t, "a"), |m, t| count(m, t, "b"), |m, t| count(m, t, "c")],
                );
            },
        ),
        trial(
            "try-lock",
            "The hole: that a lock is held is not explored, though it is held around an operation.",
            Expected { executions: 3, outcomes: &["got=true"] },
            |trial| trial.run((Mutex::new(0), AtomicU64::new(0)), &[hold, try_lock]),
        ),
    ]
}

fn waiting() -> Vec<Model> {
    vec![
        trial(
            "no-spurious-condvar",
            "A condvar never wakes for nothing: `if` passes where `while` is needed.",
            Expected { executions: 4, outcomes: &["ready=true"] },
            |trial| trial.run((Mutex::new(false), Condvar::new()), &[wait_with_if, make_ready]),
        ),
        trial(
            "no-spurious-park",
            "Nor does park.",
            Expected { executions: 1, outcomes: &["woken by=1"] },
            |trial| {
                let (main, shared) = (thread::current(), Arc::new(AtomicU64::new(0)));
                let other = Arc::clone(&shared);
                thread::spawn(move || {
                    other.fetch_add(1, Relaxed);
                    main.unpark();
                });
                park();
                trial.note("woken by", shared.fetch_add(0, Relaxed));
            },
        ),
        trial(
            "token",
            "A wake-up before the park is kept.",
            Expected { executions: 1, outcomes: &["parked=true"] },
            |trial| {
                thread::current().unpark();
                park();
                trial.note("parked", true);
            },
        ),
        trial(
            "condvar-takes-token",
            "A condvar is built on park: a plain unpark ends its wait (issue 422).",
            Expected { executions: 1, outcomes: &["ready=false"] },
            |trial| {
                let main = thread::current();
                thread::spawn(move || main.unpark());
                wait_with_if(&(Mutex::new(false), Condvar::new()), trial);
            },
        ),
    ]
}

fn count(mutex: &Mutex<u64>, trial: &Trial, name: &'static str) {
    let mut value = mutex.lock().expect("nobody panics");
    trial.note(name, *value);
    *value += 1;
}

fn hold((mutex, word): &(Mutex<u64>, AtomicU64), _: &Trial) {
    let _held = mutex.lock().expect("nobody panics");
    word.fetch_add(1, Relaxed);
}

fn try_lock((mutex, _): &(Mutex<u64>, AtomicU64), trial: &Trial) {
    trial.note("got", mutex.try_lock().is_ok());
}

fn wait_with_if((ready, changed): &(Mutex<bool>, Condvar), trial: &Trial) {
    let mut guard = ready.lock().expect("nobody panics");
    if !*guard {
        guard = changed.wait(guard).expect("nobody panics");
    }
    trial.note("ready", *guard);
}

fn make_ready((ready, changed): &(Mutex<bool>, Condvar), _: &Trial) {
    *ready.lock().expect("nobody panics") = true;
    changed.notify_all();
}

fn two_parks() {
    let me = thread::current();
    me.unpark();
    me.unpark();
    park();
    park();
}

/// A false alarm, so a safe one: std keeps the token. The facade's monitor wakes only threads that are parked.
fn token_at_a_lock() {
    let (main, mutex) = (thread::current(), Arc::new(Mutex::new(0)));
    let other = Arc::clone(&mutex);
    thread::spawn(move || {
        main.unpark();
        drop(other.lock());
    });
    drop(mutex.lock());
    park();
}

fn unpark_at_a_lock() {
    let (main, mutex) = (thread::current(), Arc::new(Mutex::new(0)));
    let other = Arc::clone(&mutex);
    thread::spawn(move || {
        let _held = other.lock();
        main.unpark();
        thread::yield_now();
    });
    drop(mutex.lock());
}

fn unpark_in_join() {
    let main = thread::current();
    let other = thread::spawn(move || main.unpark());
    drop(other.join());
}
