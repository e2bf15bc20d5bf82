//! Every way in which a model or a twin can end under the second engine, and two engines side by side.
//!
//! Each check runs this same program as a suite, and reads what it prints.

mod spawned;

use loom_harness::binary::{self, Check};
use loom_harness::{Engine, Model, Suite, Twin, expect_unwind, note, reached, unwind_now, violated_at};
use spawned::{Expected, fails, passes, with};
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize as Unseen;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Once};
use traceset::{AtomicU64, Cell, Mutex, thread};

/// Two threads add one each, under a lock, but let go of it between reading and storing.
fn lost_update() {
    let sum = Arc::new(Mutex::new(0));
    let add = |sum: Arc<Mutex<u32>>| {
        let before = *sum.lock();
        note(format!("reads {before}"));
        *sum.lock() = before + 1;
        note(format!("stores {}", before + 1));
    };
    let other = sum.clone();
    let role = thread::spawn(move || add(other));
    add(sum.clone());
    role.join().unwrap();
    let sum = *sum.lock();
    if sum != 2 {
        violated_at("lost update", format!("the sum is {sum}"), "stores 1");
    }
}

fn two_locks(in_order: bool) {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let other = locks.clone();
    thread::spawn(move || {
        let _first = other.0.lock();
        let _second = other.1.lock();
    });
    let (first, second) = if in_order { (&locks.0, &locks.1) } else { (&locks.1, &locks.0) };
    let _first = first.lock();
    let _second = second.lock();
}

fn race() {
    let cell = Arc::new(Cell::new(0));
    let other = cell.clone();
    thread::spawn(move || other.set(1));
    cell.get();
}

/// A guard that does an operation while its role unwinds.
fn unwinding() {
    struct Guard(Arc<AtomicU64>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Relaxed);
            reached("guard dropped");
        }
    }
    let inside = Arc::new(AtomicU64::new(1));
    let (other, guard) = (inside.clone(), Guard(inside));
    thread::spawn(move || {
        expect_unwind(|| {
            let _guard = guard;
            unwind_now();
        });
    });
    if other.fetch_add(0, Relaxed) == 0 {
        reached("gone");
    }
}

/// More than loom can run. Two of them meet.
fn six_threads() {
    let words: Vec<_> = (0..3).map(|_| Arc::new(AtomicU64::new(0))).collect();
    for role in 0..5 {
        let word = words[role % 3].clone();
        thread::spawn(move || word.fetch_add(1, Relaxed));
    }
}

/// 10! / 2!^5 executions: enough to give pieces away.
fn many() {
    let word = Arc::new(AtomicU64::new(0));
    for role in 0..4 {
        let word = word.clone();
        thread::spawn(move || {
            word.fetch_add(1, Relaxed);
            if word.fetch_add(1, Relaxed) == 2 * role {
                reached("in turn");
            }
        });
    }
    word.fetch_add(1, Relaxed);
    word.fetch_add(1, Relaxed);
}

fn spin() {
    let word = AtomicU64::new(0);
    thread::spawn(|| ());
    while word.fetch_add(0, Relaxed) == 0 {}
}

/// Three threads, each with a word of its own.
fn apart() {
    for _ in 0..2 {
        thread::spawn(|| AtomicU64::new(0).fetch_add(1, Relaxed));
    }
    AtomicU64::new(0).fetch_add(1, Relaxed);
}

fn one_thread() {
    AtomicU64::new(0).fetch_add(1, Relaxed);
}

/// The first execution of a process does something else.
fn once() {
    static ONCE: Once = Once::new();
    let word = Arc::new(AtomicU64::new(0));
    let other = word.clone();
    thread::spawn(move || other.fetch_add(1, Relaxed));
    let mut is_first = false;
    ONCE.call_once(|| is_first = true);
    if is_first {
        word.store(1, Relaxed);
    } else {
        word.fetch_add(1, Relaxed);
    }
}

