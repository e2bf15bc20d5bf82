//! What it costs to find space where there is nearly none.
//!
//! Measured: a thread's first allocation, in a volume where all groups but the last are full; one where another volume has
//! taken its place in the thread's memory; a request where all groups are full; and one that no hole of a fragmented group
//! serves. Goals: as fast among 100,000 groups, or 100,000 holes, as among 10; less than a microsecond.

use std::sync::Arc;
use std::time::{Duration, Instant};

use blockgate::{BlockGroup, BlockGroupId, LogicalRange, MemoryDevice, Shards, Volume};

use super::PAGE;
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::stats::percentile;
use crate::method::{Axis, Bench};

const SIZES: [u64; 3] = [10, 1000, 100_000];

pub(crate) fn first_write() -> Bench {
    Bench {
        name: "write-path/first-write",
        about: "A thread's first allocation, where all groups but one are full.",
        limit: "",
        axis: Axis::Size("groups"),
        metrics: &[Metric::P50, Metric::P99],
        most_rounds: 3,
        cases: |_| SIZES.map(Case::size).into(),
        candidates: |case| {
            let groups = nearly_full(case.size);
            vec![Candidate::ours("begin_cow", move |n| first_writes(&groups, n)).operations(100)]
        },
        goals: Vec::new,
    }
}

pub(crate) fn refused() -> Bench {
    Bench {
        name: "write-path/refused",
        about: "A request of 2 units in a group whose holes are of 1 unit.",
        limit: "",
        axis: Axis::Size("holes"),
        metrics: &[Metric::P50, Metric::P99],
        most_rounds: 3,
        cases: |_| SIZES.map(Case::size).into(),
        candidates: |case| {
            let group = Arc::new(fragmented(case.size));
            let refuse =
                move |n| latencies((0..n).map(|_| timed(|| assert!(group.reserve(2 * PAGE).is_err()))));
            vec![Candidate::ours("reserve", refuse).operations(100)]
        },
        goals: Vec::new,
    }
}

pub(crate) fn full_volume() -> Bench {
    Bench {
        name: "write-path/full-volume",
        about: "A request in a volume whose groups are all full, after the first one.",
        axis: Axis::Size("groups"),
        candidates: |case| {
            let volume = nearly_full(case.size);
            let _last = volume.begin_cow(PAGE).expect("space").finish().expect("queued");
            assert!(volume.begin_cow(PAGE).is_err());
            let refuse =
                move |n| latencies((0..n).map(|_| timed(|| assert!(volume.begin_cow(PAGE).is_err()))));
            vec![Candidate::ours("begin_cow", refuse).operations(100)]
        },
        goals: || vec![under_a_microsecond(100_000)],
        ..refused()
    }
}

fn under_a_microsecond(groups: u64) -> Goal {
    Goal::value("begin_cow", Case::size(groups), Metric::P50, 1.0)
}

/// A thread keeps its place in eight volumes: the ninth displaces the first.
pub(crate) fn nine_volumes() -> Bench {
    Bench {
        name: "write-path/nine-volumes",
        about: "An allocation in each of 9 volumes in turn, where all groups but one are full.",
        axis: Axis::Size("groups"),
        cases: |_| [10, 2000].map(Case::size).into(),
        candidates: |case| {
            let volumes: Vec<_> = (0..9).map(|_| nearly_full(case.size)).collect();
            let allocate = move |n: u64| {
                let volumes = volumes.iter().cycle().take(usize::try_from(n).expect("few"));
                latencies(
                    volumes.map(|volume| timed(|| drop(volume.begin_cow(PAGE).expect("the last has room")))),
                )
            };
            vec![Candidate::ours("begin_cow", allocate).operations(900)]
        },
        goals: || vec![under_a_microsecond(2000)],
        ..refused()
    }
}

/// The last of its groups has room for each first write of a round.
fn nearly_full(groups: u64) -> Arc<Volume> {
    let builder = Volume::builder(PAGE).shards(Shards::new(1));
    let unit = |index| LogicalRange::new(index * PAGE, PAGE).expect("a range");
    let builder = (0..groups - 1).map(unit).fold(builder, blockgate::VolumeBuilder::group);
    let last = LogicalRange::new((groups - 1) * PAGE, 2 * PAGE).expect("a range");
    let device = MemoryDevice::new(usize::try_from((groups + 1) * PAGE).expect("fits"));
    let volume = builder.group(last).build(Arc::new(device)).expect("a volume");
    for _ in 0..groups {
        let _extent = volume.begin_cow(PAGE).expect("space").finish().expect("queued");
    }
    Arc::new(volume)
}

fn first_writes(volume: &Volume, threads: u64) -> Sample {
    let first_write = || timed(|| drop(volume.begin_cow(PAGE).expect("the last group has room")));
    latencies(
        (0..threads).map(|_| std::thread::scope(|scope| scope.spawn(first_write).join().expect("no panic"))),
    )
}

/// So many holes of one unit, with one unit that is used behind each.
fn fragmented(holes: u64) -> BlockGroup {
    let range = LogicalRange::new(0, 2 * holes * PAGE).expect("a range");
    let group = BlockGroup::with_shards(BlockGroupId(0), range, PAGE, Shards::new(1)).expect("aligned");
    let units: Vec<_> = (0..2 * holes).map(|_| group.reserve(PAGE).expect("space").hand_over()).collect();
    units.into_iter().step_by(2).for_each(|unit| group.release(unit).expect("reserved"));
    group
}

/// In microseconds.
fn timed(operation: impl FnOnce()) -> f64 {
    let start = Instant::now();
    operation();
    Duration::as_secs_f64(&start.elapsed()) * 1e6
}

fn latencies(all: impl Iterator<Item = f64>) -> Sample {
    let all: Vec<f64> = all.collect();
    Sample::default().with(Metric::P50, percentile(all.clone(), 50)).with(Metric::P99, percentile(all, 99))
}
