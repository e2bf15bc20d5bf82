#![cfg(not(any(loom, traceset)))]
//! The theorem on real threads: writers of every kind, a committer and a scrubber go on while the device
//! is replaced, and every extent ends up on the target with the bytes that its writer wrote last.
//! The twins, the protocol by hand with a step left out, are in `loom-tests/tests/threads.rs`.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use blockgate::volume::{Overwrite, Policy, WriteError};
use blockgate::{Device, Frozen, LogicalRange, MemoryDevice, Summary, Volume};
use support::{Counter, KIB, UNIT, pattern, range, read, within_a_minute};

const GROUP: u64 = 256 * KIB;
const GROUPS: u64 = 4;
const WRITERS: u64 = 3;
const ROUNDS: u64 = 800;
const OPERATIONS: usize = 200;

fn memory(length: u64) -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(length).expect("small")))
}

/// The extents of one writer, with the seed of the bytes that it wrote last.
type Live = BTreeMap<LogicalRange, u64>;

/// What was reached, over all rounds.
#[derive(Default)]
struct Reached {
    waited_reservations: Counter,
    waited_nocow_writers: Counter,
    waited_ordered: Counter,
    moved: Counter,
    in_place: Counter,
    no_space: Counter,
    abandoned: Counter,
}

impl Reached {
    fn add(&self, summary: &Summary) {
        self.waited_reservations.add(u64::from(summary.waited_reservations));
        self.waited_nocow_writers.add(u64::from(summary.waited_nocow_writers));
        self.waited_ordered.add(u64::from(summary.ordered.count > 0));
    }

    fn missing(&self) -> Vec<&'static str> {
        let outcomes = [
            (&self.waited_reservations, "a drain that waits for reservations"),
            (&self.waited_nocow_writers, "a drain that waits for NOCOW writers"),
            (&self.waited_ordered, "a drain that waits for ordered extents"),
            (&self.moved, "an overwrite that moves"),
            (&self.in_place, "an overwrite in place"),
            (&self.no_space, "a writer that finds no space"),
            (&self.abandoned, "a replace that is given up midway"),
        ];
        outcomes.iter().filter(|(counter, _)| counter.get() == 0).map(|(_, what)| *what).collect()
    }
}

struct Writer<'a> {
    volume: &'a Volume,
    reached: &'a Reached,
    random: fastrand::Rng,
    live: Live,
}

