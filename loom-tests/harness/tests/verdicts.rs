//! Every way in which a model or a twin can end, and every way to be asked for it, reported as it is.
//!
//! Each check runs this same program as a suite, and reads what it prints.

mod spawned;

use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use loom_harness::binary::{self, Check};
use loom_harness::{Case, Model, Suite, Twin, check, expect_unwind, note, reached, unwind_now, violated_at};
use spawned::{Expected, fails, passes, with};
use std::process::ExitCode;
use std::sync::Arc;

/// Two threads add one each, under a lock, but let go of it between reading and storing.
fn lost_update() {
    let sum = Arc::new(Mutex::new(0));
    let add = |sum: Arc<Mutex<u32>>| {
        let before = *sum.lock().unwrap();
        note(format!("reads {before}"));
        *sum.lock().unwrap() = before + 1;
        note(format!("stores {}", before + 1));
    };
    let other = sum.clone();
    let role = thread::spawn(move || add(other));
    add(sum.clone());
    role.join().unwrap();
    let sum = *sum.lock().unwrap();
    if sum != 2 {
        violated_at("lost update", format!("the sum is {sum}"), "stores 1");
    }
}

fn two_locks(in_order: bool) {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let other = locks.clone();
    thread::spawn(move || {
        let _first = other.0.lock().unwrap();
        let _second = other.1.lock().unwrap();
    });
    let (first, second) = if in_order { (&locks.0, &locks.1) } else { (&locks.1, &locks.0) };
    let _first = first.lock().unwrap();
    let _second = second.lock().unwrap();
}

fn race() {
    struct Shared(UnsafeCell<u32>);
    // SAFETY: not safe; loom must say so.
    unsafe impl Sync for Shared {}
    unsafe impl Send for Shared {}
    let cell = Arc::new(Shared(UnsafeCell::new(0)));
    let other = cell.clone();
    // SAFETY: as above.
    thread::spawn(move || other.0.with_mut(|value| unsafe { *value = 1 }));
    cell.0.with(|value| unsafe { *value });
}

/// A guard that does a loom operation while its role unwinds.
fn unwinding() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Relaxed);
            reached("guard dropped");
        }
    }
    let inside = Arc::new(AtomicUsize::new(1));
    let (other, guard) = (inside.clone(), Guard(inside));
    let role = move || {
        expect_unwind(|| {
            let _guard = guard;
            unwind_now();
        });
    };
    thread::spawn(role);
    if other.fetch_add(0, Relaxed) == 0 {
        reached("gone");
    }
}

fn five_threads() {
    let word = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let word = word.clone();
        thread::spawn(move || word.fetch_add(1, Relaxed));
    }
}

fn spin() {
    let word = AtomicUsize::new(0);
    while word.load(Relaxed) == 0 {
        thread::yield_now();
    }
}

fn one_thread() {
    AtomicUsize::new(0).fetch_add(1, Relaxed);
}

/// A lock that loom does not see is held where another role goes on.
fn lock_of_std() {
    let value = Arc::new(std::sync::Mutex::new(()));
    let word = Arc::new(AtomicUsize::new(0));
    let hold = |value: &std::sync::Mutex<()>, word: &AtomicUsize| {
        let _held = value.lock().unwrap();
        word.fetch_add(1, Relaxed);
    };
    let other = (value.clone(), word.clone());
    thread::spawn(move || hold(&other.0, &other.1));
    hold(&value, &word);
}

/// Every order of so many counts of each.
fn three_threads_count(times: usize) {
    let word = Arc::new(AtomicUsize::new(0));
    let count = move |word: &AtomicUsize| {
        for _ in 0..times {
            word.fetch_add(1, Relaxed);
        }
    };
    for _ in 0..2 {
        let word = word.clone();
        thread::spawn(move || count(&word));
    }
    count(&word);
}

/// One of loom's holes.
fn store_and_count() {
    let word = Arc::new(AtomicUsize::new(0));
    let other = word.clone();
    thread::spawn(move || other.store(1, Relaxed));
    word.fetch_add(1, Relaxed);
}

fn usual() {
    two_locks(true);
    reached("the usual");
}

fn moody() {
    use std::sync::atomic::AtomicUsize as StdAtomic;
    static RUNS: StdAtomic = StdAtomic::new(0);
    let run = RUNS.fetch_add(1, Relaxed);
    check(run > 0, "mood", || "only the first run fails".into());
}

