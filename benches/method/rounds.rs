//! Rounds: every candidate once in each, in a new random order.

use std::time::{Duration, Instant};

use super::sample::{Case, Metric, Sample};
use super::settings::Settings;
use super::stats::Summary;

/// A participant of a bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the hardware cannot do cheaper. At most one in a bench.
    Limit,
    Ours,
    /// What a user would take instead.
    Peer,
}

/// Runs the given number of operations on each thread, and measures them.
type Run = Box<dyn FnMut(u64) -> Sample>;

pub(crate) struct Candidate {
    pub name: String,
    pub role: Role,
    run: Run,
    /// Operations of one sample, if they are not to be found out.
    operations: Option<u64>,
}

impl Candidate {
    pub(crate) fn new(role: Role, name: impl Into<String>, run: impl FnMut(u64) -> Sample + 'static) -> Self {
        Self { name: name.into(), role, run: Box::new(run), operations: None }
    }

    pub(crate) fn limit(name: impl Into<String>, run: impl FnMut(u64) -> Sample + 'static) -> Self {
        Self::new(Role::Limit, name, run)
    }

    pub(crate) fn ours(name: impl Into<String>, run: impl FnMut(u64) -> Sample + 'static) -> Self {
        Self::new(Role::Ours, name, run)
    }

    pub(crate) fn peer(name: impl Into<String>, run: impl FnMut(u64) -> Sample + 'static) -> Self {
        Self::new(Role::Peer, name, run)
    }

    /// With this many operations a sample, however long they take.
    pub(crate) fn operations(mut self, operations: u64) -> Self {
        self.operations = Some(operations);
        self
    }
}

/// What a candidate measured, a sample a round.
pub(crate) struct Series {
    pub case: Case,
    pub candidate: String,
    pub role: Role,
    pub samples: Vec<Sample>,
}

impl Series {
    pub(crate) fn values(&self, metric: Metric) -> Vec<f64> {
        self.samples.iter().filter_map(|sample| sample.get(metric)).collect()
    }

    pub(crate) fn summary(&self, metric: Metric) -> Option<Summary> {
        Summary::of(self.values(metric))
    }

    /// This one's cost as a multiple of the other's, round by round.
    pub(crate) fn ratio_to(&self, other: &Self, metric: Metric) -> Option<Summary> {
        let (own, other) = (self.values(metric), other.values(metric));
        Summary::of(own.iter().zip(&other).map(|(own, other)| own / other).collect())
    }
}

/// A case that takes longer has no more rounds than [`FEW`].
const PATIENCE: Duration = Duration::from_secs(12);
const FEW: usize = 5;

/// Runs all rounds of one case.
pub(crate) fn run(
    case: Case,
    mut candidates: Vec<Candidate>,
    rounds: usize,
    settings: &Settings,
) -> Vec<Series> {
    let start = Instant::now();
    candidates.retain(|one| settings.only.as_ref().is_none_or(|only| one.name.contains(only)));
    let operations: Vec<u64> = candidates.iter_mut().map(|one| calibrate(one, settings)).collect();
    let mut series: Vec<Series> = candidates
        .iter()
        .map(|one| Series { case, candidate: one.name.clone(), role: one.role, samples: Vec::new() })
        .collect();
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    for round in 0..rounds {
        if round >= FEW && start.elapsed() > PATIENCE {
            break;
        }
        fastrand::shuffle(&mut order);
        for &index in &order {
            series[index].samples.push((candidates[index].run)(operations[index]));
        }
    }
    series
}

/// The number of operations with which a sample takes as long as asked for. The runs that find it out warm up
/// the caches.
fn calibrate(candidate: &mut Candidate, settings: &Settings) -> u64 {
    if let Some(operations) = candidate.operations {
        return operations;
    }
    let mut operations = 1_u64;
    loop {
        let start = Instant::now();
        let sample = (candidate.run)(operations);
        // CPU time: on a busy machine a single operation can take a whole time slice.
        let cpu = sample.get(Metric::Cpu).map(|cpu| cpu * operations as f64 / 1e9);
        let seconds = cpu.unwrap_or_else(|| start.elapsed().as_secs_f64());
        let missing = settings.sample.as_secs_f64() / seconds.max(1e-9);
        if missing < 1.5 {
            return operations;
        }
        #[expect(clippy::cast_sign_loss, reason = "at most ten times")]
        let next = (operations as f64 * missing.clamp(2.0, 10.0)) as u64;
        operations = next;
    }
}