impl Writer<'_> {
    fn run(mut self, replaced: &Counter) -> Live {
        let mut done = 0;
        // Until the replace is over, so that it never runs alone, and not longer: what was lost would be
        // overwritten on both devices.
        while done < OPERATIONS || replaced.get() == 0 {
            match self.random.u8(..10) {
                0..5 => self.write(),
                5..8 => self.overwrite(),
                _ => self.delete(),
            }
            done += 1;
        }
        self.live
    }

    fn write(&mut self) {
        let (seed, length) = (self.random.u64(..), self.random.u64(1..=4 * UNIT));
        match self.write_slowly(seed, length) {
            Ok(extent) => drop(self.live.insert(extent, seed)),
            // Pinned until the next commit, or all that is left is read-only.
            Err(WriteError::NoSpace { .. }) => {
                self.reached.no_space.next();
                self.delete();
                self.volume.commit().expect("commits");
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// In two parts, so that the copier may come in between.
    fn write_slowly(&mut self, seed: u64, length: u64) -> Result<LogicalRange, WriteError> {
        let write = self.volume.begin_cow(length.next_multiple_of(UNIT))?;
        let data = pattern(seed, write.extent().len());
        let (first, second) = data.split_at(data.len() / 2);
        write.write_at(0, first)?;
        if self.random.u8(..4) == 0 {
            std::thread::yield_now();
        }
        write.write_at(first.len() as u64, second)?;
        write.finish()
    }

    fn overwrite(&mut self) {
        let Some(extent) = self.any() else { return };
        let seed = self.random.u64(..);
        match self.volume.overwrite(extent, &pattern(seed, extent.len())) {
            Ok(Overwrite::InPlace) => {
                self.reached.in_place.next();
                self.live.insert(extent, seed);
            }
            Ok(Overwrite::Moved(new)) => {
                self.reached.moved.next();
                self.live.remove(&extent);
                self.live.insert(new, seed);
            }
            Err(WriteError::NoSpace { .. }) => drop(self.reached.no_space.next()),
            Err(error) => panic!("{error}"),
        }
    }

    fn delete(&mut self) {
        if let Some(extent) = self.any() {
            self.live.remove(&extent);
            self.volume.delete(extent).expect("its owner deletes it once");
        }
    }

    fn any(&mut self) -> Option<LogicalRange> {
        let count = self.live.len().max(1);
        self.live.keys().nth(self.random.usize(..count)).copied()
    }
}

/// Admitted writers that take their time, and then give up.
fn linger(volume: &Volume, over: &Counter) {
    while over.get() < WRITERS {
        for group in volume.groups() {
            let _admitted = (group.block_group().reserve(UNIT), group.block_group().begin_nocow());
            std::thread::yield_now();
        }
    }
}

/// Freezes group after group, looks at its extents, and thaws it.
fn scrub(volume: &Volume, over: &Counter) {
    while over.get() < WRITERS {
        for group in volume.groups() {
            let frozen = Frozen::freeze(group.block_group());
            let settled = frozen.wait_writers().wait_ordered(group.ordered_extents());
            let committed = settled.commit(volume).expect("commits");
            let extents: Vec<_> = committed.extents().collect();
            assert!(extents.is_sorted() && extents.windows(2).all(|two| !two[0].overlaps(&two[1])));
            drop(committed);
            std::thread::yield_now();
        }
    }
}

/// Gives up a first replace after some groups, and then does a whole one.
fn replace(volume: &Volume, round: u64, target: Arc<MemoryDevice>, reached: &Reached) {
    let policy = if round.is_multiple_of(2) { Policy::CopyThenClone } else { Policy::CloneAlways };
    let mut abandoned = volume.start_replace(memory(GROUP * GROUPS), policy).expect("starts");
    for _ in 0..round % GROUPS {
        abandoned.next_group().expect("replaces");
        reached.abandoned.next();
    }
    drop(abandoned);
    let mut replace = volume.start_replace(target, policy).expect("starts");
    for summary in replace.run().expect("replaces") {
        reached.add(&summary);
    }
    replace.finish().expect("finishes");
}

/// One round. Returns the extents that live afterwards.
fn round(
    volume: &Volume,
    number: u64,
    target: &Arc<MemoryDevice>,
    live: Vec<Live>,
    reached: &Reached,
) -> Vec<Live> {
    let (over, replaced) = (Counter::default(), Counter::default());
    std::thread::scope(|scope| {
        let (over, replaced) = (&over, &replaced);
        let writers: Vec<_> = (0..)
            .zip(live)
            .map(|(index, live)| {
                let random = fastrand::Rng::with_seed(number * WRITERS + index);
                let writer = Writer { volume, reached, random, live };
                scope.spawn(move || {
                    let _end = over.next_at_end();
                    writer.run(replaced)
                })
            })
            .collect();
        scope.spawn(|| scrub(volume, over));
        scope.spawn(|| linger(volume, over));
        scope.spawn(|| {
            while over.get() < WRITERS {
                volume.commit().expect("commits");
                std::thread::yield_now();
            }
        });
        let end = replaced.next_at_end();
        replace(volume, number, Arc::clone(target), reached);
        drop(end);
        writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
    })
}

/// The extents that live as the volume knows them: of the commit root and what the next commit will do.
fn known_to(volume: &mut Volume) -> Vec<LogicalRange> {
    let (root, pending) = volume.pending();
    let root = root.with(&pending.fold()).expect("fits");
    root.extents_in(range(0, u64::MAX)).collect()
}

/// Live extents that are not on `device` with the bytes that were written last.
fn lost(device: &dyn Device, live: &[Live]) -> Vec<LogicalRange> {
    let all = live.iter().flatten();
    let lost = all.filter(|(extent, seed)| read(device, **extent) != pattern(**seed, extent.len()));
    lost.map(|(extent, _)| *extent).collect()
}

#[test]
fn no_extent_is_lost_by_replacing_under_load() {
    let reached = within_a_minute("a replace under load", || {
        let reached = Reached::default();
        let builder = (0..GROUPS)
            .fold(Volume::builder(UNIT), |builder, index| builder.group(range(index * GROUP, GROUP)));
        let mut volume = builder.build(memory(GROUP * GROUPS)).expect("a good layout");
        let mut live = vec![Live::new(); usize::try_from(WRITERS).expect("few")];
        let mut rounds = 0..2 * ROUNDS;
        while let Some(number) =
            rounds.next().filter(|number| *number < ROUNDS || !reached.missing().is_empty())
        {
            let target = memory(GROUP * GROUPS);
            live = round(&volume, number, &target, live, &reached);
            assert_eq!(volume.check(), Ok(()));
            let mut mine: Vec<_> = live.iter().flatten().map(|(extent, _)| *extent).collect();
            mine.sort_unstable();
            assert_eq!(mine, known_to(&mut volume));
            assert_eq!(lost(&**volume.source(), &live), [], "on the source, in round {number}");
            assert_eq!(lost(&*target, &live), [], "on the target, in round {number}");
            volume.retire_source().expect("the target is whole");
        }
        reached
    });
    assert_eq!(reached.missing(), [""; 0], "never reached");
}