/// A role on a thread of the system.
fn outside() {
    two_locks(true);
    let word = Arc::new(AtomicU64::new(0));
    assert!(std::thread::spawn(move || word.fetch_add(1, Relaxed)).join().is_err());
}

/// Two roles that share nothing that the engine sees, but a counter that it does not.
fn unseen(says: fn(usize)) {
    let order = Arc::new(Unseen::new(0));
    let role = move || {
        let word = AtomicU64::new(0);
        word.fetch_add(1, Relaxed);
        says(order.fetch_add(1, Relaxed));
    };
    let other = role.clone();
    thread::spawn(move || {
        other();
        reached("the other is done");
    });
    role();
}

fn first_of_all(place: usize) {
    if place == 0 && thread::index() == 0 {
        reached("first of all");
    }
}

fn usual() {
    two_locks(true);
    reached("the usual");
}

fn moody() {
    static RUNS: Unseen = Unseen::new(0);
    let word = Arc::new(AtomicU64::new(0));
    let other = word.clone();
    thread::spawn(move || other.fetch_add(1, Relaxed));
    for _ in 0..=RUNS.fetch_add(1, Relaxed) {
        word.fetch_add(1, Relaxed);
    }
}

fn suite() -> Suite {
    let model = |name: &str, body: fn()| Model::new(name).roles(&["first", "second"]).body(body);
    let twin =
        |name: &str, of: &str, expect: &str, body: fn()| Twin::new(name).of(of).expect(expect).body(body);
    Suite::new("verdicts")
        .engine(Engine::Traceset)
        .model(model("good", || two_locks(true)))
        .model(model("lost-update", lost_update))
        .model(model("deadlock", || two_locks(false)))
        .model(model("race", race))
        .model(model("panic", || panic!("out of cheese")))
        .model(model("branches", spin).max_branches(50))
        .model(model("unreached", usual).must_reach(&["the usual", "the rare"]))
        .model(model("unwinding", unwinding).must_reach(&["guard dropped", "gone"]))
        .model(model("no-unwinding", || expect_unwind(|| ())))
        .model(model("six", six_threads).second_engine_only())
        .model(model("many", many).long())
        .model(model("nine", || (0..8).for_each(|_| drop(thread::spawn(|| ())))))
        .model(model("hidden-outcome", || unseen(first_of_all)))
        .model(model("hidden-order", || unseen(|place| note(format!("is number {place}")))))
        .model(model("moody", moody))
        .model(model("once", once))
        .model(Model::new("outside").body(outside))
        .model(model("no-other", one_thread))
        .model(Model::new("apart").body(apart))
        .model(Model::new("vacuous").body(one_thread))
        .model(Model::new("sequential").body(one_thread).sequential())
        .twin(twin("twin-red", "good", "lost update", lost_update))
        .twin(twin("twin-deadlock", "good", "deadlock", || two_locks(false)))
        .twin(twin("twin-race", "good", "race", race))
        .twin(twin("twin-green", "good", "deadlock", || two_locks(true)))
        .twin(twin("twin-other", "good", "lost update", || two_locks(false)))
}