fn suite() -> Suite {
    let model = |name: &str, body: fn()| Model::new(name).roles(&["first", "second"]).body(body);
    let twin =
        |name: &str, of: &str, expect: &str, body: fn()| Twin::new(name).of(of).expect(expect).body(body);
    Suite::new("verdicts")
        .model(model("good", || two_locks(true)))
        .model(model("lost-update", lost_update))
        .model(model("deadlock", || two_locks(false)))
        .model(model("race", race))
        .model(model("panic", || panic!("out of cheese")))
        .model(model("leak", || std::mem::forget(loom::sync::Arc::new(1))))
        .model(model("branches", spin).max_branches(50))
        .model(model("unreached", usual).must_reach(&["the usual", "the rare"]))
        .model(model("unwinding", unwinding).must_reach(&["guard dropped", "gone"]))
        .model(model("no-unwinding", || expect_unwind(|| ())))
        .model(model("five", five_threads).long())
        .model(model("moody", moody))
        .model(model("large", five_threads).second_engine_only())
        .model(Model::new("sequential").body(one_thread).sequential())
        .model(model("stuck", lock_of_std).long())
        .model(Model::new("many-orders").body(|| three_threads_count(3)).long())
        .model(Model::new("minutes").body(|| three_threads_count(5)).long())
        .model(Model::new("store-and-count").body(store_and_count))
        .model(Model::new("itself").body(one_thread).litmus())
        .twin(twin("twin-red", "good", "lost update", lost_update))
        .twin(twin("twin-deadlock", "good", "deadlock", || {
            two_locks(false);
        }))
        .twin(twin("twin-race", "good", "race", race))
        .twin(twin("twin-green", "good", "deadlock", || two_locks(true)))
        .twin(twin("twin-other", "good", "lost update", || {
            two_locks(false);
        }))
}

