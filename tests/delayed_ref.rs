#![cfg(not(any(loom, traceset)))]
//! `DelayedRefQueue` on std threads: D1 to D3, each ref exactly once and in the drain it was told.

mod support;

use std::collections::BTreeMap;

use blockgate::delayed_ref::FoldedRef;
use blockgate::{DelayedRef, DelayedRefQueue, LogicalRange, RefAction, Shards};
use support::{Counter, range};

/// A ref by its unique extent, and the number of the drain that took it or was to take it.
type InDrain = (u64, u64);

/// Refs that were not drained exactly once, or not by the drain that queueing had told.
fn misplaced(mut told: Vec<InDrain>, mut taken: Vec<InDrain>) -> usize {
    told.sort_unstable();
    taken.sort_unstable();
    told.iter().filter(|one| taken.binary_search(one).is_err()).count()
        + taken.iter().filter(|one| told.binary_search(one).is_err()).count()
        + taken.windows(2).filter(|two| two[0].0 == two[1].0).count()
}

fn produce(queue: &DelayedRefQueue, producer: u64, count: u64) -> Vec<InDrain> {
    let mut told = Vec::new();
    let mut random = fastrand::Rng::with_seed(producer);
    let mut batch = Vec::new();
    let mut of_batch = Vec::new();
    for index in 0..count {
        let start = producer * count + index;
        if random.u8(..4) == 0 {
            told.push((start, queue.push(DelayedRef::add(range(start, 1)))));
        } else {
            batch.push(DelayedRef::add(range(start, 1)));
            of_batch.push(start);
            if batch.len() > 1500 || random.u16(..300) == 0 {
                let drain = queue.append(&mut batch);
                told.extend(of_batch.drain(..).map(|start| (start, drain)));
                std::thread::yield_now();
            }
        }
    }
    let drain = queue.append(&mut batch);
    told.extend(of_batch.drain(..).map(|start| (start, drain)));
    told
}

#[test]
fn each_ref_is_drained_once_and_when_it_was_told() {
    const PRODUCERS: u64 = 3;
    let queue = DelayedRefQueue::new(Shards::new(2));
    let over = Counter::default();
    let (told, taken) = std::thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let (queue, over) = (&queue, &over);
                scope.spawn(move || {
                    let _end = over.next_at_end();
                    produce(queue, producer, 100_000)
                })
            })
            .collect();
        let mut taken = Vec::new();
        for drain in 0.. {
            let was_over = over.get() == PRODUCERS;
            taken.extend(queue.drain().iter().map(|one| (one.extent.start(), drain)));
            if was_over {
                break;
            }
        }
        let told = producers.into_iter().flat_map(|producer| producer.join().expect("no panic"));
        (told.collect::<Vec<_>>(), taken)
    });
    let drains = taken.iter().map(|one| one.1).collect::<std::collections::BTreeSet<_>>().len();
    assert!(drains > 2, "the drains never ran among the producers");
    let lost_one = misplaced(told.clone(), taken[1..].to_vec());
    assert_eq!(lost_one, 1, "twin: a ref that is lost is seen");
    let twice = [&taken[..], &taken[..1]].concat();
    assert_eq!(misplaced(told.clone(), twice), 1, "twin: a ref that is drained twice is seen");
    assert_eq!(misplaced(told, taken), 0, "D1, D2");
}

fn random_refs(random: &mut fastrand::Rng) -> Vec<DelayedRef> {
    let count = random.usize(..400);
    let mut one = || {
        let extent = range(random.u64(..12) * 8, random.u64(1..3) * 4);
        if random.bool() { DelayedRef::add(extent) } else { DelayedRef::drop(extent) }
    };
    (0..count).map(|_| one()).collect()
}

fn summed(refs: &[DelayedRef]) -> Vec<FoldedRef> {
    let mut sums = BTreeMap::<LogicalRange, i64>::new();
    for one in refs {
        *sums.entry(one.extent).or_default() += if one.action == RefAction::Add { 1 } else { -1 };
    }
    sums.into_iter().map(|(extent, change)| FoldedRef { extent, change }).collect()
}

#[test]
fn folding_keeps_the_sum_of_each_extent() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut cancelled = 0;
    for _ in 0..500 {
        let refs = random_refs(&mut random);
        let mut queue = DelayedRefQueue::default();
        for one in &refs {
            queue.push(*one);
        }
        assert_eq!(queue.pending().len(), refs.len(), "a copy");
        let folded = queue.drain().fold();
        cancelled += folded.iter().filter(|one| one.change == 0).count();
        assert_eq!(folded, summed(&refs), "D3");
        assert!(queue.drain().is_empty(), "D1");
    }
    assert!(cancelled > 0, "nothing ever cancelled");
}

#[test]
fn what_is_pending_is_there_after_looking() {
    let mut queue = DelayedRefQueue::default();
    let mut refs: Vec<_> = (0..3000).map(|start| DelayedRef::add(range(start, 1))).collect();
    queue.append(&mut refs);
    queue.push(DelayedRef::drop(range(0, 1)));
    assert_eq!(queue.pending().len(), 3001);
    assert_eq!(queue.pending().fold().len(), 3000);
    assert_eq!(queue.drain().len(), 3001);
    assert!(queue.pending().is_empty());
}