const EXPECTED: &[Expected] = &[
    passes(&["good"], &["2 executions, exhaustive, 2 threads", "all exhaustive", "ok. 1 passed; 0 failed"]),
    fails(
        &["lost-update"],
        &[
            "lost update: the sum is 1",
            "1 preemption; replay: VERDICTS_REPLAY='lost-update@t",
            "reads 0",
            "second_engine.rs:",
            "test result: FAILED. 0 passed; 1 failed",
        ],
    ),
    fails(
        &["deadlock", "--exact"],
        &[
            "deadlock: first waits for mutex 0.0, which second has; second waits for",
            // It has no notes, so its operations are drawn.
            "lock mutex 0.1, second_engine.rs:",
            "first @",
            "second_engine.rs:",
        ],
    ),
    fails(
        &["race", "--exact"],
        &["race: nothing orders the", "write by second", "read by first", "second_engine.rs:"],
    ),
    fails(&["panic"], &["panic: out of cheese", "at ", "second_engine.rs:"]),
    fails(&["branches"], &["branch limit: more than 50 steps"]),
    fails(&["unreached"], &[" executions, exhaustive, never reached: the rare"]),
    passes(&["unwinding", "--exact"], &["exhaustive", "guard dropped", "gone"]),
    fails(&["no-unwinding"], &["expected unwind: the closure returned"]),
    fails(&["moody"], &["not deterministic"]),
    passes(&["six"], &["exhaustive, 6 threads"]),
    // What only seems to be exhaustive.
    fails(&["once"], &["not deterministic: execution 1 does not come out again: operation "]),
    fails(&["outside"], &[" on a thread outside of the model", "std::thread::spawn"]),
    fails(&["no-other"], &["1 execution, 1 thread for 2 roles"]),
    passes(
        &["apart"],
        &["1 execution, independent (no two threads meet), 3 threads", "0 of them exhaustive"],
    ),
    fails(&["apart", "--strict"], &["FAILED, 1 execution, independent", "--strict"]),
    fails(&["vacuous"], &["1 execution, 1 thread, vacuous", ".sequential()"]),
    passes(&["sequential"], &["1 execution, exhaustive, 1 thread"]),
    fails(&["nine"], &["refused: ", "more than 8 threads"]),
    // What depends on the order of independent operations.
    fails(
        &["hidden-outcome"],
        &["order of independent operations: one order reaches {", "}, another {", "hidden-outcome@t", "~t"],
    ),
    fails(
        &["hidden-order"],
        &["order of independent operations: first says \"is number ", " in one order and \"is number ", "~t"],
    ),
    // Long searches.
    passes(&["many", "--only-long"], &["many: estimate: ", "113400 executions", ", exhaustive, 5 threads"]),
    passes(&["good", "--part", "2/3"], &["0 executions, part 2 of 3", "0 of them exhaustive"]),
    passes(&["twin-green", "--part", "1/3"], &["not found in 2 executions, part 1 of 3", "1 ignored"]),
    fails(&["good", "--part", "4/3"], &["4/3", "K/N"]),
    with(
        &[("LOOM_MAX_PERMUTATIONS", "1")],
        &fails(&["good", "--part", "1/3"], &["a limit is of a whole search"]),
    ),
    passes(
        &["good", "--reorder", "3"],
        &["2 executions, all exhaustive", "6 more orders of their traces judged"],
    ),
    passes(&["twin-red"], &["lost update found at execution ", ", 1 preemption"]),
    passes(&["twin-deadlock"], &["deadlock found at execution ", ", 1 preemption"]),
    passes(&["twin-race"], &["race found at execution "]),
    fails(&["twin-green"], &["and nothing is violated", "holds in every execution"]),
    fails(&["twin-other"], &["must fail with \"lost update\"", "deadlock: thread #0 waits for"]),
    with(&[("LOOM_MAX_PREEMPTIONS", "0")], &passes(&["good"], &["bounded (preemptions <= 0)"])),
    with(
        &[("LOOM_MAX_PERMUTATIONS", "1")],
        &passes(&["good"], &["1 execution, incomplete (stopped after 1 execution)"]),
    ),
    with(&[("VERDICTS_REPLAY", "good@t")], &passes(&[], &["this execution holds"])),
    with(&[("VERDICTS_REPLAY", "good@3")], &fails(&[], &["is not a schedule"])),
    with(&[("VERDICTS_EXPLORE", "traceset")], &passes(&["good"], &["all exhaustive"])),
    with(&[("VERDICTS_EXPLORE", "loom")], &fails(&["good"], &["was built for traceset"])),
];