const EXPECTED: &[Expected] = &[
    passes(
        &["good"],
        &["executions, exhaustive, 2 threads", "all exhaustive", "test result: ok. 1 passed; 0 failed"],
    ),
    fails(
        &["lost-update"],
        &[
            "lost update: the sum is 1",
            "1 preemption; replay: VERDICTS_REPLAY='lost-update@p1:",
            "reads 0",
            "test result: FAILED. 0 passed; 1 failed",
        ],
    ),
    fails(
        &["deadlock", "--exact"],
        &["deadlock: first blocked, second blocked", "at first @", "verdicts.rs:"],
    ),
    fails(
        &["race", "--exact"],
        &[
            "race: Concurrent read and write accesses to `UnsafeCell` (read by first, write by second)",
            "second @",
            "verdicts.rs:",
        ],
    ),
    fails(&["panic"], &["panic: out of cheese", "at ", "verdicts.rs:"]),
    fails(&["leak"], &["leak: Arc leaked"]),
    fails(&["branches"], &["branch limit: Model exceeded"]),
    fails(&["unreached"], &[" executions, exhaustive, never reached: the rare"]),
    passes(&["unwinding", "--exact"], &["exhaustive", "guard dropped", "gone"]),
    passes(&["sequential"], &["1 execution, exhaustive, 1 thread"]),
    passes(
        &["itself"],
        &["model itself: litmus test, holds", "0 models, 0 executions", "; 1 litmus test;", "1 passed"],
    ),
    passes(
        &["store-and-count"],
        &["explored, with a hole at ", "verdicts.rs:", "1 model, ", "0 of them exhaustive"],
    ),
    fails(&["store-and-count", "--strict"], &["FAILED, ", "with a hole at ", "the run is --strict"]),
    passes(&["good", "--strict"], &["all exhaustive"]),
    with(
        &[("LOOM_MAX_PREEMPTIONS", "1")],
        &fails(&["good", "--strict"], &["bounded (preemptions <= 1)", "the run is --strict"]),
    ),
    fails(&["no-unwinding"], &["expected unwind: the closure returned"]),
    fails(&["moody"], &["the model is not deterministic"]),
    passes(&["five"], &["running 0 models, 0 twins", "1 ignored"]),
    passes(&["five", "--long"], &["exhaustive, 5 threads"]),
    with(&[("VERDICTS_LONG", "1")], &passes(&["five"], &["exhaustive, 5 threads"])),
    with(
        &[("LOOM_HARNESS_PROGRESS", "100")],
        &fails(
            &["stuck", "--exact", "--long"],
            &["FAILED, stuck at execution ", "a lock or a channel of std that another role has"],
        ),
    ),
    with(
        &[("LOOM_HARNESS_PROGRESS", "20")],
        &passes(
            &["many-orders", "--long"],
            &[
                "many-orders: ",
                " executions so far, ",
                " a second, at most ",
                " deep",
                ", exhaustive, 3 threads",
            ],
        ),
    ),
    with(&[("LOOM_LOG", "trace")], &passes(&["good"], &["thread #0: Object::branch_acquire"])),
    passes(&["five", "--ignored"], &["running 1 model, 0 twins", "1 passed", "23 filtered out"]),
    passes(&["twin-red"], &["lost update found at execution ", ", 1 preemption"]),
    passes(&["twin-deadlock"], &["deadlock found at execution ", ", 1 preemption"]),
    passes(&["twin-race"], &["race found at execution "]),
    fails(&["twin-green"], &["and nothing is violated", "holds in every execution"]),
    fails(&["twin-other"], &["must fail with \"lost update\"", "deadlock: thread #0 blocked"]),
    with(
        &[("LOOM_MAX_PREEMPTIONS", "1")],
        &passes(&["good"], &["bounded (preemptions <= 1)", "0 of them exhaustive"]),
    ),
    with(
        &[("LOOM_MAX_PERMUTATIONS", "1")],
        &passes(&["good"], &["1 execution, incomplete (stopped after 1 execution)"]),
    ),
    with(&[("LOOM_MAX_PERMUTATIONS", "100000")], &passes(&["good"], &["executions, exhaustive"])),
    with(
        &[("LOOM_MAX_DURATION", "0")],
        &passes(&["unreached"], &["incomplete (stopped after 0 s)", "not reached within these limits"]),
    ),
    with(&[("LOOM_MAX_PREEMPTIONS", "0")], &passes(&["twin-red"], &["not found in", "bounded", "1 ignored"])),
    with(
        &[("LOOM_MAX_BRANCHES", "3")],
        &fails(&["good"], &["branch limit", "replay: VERDICTS_REPLAY='good@", "=> branch limit"]),
    ),
    with(
        &[("LOOM_MAX_PREEMPTION", "1")],
        &fails(&["good"], &["LOOM_MAX_PREEMPTION: ", "LOOM_MAX_PREEMPTIONS"]),
    ),
    with(&[("LOOM_MAX_THREADS", "1")], &fails(&["good"], &["LOOM_MAX_THREADS: there is no such variable"])),
    with(&[("VERDICTS_REPLY", "good@1")], &fails(&[], &["VERDICTS_REPLY: ", "VERDICTS_REPLAY"])),
    with(&[("VERDICTS_CHEK", "certificate")], &fails(&["good"], &["VERDICTS_CHEK: ", "VERDICTS_CHECK"])),
    with(&[("LOOM_MAX_PREEMPTIONS", "many")], &fails(&["good"], &["LOOM_MAX_PREEMPTIONS"])),
    with(&[("VERDICTS_REPLAY", "lost-update@p1:2")], &fails(&[], &["reads 0", "lost-update@p1:2"])),
    with(&[("VERDICTS_REPLAY", "good@1")], &passes(&[], &["this execution holds"])),
    with(&[("VERDICTS_REPLAY", "good@9999")], &fails(&[], &["the search has only"])),
    passes(&["nothing-like-it"], &["0 models", "24 filtered out"]),
    passes(&["--list"], &["good: test", "twin-other: test"]),
    passes(
        &["large", "--include-ignored"],
        &["model large: second engine only", "running 0 models", "1 ignored"],
    ),
    // As cargo-nextest does it.
    passes(&["--list", "--format", "terse"], &["good: test", "five: test"]),
    passes(&["--list", "--format", "terse", "--ignored"], &["five: test"]),
    passes(&["twin-race", "--exact", "--nocapture"], &["1 passed; 0 failed"]),
    passes(&["five", "--exact", "--nocapture", "--ignored"], &["1 passed; 0 failed"]),
    // What makes no sense.
    fails(&["--frobnicate"], &["--frobnicate", "usage:"]),
    fails(&["--test-threads", "0"], &["--test-threads 0", "1 or more"]),
    fails(&["--test-threads", "many"], &["--test-threads many"]),
    fails(&["--color", "pink"], &["auto, always, never"]),
    fails(&["--compare", "no/such/file"], &["no/such/file"]),
    fails(&["good", "--check-certificate", "x"], &["about the whole suite"]),
    fails(&["good", "--part", "1/2"], &["--part and --reorder are of the second engine"]),
    // A run that was asked to explore, and would not.
    with(&[("VERDICTS_EXPLORE", "loom")], &passes(&["good"], &["all exhaustive"])),
    with(
        &[("VERDICTS_EXPLORE", "loom")],
        &fails(&["nothing-like-it"], &["nothing here matches \"nothing-like-it\"", "--list"]),
    ),
    with(&[("VERDICTS_EXPLORE", "loom")], &fails(&["goo", "--exact"], &["nothing here matches"])),
    with(
        &[("VERDICTS_EXPLORE", "loom")],
        &fails(&["good", "--skip", "oo"], &["nothing here matches \"good\" --skip \"oo\""]),
    ),
    with(&[("VERDICTS_EXPLORE", "other")], &fails(&["good"], &["was built for loom", "RUSTFLAGS"])),
];

