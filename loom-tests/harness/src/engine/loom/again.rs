//! Whether the executions of a search come out again: what survives an execution would hide from it.
//!
//! A `static`, a once cell, a counter of ids, the order of a `HashMap` can make an execution something else than
//! what it was, or would be. So the steps of the first executions are written down, and of some in between; after
//! the last execution these are run again, and must do the same, step by step. A number of executions is not
//! enough: a path that is taken once in a process can leave it as it was.
//!
//! What loom's checkpoint of an execution says is enough to run that one alone; its text also says whether the
//! exploration was switched off for a while.

use super::{hook, probe};
use crate::case::Body;
use crate::inside::context;
use loom::model::Builder;
use std::cell::RefCell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// So many of the first executions are written down; one in so many of them is run again at least.
const FIRST: u64 = 16;
const SHARE: u64 = 20;

/// One in so many of the others, until there are so many; then every other one of them is forgotten.
const STRIDE: u16 = 2_000;
const MOST: usize = 64;

/// An execution, to be run again.
struct Sample {
    execution: u64,
    /// loom's words for the way to it; `None` for one of the first.
    way: Option<String>,
    steps: String,
}

/// The samples of a search.
pub(super) struct Samples {
    /// Where loom leaves its checkpoints, if it makes any.
    checkpoint: Option<PathBuf>,
    /// The way to the running execution, if that is a sample.
    way: Option<String>,
    kept: Vec<Sample>,
    stride: u64,
    is_switched_off: bool,
}

thread_local! {
    static SAMPLES: RefCell<Option<Samples>> = const { RefCell::new(None) };
}

/// A new file's path: loom would go on from one that is there.
fn new_path() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    std::env::temp_dir().join(format!("loom-harness-{}-{number}.json", std::process::id()))
}

/// Has `builder` leave checkpoints for the samples, unless it looks at limits before each execution.
pub(super) fn sample(builder: &mut Builder) {
    let has_limits = builder.max_permutations.is_some() || builder.max_duration.is_some();
    let checkpoint = (!has_limits).then(new_path);
    if checkpoint.is_some() {
        builder.checkpoint_file.clone_from(&checkpoint);
        builder.checkpoint_interval = STRIDE.into();
    }
    let (kept, way, is_switched_off) = (Vec::new(), None, false);
    SAMPLES.set(Some(Samples { checkpoint, way, kept, stride: STRIDE.into(), is_switched_off }));
}

/// Before the first operation of an execution, by its number. Ends the one before.
pub(super) fn begin_execution(execution: u64) {
    SAMPLES.with_borrow_mut(|samples| match samples {
        Some(samples) => samples.begin(execution),
        None => drop(probe::begin_execution(false)),
    });
}

impl Samples {
    fn begin(&mut self, execution: u64) {
        let way = self.way_to(execution);
        let is_sample = execution <= FIRST || way.is_some();
        let before = probe::begin_execution(is_sample);
        let way_before = std::mem::replace(&mut self.way, way);
        if let Some(steps) = before {
            self.keep(Sample { execution: execution - 1, way: way_before, steps });
        }
    }

    /// loom has just written it down.
    fn way_to(&mut self, execution: u64) -> Option<String> {
        let path = self.checkpoint.as_ref().filter(|_| execution.is_multiple_of(STRIDE.into()))?;
        let way = fs::read_to_string(path).ok();
        let _ = fs::remove_file(path);
        let way = way.filter(|_| execution.is_multiple_of(self.stride))?;
        self.is_switched_off |= is_switched_off(&way);
        Some(way)
    }

    fn keep(&mut self, sample: Sample) {
        self.kept.push(sample);
        if self.kept.len() > MOST {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|sample| sample.way.is_none() || sample.execution.is_multiple_of(stride));
        }
    }
}

/// Whether a part of the way was not to be explored: loom writes it down of each branch.
fn is_switched_off(way: &str) -> bool {
    way.contains("\"exploring\":false")
}

