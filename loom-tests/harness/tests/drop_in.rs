//! Models in `#[test]` functions, by this crate under loom's name.

use loom_harness as loom;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use loom::thread;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Two threads count; what the second one to come saw.
fn count() -> usize {
    let word = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&word);
    let role = thread::spawn(move || other.fetch_add(1, AcqRel));
    let seen = word.fetch_add(1, AcqRel);
    role.join().unwrap();
    seen
}

fn counts() {
    count();
}

fn one_thread() {
    AtomicUsize::new(0).fetch_add(1, AcqRel);
}

#[test]
fn a_model_that_holds_is_green() {
    loom::model(counts);
}

#[test]
#[should_panic(expected = "the other one came first")]
fn a_model_that_fails_panics_with_its_message() {
    loom::model(|| assert_eq!(count(), 0, "the other one came first"));
}

#[test]
#[should_panic(expected = "vacuous")]
fn a_model_of_one_thread_proves_nothing() {
    loom::model(one_thread);
}

#[test]
fn unless_that_is_meant() {
    loom::model::Builder::new().sequential().check(one_thread);
}

#[test]
fn what_a_model_collects_is_there_after_it() {
    let seen = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let collected = std::sync::Arc::clone(&seen);
    loom::model(move || {
        collected.lock().unwrap().insert(count());
    });
    assert_eq!(*seen.lock().unwrap(), BTreeSet::from([0, 1]));
}

#[test]
fn a_test_may_have_two() {
    loom::model(counts);
    loom::model(|| assert!(count() < 2));
}

#[test]
#[should_panic(expected = "#2: FAILED")]
fn the_second_may_fail() {
    loom::model(counts);
    loom::model(|| assert!(count() < 1));
}

#[test]
fn a_test_may_return_a_result() -> Result<(), std::num::ParseIntError> {
    loom::model(counts);
    "1".parse::<u8>().map(drop)
}

#[test]
#[should_panic(expected = "bounded (preemptions <= 0)")]
fn a_bound_is_named() {
    loom::model::Builder::new().preemptions(0).strict().check(counts);
}

#[test]
fn bounds_are_green() {
    let mut builder = loom::model::Builder::new().executions(3).duration(std::time::Duration::from_secs(9));
    builder.preemption_bound = Some(2);
    builder.check(counts);
}

/// The code under test catches its own panic, and goes on.
#[test]
fn a_panic_that_is_caught_is_none_of_the_models() {
    loom::model(|| {
        let seen = std::panic::catch_unwind(|| assert_eq!(count(), 0));
        assert!(seen.is_ok() || !std::thread::panicking());
    });
}

#[test]
#[ignore = "fails: it is run by the next one"]
fn red() {
    loom::model(|| assert!(count() < 1, "the other one came first"));
}

/// A red test ends, and says all there is to say.
#[test]
fn a_red_test_is_red_and_ends() {
    let this = std::env::current_exe().unwrap();
    let ended = std::process::Command::new(this).args(["red", "--exact", "--ignored"]).output().unwrap();
    let printed = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(101), "{printed}");
    for text in [
        "model red: FAILED, panic at execution ",
        "panic: the other one came first",
        "LOOM_HARNESS_REPLAY='red@",
        "test red ... FAILED",
        "0 passed; 1 failed",
    ] {
        assert!(printed.contains(text), "{text:?} is not in\n{printed}");
    }
}

#[test]
fn a_replay_is_of_its_own_test() {
    let this = std::env::current_exe().unwrap();
    let replay = |test: &str| {
        let mut command = std::process::Command::new(&this);
        command.args([test, "--exact", "--nocapture"]).env("LOOM_HARNESS_REPLAY", "a_test_may_have_two#2@2");
        command.output().map(|ended| String::from_utf8_lossy(&ended.stdout).into_owned()).unwrap()
    };
    assert!(replay("a_test_may_have_two").contains("this execution holds"));
    assert!(!replay("a_model_that_holds_is_green").contains("this execution holds"));
}