/// A binary that was built without its engine.
const STUB: &[Expected] = &[
    passes(&[], &["nothing to run", "the command is\n    cargo explore"]),
    passes(&["gate"], &["nothing to run"]),
    passes(&["--list", "--format", "terse"], &[]),
    fails(&["--certificate", "x"], &["unknown argument --certificate", "cargo explore"]),
    with(&[("VERDICTS_EXPLORE", "loom")], &passes(&[], &["nothing to run"])),
    with(&[("VERDICTS_EXPLORE", "other")], &fails(&[], &["asks for other", "cargo explore"])),
    with(&[("VERDICTS_EXPLORE", "other")], &fails(&["--list"], &["asks for other"])),
];

/// Checks, one of which fails.
const CHECKS: &[Expected] = &[
    passes(
        &["holds"],
        &["check holds ... ok", "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered"],
    ),
    fails(&[], &["check breaks ... FAILED", "broken", "test result: FAILED. 1 passed; 1 failed; 1 ignored"]),
    passes(&["slow", "--ignored"], &["check slow ... ok"]),
    passes(&["--list"], &["holds: test", "breaks: test", "slow: test"]),
    passes(&["nothing-like-it"], &["0 passed; 0 failed"]),
    with(&[("VERDICTS_EXPLORE", "loom")], &fails(&["nothing-like-it"], &["nothing here matches"])),
    fails(&["--test-threads=0"], &["1 or more"]),
    fails(&["--long"], &["unknown argument --long"]),
];

/// A search as a function call.
fn searches() {
    let good = Case::from(Model::new("good").body(|| two_locks(true))).search();
    assert!(good.exhaustive && good.failure.is_none() && good.executions > 1);
    let bad = Case::from(Model::new("bad").roles(&["a", "b"]).body(|| two_locks(false))).search();
    let failure = bad.failure.expect("it deadlocks");
    assert_eq!((failure.invariant.as_str(), failure.preemptions), ("deadlock", Some(1)));
    assert_eq!(failure.detail, "a blocked, b blocked");
}

/// Ctrl-c ends a search, which says how far it was.
fn interrupted() -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = std::process::Command::new(this);
    command.args(["minutes", "--exact", "--long"]).env("VERDICTS_ROLE", "suite");
    let child = command.stdout(std::process::Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    std::thread::sleep(std::time::Duration::from_millis(150));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    kill.map_err(|error| error.to_string())?;
    let ended = child.wait_with_output().map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&ended.stdout);
    let is_said = printed.contains(" incomplete (interrupted)") && printed.contains("0 of them exhaustive");
    if is_said && ended.status.code() == Some(130) {
        Ok(())
    } else {
        Err(format!("{}: {printed}", ended.status))
    }
}

/// What CI shows.
#[cfg(feature = "junit")]
fn junit() -> Result<(), String> {
    let path = std::env::temp_dir().join(format!("loom-harness-junit-{}.xml", std::process::id()));
    let text = path.display().to_string();
    spawned::run("suite", &["twin-", "--junit", &text], &[])?;
    let written = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_file(path);
    let parts = ["testsuites", "tests=\"5\" failures=\"2\"", "twin-green", "and nothing is violated"];
    let missing: Vec<_> = parts.iter().filter(|part| !written.contains(**part)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} is not in {written}")) }
}

fn checks() -> Vec<Check> {
    let calls = Check::new("search as a function call", || {
        searches();
        Ok(())
    });
    let spawned = [("suite", EXPECTED), ("stub", STUB), ("checks", CHECKS)];
    let spawned = spawned.into_iter().flat_map(|(role, expected)| spawned::checks(role, expected));
    let ends = Check::new("ctrl-c", interrupted);
    #[cfg(feature = "junit")]
    let ends = [ends, Check::new("JUnit", junit)];
    #[cfg(not(feature = "junit"))]
    let ends = [ends];
    std::iter::once(calls).chain(spawned).chain(ends).collect()
}

/// For `CHECKS`.
fn checks_of_checks() -> Vec<Check> {
    vec![
        Check::new("holds", || Ok(())),
        Check::new("breaks", || panic!("broken")),
        Check::new("slow", || Ok(())).ignored(true),
    ]
}

fn main() -> ExitCode {
    match spawned::role().as_deref() {
        Some("suite") => loom_harness::main(suite()),
        Some("stub") => binary::not_built("verdicts", "other", "cargo explore"),
        Some("checks") => binary::run("verdicts", checks_of_checks()),
        _ => binary::run("verdicts", checks()),
    }
}
