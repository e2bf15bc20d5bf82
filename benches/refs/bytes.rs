//! How much memory a queued ref takes.
//!
//! Measured: by how much the resident memory of a process of its own grows with a million refs queued, by
//! handles of one ref and of 1000. Against: the same in the peers. A ref itself has 24 bytes.
//!
//! Goal: at most 36 bytes.

use std::error::Error;
use std::process::Command;

use blockgate::DelayedRef;

use super::queues::{Batched, Channel, Flume, Locked, Merging, Own, Queue, Segments};
use super::scattered;
use crate::method::goal::Goal;
use crate::method::rounds::Candidate;
use crate::method::sample::{Case, Metric, Sample};
use crate::method::{Axis, Bench};

pub(crate) fn bench() -> Bench {
    Bench {
        name: "refs/bytes",
        about: "Memory of one queued ref, of a million.",
        limit: "a vector of the thread's own",
        axis: Axis::Size("refs a handle"),
        metrics: &[Metric::Bytes],
        most_rounds: 3,
        cases: |_| HANDLES.map(Case::size).into(),
        candidates: |case| {
            let names = [
                Batched::NAME,
                Own::NAME,
                Locked::NAME,
                Segments::NAME,
                Flume::NAME,
                Channel::NAME,
                Merging::NAME,
            ];
            names.map(|name| candidate(name, case.size)).into()
        },
        goals: || {
            HANDLES.map(|size| Goal::value(Batched::NAME, Case::size(size), Metric::Bytes, 36.0)).into()
        },
    }
}

const HANDLES: [u64; 2] = [1, 1_000];
const REFS: u64 = 1_000_000;

fn candidate(name: &'static str, handle: u64) -> Candidate {
    let run = move |_| Sample::default().with(Metric::Bytes, ask_child(name, handle));
    let candidate = match name {
        Batched::NAME => Candidate::ours(name, run),
        Own::NAME => Candidate::limit(name, run),
        _ => Candidate::peer(name, run),
    };
    candidate.operations(1)
}

/// In a process of its own nothing was allocated and freed before.
fn ask_child(name: &str, handle: u64) -> f64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(program).args(["--memory-of", &format!("{handle} {name}")]).output();
    let output = output.expect("this program runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("the child said {text:?} and {output:?}"))
}

/// What the child does: fills the queue and prints the bytes of one ref.
///
/// # Errors
/// Where there is no such queue.
pub(crate) fn child(wanted: &str) -> Result<(), Box<dyn Error>> {
    let (handle, name) = wanted.split_once(' ').ok_or("a handle's refs, a blank, a name")?;
    let handle = handle.parse()?;
    let bytes = match name {
        Batched::NAME => fill::<Batched>(handle),
        Own::NAME => fill::<Own>(handle),
        Locked::NAME => fill::<Locked>(handle),
        Segments::NAME => fill::<Segments>(handle),
        Flume::NAME => fill::<Flume>(handle),
        Channel::NAME => fill::<Channel>(handle),
        Merging::NAME => fill::<Merging>(handle),
        _ => return Err(format!("no queue is called {name}").into()),
    };
    println!("{}", bytes.ok_or("this system does not tell how much memory a process has")?);
    Ok(())
}

fn fill<Q: Queue>(handle: u64) -> Option<f64> {
    let (queue, before) = (Q::default(), resident()?);
    let mut local = queue.begin();
    for n in 0..REFS {
        queue.push(&mut local, DelayedRef::add(scattered(n)));
        if n % handle == handle - 1 {
            queue.end(&mut local);
        }
    }
    let after = resident()?;
    let mut count = 0;
    queue.drain(&mut local, |_| count += 1);
    assert_eq!(count, REFS, "{}: refs were lost", Q::NAME);
    Some((after - before) as f64 / REFS as f64)
}

fn resident() -> Option<usize> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem)
}
