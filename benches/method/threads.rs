//! Runs the same work on several threads at once, and reads their clocks.

use std::sync::{Barrier, LazyLock};
use std::time::Instant;

use core_affinity::CoreId;
use cpu_time::ThreadTime;

use super::sample::{Metric, Sample};

/// The processors that threads are pinned to, in turn. Empty where the system does not tell.
static CORES: LazyLock<Vec<CoreId>> = LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());

/// What one thread measured.
struct Timed {
    cpu_seconds: f64,
    start: Instant,
    end: Instant,
}

/// `threads` threads, each pinned, do `operations` operations each, starting together.
///
/// `prepare` is called on each thread with its number, before the clock runs, and `work` with what it
/// returned; it says how many operations it did.
pub(crate) fn measure<Local>(
    threads: usize,
    operations: u64,
    prepare: impl Fn(usize) -> Local + Sync,
    work: impl Fn(&mut Local, u64) -> u64 + Sync,
) -> Sample {
    let start = Barrier::new(threads);
    let timed: Vec<Timed> = std::thread::scope(|scope| {
        let run = |index| run(index, operations, &start, &prepare, &work);
        let running: Vec<_> = (0..threads).map(|index| scope.spawn(move || run(index))).collect();
        running.into_iter().map(|thread| thread.join().expect("a bench thread panicked")).collect()
    });
    sample(&timed, operations)
}

fn run<Local>(
    index: usize,
    operations: u64,
    start: &Barrier,
    prepare: &impl Fn(usize) -> Local,
    work: &impl Fn(&mut Local, u64) -> u64,
) -> Timed {
    pin(index);
    let mut local = prepare(index);
    start.wait();
    let (began, clock) = (Instant::now(), ThreadTime::now());
    let done = work(&mut local, operations);
    let (cpu, end) = (clock.elapsed(), Instant::now());
    assert_eq!(done, operations, "thread {index} did not do its work");
    Timed { cpu_seconds: cpu.as_secs_f64(), start: began, end }
}

fn sample(timed: &[Timed], operations: u64) -> Sample {
    let all = operations as f64 * timed.len() as f64;
    let cpu: f64 = timed.iter().map(|timed| timed.cpu_seconds).sum();
    let start = timed.iter().map(|timed| timed.start).min();
    let end = timed.iter().map(|timed| timed.end).max();
    let wall = start.zip(end).map_or(0.0, |(start, end)| (end - start).as_secs_f64());
    Sample::default().with(Metric::Cpu, cpu * 1e9 / all).with(Metric::Wall, wall * 1e9 / all)
}

/// Pins the calling thread to the processor of its number, where the system allows.
pub(crate) fn pin(index: usize) {
    if let Some(core) = CORES.get(index % CORES.len().max(1)) {
        core_affinity::set_for_current(*core);
    }
}

/// Measures `work` on one thread of its own.
pub(crate) fn measure_one(operations: u64, mut work: impl FnMut(u64) -> u64 + Send) -> Sample {
    std::thread::scope(|scope| {
        let run = move || {
            pin(0);
            let (began, clock) = (Instant::now(), ThreadTime::now());
            let done = work(operations);
            let (cpu, end) = (clock.elapsed(), Instant::now());
            assert_eq!(done, operations, "the bench did not do its work");
            Timed { cpu_seconds: cpu.as_secs_f64(), start: began, end }
        };
        let timed = scope.spawn(run).join().expect("a bench thread panicked");
        sample(&[timed], operations)
    })
}
