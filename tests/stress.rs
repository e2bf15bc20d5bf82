#![cfg(not(any(loom, traceset)))]
//! The theorem on real threads: writers of every kind, a committer and a scrubber go on while the device
//! is replaced, and every extent ends up on the target with the bytes that its writer wrote last.
//! And the same by hand with one step left out, which must lose an extent.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use blockgate::volume::{Overwrite, Policy, WriteError};
use blockgate::{
    BlockGroup, BlockGroupId, Cursor, CursorReader, DelayedRef, Device, Frozen, LogicalRange, MemoryDevice,
    OrderedExtents, Summary, Transactions, Volume,
};
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

// ---- The same by hand, from public parts, in a forced order.

/// What the replace below leaves out, or does at the wrong time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    None,
    /// The defect of 2016: read-only, and copy at once.
    NoDrain,
    NoWaitForReservations,
    NoWaitForOrdered,
    NoCommit,
    /// The patch of 2016.
    CommitIfWaited,
    ReadWriteBeforeCursor,
}

/// How far a writer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    NotBegun,
    Reserved,
    Submitted,
    Finished,
}
use Progress::{Finished, NotBegun, Reserved, Submitted};

/// How far the writer is to come before each step of the replace; it is finished after the last.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    before: Progress,
    frozen: Progress,
    copied: Progress,
    thawed: Progress,
}

struct Engine {
    group: BlockGroup,
    in_flight: OrderedExtents,
    transactions: Transactions,
    source: MemoryDevice,
    target: MemoryDevice,
}

impl Engine {
    fn new() -> Self {
        let length = usize::try_from(GROUP).expect("small");
        Self {
            group: BlockGroup::new(BlockGroupId(0), range(0, GROUP), UNIT).expect("aligned"),
            in_flight: OrderedExtents::default(),
            transactions: Transactions::default(),
            source: MemoryDevice::new(length),
            target: MemoryDevice::new(length),
        }
    }

    /// One COW write, the next token always before the last is let go; it reports to `reached` how far it is.
    fn write(&self, cursor: &CursorReader, reached: impl Fn(Progress)) {
        reached(NotBegun);
        let reservation = self.group.reserve(UNIT).expect("read-write");
        reached(Reserved);
        let ordered = self.in_flight.add(reservation.extent());
        let extent = reservation.hand_over();
        let both = extent.start() < cursor.address();
        self.source.write_at(extent.start(), &[7; 4096]).expect("writes");
        if both {
            self.target.write_at(extent.start(), &[7; 4096]).expect("writes");
        }
        reached(Submitted);
        let mut handle = self.transactions.join().expect("runs");
        handle.push(DelayedRef::add(extent));
        handle.end();
        ordered.finish();
        reached(Finished);
    }

    /// Replaces the group, with the mistake, and lets the writer proceed to where the schedule wants it.
    fn replace(&self, mistake: Mistake, mut cursor: Cursor, writer: &mut Led, schedule: Schedule) {
        writer.lead_to(schedule.before);
        let read_only = self.group.set_read_only();
        writer.lead_to(schedule.frozen);
        if !matches!(mistake, Mistake::NoDrain | Mistake::NoWaitForReservations) {
            read_only.wait_reservations();
        }
        let mut waited = 0;
        if !matches!(mistake, Mistake::NoDrain | Mistake::NoWaitForOrdered) {
            waited = self.in_flight.wait_range(self.group.range()).count;
        }
        let no_commit = match mistake {
            Mistake::NoDrain | Mistake::NoCommit => true,
            Mistake::CommitIfWaited => waited == 0,
            _ => false,
        };
        if !no_commit {
            let _ = self.transactions.commit().expect("commits");
        }
        for extent in self.transactions.commit_root().extents_in(self.group.range()) {
            self.target.write_at(extent.start(), &read(&self.source, extent)).expect("writes");
        }
        writer.lead_to(schedule.copied);
        if mistake == Mistake::ReadWriteBeforeCursor {
            drop(read_only);
            writer.lead_to(schedule.thawed);
            cursor.advance(self.group.range().end());
        } else {
            cursor.advance(self.group.range().end());
            drop(read_only);
            writer.lead_to(schedule.thawed);
        }
    }

    /// How many live extents the target lacks.
    fn lost(&self) -> usize {
        let root = self.transactions.commit().expect("commits");
        assert_eq!(root.len(), 1, "the write itself is never lost");
        let extents = root.extents_in(self.group.range());
        extents.filter(|extent| read(&self.source, *extent) != read(&self.target, *extent)).count()
    }
}

/// A writer on another thread, led step by step.
struct Led {
    reached: Receiver<Progress>,
    go_on: Sender<()>,
    progress: Progress,
}

impl Led {
    fn lead_to(&mut self, wanted: Progress) {
        while self.progress < wanted {
            self.go_on.send(()).expect("the writer lives");
            self.progress = self.reached.recv().expect("the writer lives");
        }
    }
}

fn extents_lost_by(mistake: Mistake, schedule: Schedule) -> usize {
    let engine = Engine::new();
    let (cursor, reader) = Cursor::new();
    let ((here, reached), (go_on, may_go_on)) = (channel(), channel());
    std::thread::scope(|scope| {
        let (engine, reader) = (&engine, &reader);
        scope.spawn(move || {
            engine.write(reader, |progress| {
                here.send(progress).expect("the test leads the writer");
                if progress != Finished {
                    may_go_on.recv().expect("the test leads the writer");
                }
            });
        });
        let progress = reached.recv().expect("the writer lives");
        let mut writer = Led { reached, go_on, progress };
        engine.replace(mistake, cursor, &mut writer, schedule);
        writer.lead_to(Finished);
    });
    engine.lost()
}

/// The writer comes to `before`, and is finished as soon as the group is read-only.
fn caught_at(before: Progress) -> Schedule {
    Schedule { before, frozen: Finished, copied: Finished, thawed: Finished }
}

/// The writer comes to `before`, and stays there until the replace is over.
fn stuck_at(before: Progress) -> Schedule {
    Schedule { before, frozen: before, copied: before, thawed: before }
}

#[test]
fn with_every_step_nothing_is_lost() {
    within_a_minute("a replace by hand", || {
        let late = Schedule { thawed: Finished, ..stuck_at(NotBegun) };
        for schedule in [caught_at(Reserved), caught_at(Submitted), caught_at(Finished), late] {
            assert_eq!(extents_lost_by(Mistake::None, schedule), 0, "{schedule:?}");
        }
    });
}

#[test]
fn twin_each_step_left_out_loses_an_extent() {
    within_a_minute("a replace by hand with a mistake", || {
        for (mistake, schedule) in [
            (Mistake::NoDrain, stuck_at(Submitted)),
            (Mistake::NoDrain, stuck_at(Finished)),
            (Mistake::NoWaitForReservations, Schedule { copied: Submitted, ..stuck_at(Reserved) }),
            (Mistake::NoWaitForOrdered, stuck_at(Submitted)),
            (Mistake::NoCommit, stuck_at(Finished)),
            (Mistake::CommitIfWaited, stuck_at(Finished)),
            (Mistake::ReadWriteBeforeCursor, Schedule { thawed: Submitted, ..stuck_at(NotBegun) }),
        ] {
            assert_eq!(extents_lost_by(mistake, schedule), 1, "{mistake:?}, {schedule:?}");
        }
    });
}