/// What both engines explore, for a certificate.
fn small() -> Suite {
    let twin = Twin::new("lock/other-order").of("lock").expect("deadlock");
    Suite::new("verdicts")
        .engine(Engine::Traceset)
        .model(Model::new("lock").body(|| {
            two_locks(true);
            reached("held");
        }))
        .model(Model::new("six").body(six_threads).second_engine_only())
        .twin(twin.body(|| two_locks(false)))
}

/// A certificate that says of loom what the second engine found, and then something else.
fn compared() -> Result<(), String> {
    let base = std::env::temp_dir().join(format!("second-engine-{}", std::process::id()));
    let (file, base) = (base.with_extension("json"), base.display().to_string());
    let run = |option: &str| spawned::run("small", &[option, &base], &[]);
    let prints = |(passed, printed): (bool, String), passes: bool, text: &str| {
        let is_expected = passed == passes && printed.contains(text);
        if is_expected { Ok(()) } else { Err(format!("not printed: {text}\n{printed}")) }
    };
    let write = |text: &str| std::fs::write(&file, text).map_err(|error| error.to_string());
    prints(run("--certificate")?, true, "certificate written")?;
    prints(run("--check-certificate")?, true, ": 0 differences")?;
    prints(run("--compare")?, false, "no engine but traceset wrote there")?;
    let written = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let of_loom = written.replace("\"traceset\"", "\"loom\"");
    write(&of_loom)?;
    prints(run("--compare")?, true, "engines: 2 models, 2 agree, 0 differ")?;
    write(&of_loom.replace("\"held\"\n", "\"lost\"\n"))?;
    prints(run("--compare")?, false, "model lock: only traceset reaches {held}; only loom reaches {lost}")?;
    prints(run("--certificate")?, true, "certificate written")?;
    let page = std::fs::read_to_string(file.with_extension("md")).map_err(|error| error.to_string())?;
    let columns =
        "| model | roles | loom executions | explored | threads | deepest | seconds | traceset executions |";
    if page.contains(columns) { Ok(()) } else { Err(page) }
}

/// The complete executions of all parts, and of all pieces on however many threads, are those of the whole.
fn added_up() -> Result<(), String> {
    let executions = |args: &[&str]| -> Result<(String, u64), String> {
        let args = [&["many", "--exact", "--long"], args].concat();
        let (passed, printed) = spawned::run("suite", &args, &[])?;
        let line = printed.lines().find_map(|line| line.strip_prefix("model many: "));
        let line = line.filter(|_| passed).ok_or_else(|| printed.clone())?.to_string();
        let number = line.split(' ').next().and_then(|number| number.parse().ok());
        number.map(|number| (line, number)).ok_or(printed)
    };
    let (on_one, whole) = executions(&["--test-threads", "1"])?;
    let (on_three, _) = executions(&["--test-threads", "3"])?;
    let counts = |line: &str| line.split(", exhaustive").next().map(String::from);
    if counts(&on_one) != counts(&on_three) || !on_one.contains("exhaustive") {
        return Err(format!("on one thread {on_one}, on three {on_three}"));
    }
    let mut parts = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let (line, number) = executions(&["--part", part])?;
        if line.contains("exhaustive") || number == 0 {
            return Err(format!("of part {part}: {line}"));
        }
        parts.push(number);
    }
    let sum: u64 = parts.iter().sum();
    if sum == whole { Ok(()) } else { Err(format!("{parts:?} are {sum}, and not {whole}")) }
}

fn checks() -> Vec<Check> {
    let compared = Check::new("certificates and comparisons", compared);
    let added_up = Check::new("parts and pieces add up", added_up);
    spawned::checks("suite", EXPECTED).chain([compared, added_up]).collect()
}

fn main() -> ExitCode {
    match spawned::role().as_deref() {
        Some("suite") => loom_harness::main(suite()),
        Some("small") => loom_harness::main(small()),
        _ => binary::run("verdicts", checks()),
    }
}