/// What running the samples again came to.
#[derive(Default)]
pub(super) struct Again {
    /// What an execution did otherwise.
    pub(super) difference: Option<String>,
    /// The model switches the exploration off.
    pub(super) is_switched_off: bool,
}

/// The samples of a search that has ended, with its last execution.
pub(super) fn ended(executions: u64) -> Ended {
    begin_execution(executions + 1);
    probe::begin_execution(false);
    let samples = SAMPLES.take();
    let is_switched_off = samples.as_ref().is_some_and(|samples| samples.is_switched_off);
    Ended { samples: samples.map(|samples| samples.kept).unwrap_or_default(), executions, is_switched_off }
}

/// See [`ended`].
pub(super) struct Ended {
    samples: Vec<Sample>,
    executions: u64,
    is_switched_off: bool,
}

/// Runs the samples of a search again, on the same OS thread. `builder` makes a builder with the bounds of the
/// search, but for what ends it.
///
/// When one of them fails, the panic hook answers, and this does not return.
pub(super) fn run(builder: impl Fn() -> Builder, body: &Body, ended: Ended) -> Again {
    let Ended { samples, executions, is_switched_off } = ended;
    let (first, between): (Vec<_>, Vec<_>) = samples.into_iter().partition(|sample| sample.way.is_none());
    let most = (executions / SHARE).clamp(1, FIRST);
    let now = rerun(builder(), None, most, body);
    let is_switched_off = is_switched_off || now.is_switched_off;
    let of_first = first.iter().zip(&now.steps).find_map(|(sample, now)| difference(sample, now));
    let of_the_others = || {
        between.iter().find_map(|sample| {
            let now = rerun(builder(), sample.way.as_deref(), 1, body);
            difference(sample, now.steps.first()?)
        })
    };
    Again { difference: of_first.or_else(of_the_others), is_switched_off }
}

/// What executions did now.
#[derive(Default)]
struct Now {
    steps: Vec<String>,
    is_switched_off: bool,
}

thread_local! {
    static NOW: RefCell<Now> = RefCell::default();
}

/// So many executions from `way` on, or from the first.
fn rerun(mut builder: Builder, way: Option<&str>, executions: u64, body: &Body) -> Now {
    let path = new_path();
    if let Some(way) = way {
        // Without it loom would run the first execution, which then is not the same.
        let _ = fs::write(&path, way);
    }
    builder.max_permutations = usize::try_from(executions + 1).ok();
    (builder.checkpoint_interval, builder.max_duration) = (1, None);
    builder.checkpoint_file = Some(path.clone());
    let (body, checkpoint) = (body.clone(), path.clone());
    NOW.take();
    builder.check(move || {
        let steps = probe::begin_execution(true);
        let way = fs::read_to_string(&checkpoint).unwrap_or_default();
        NOW.with_borrow_mut(|now| {
            now.steps.extend(steps);
            now.is_switched_off |= is_switched_off(&way);
        });
        context::begin_execution();
        body();
        let is_off = !is_exploring();
        NOW.with_borrow_mut(|now| now.is_switched_off |= is_off);
    });
    let _ = fs::remove_file(path);
    let mut now = NOW.take();
    now.steps.extend(probe::begin_execution(false));
    now
}

/// Whether loom explores here. It does not say so, but to ask it to begin is an error if it does. Where it does
/// not it begins, which is too late to change this execution.
fn is_exploring() -> bool {
    hook::quietly(|| catch_unwind(AssertUnwindSafe(loom::explore)).is_err())
}

fn difference(sample: &Sample, now: &str) -> Option<String> {
    let number = sample.execution;
    let (mut before, mut after) = (sample.steps.lines(), now.lines());
    let step = (1u32..).find_map(|step| match (before.next(), after.next()) {
        (None, None) => Some(None),
        (before, after) if before == after => None,
        (before, after) => Some(Some((step, before.unwrap_or("its end"), after.unwrap_or("its end")))),
    });
    step.flatten().map(|(step, before, after)| {
        format!(
            "execution {number} does not come out again: event {step} was \"{before}\", and is now \"{after}\". \
             Does something survive an execution, such as a static or a HashMap's order?"
        )
    })
}
