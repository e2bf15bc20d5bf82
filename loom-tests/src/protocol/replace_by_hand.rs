//! The replace composed by hand from the types of L2 and L3, by programs of steps, so that a step can be
//! left out. With nothing left out it is right, which is a model of its own.

use std::sync::Arc;

use blockgate::sync::Monitor;
use blockgate::{
    BlockGroup, BlockGroupId, CommitRoot, Cursor, CursorReader, DelayedRef, Device, Event, LogicalRange,
    NocowAdmission, OrderedExtent, OrderedExtents, ReadOnly, Reservation, Shards, TransactionHandle,
    Transactions,
};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom_harness::{check, note, reached};

use super::steps::{Role, Step};
use crate::scenario::device::{SECTOR, SectorDevice};
use crate::scenario::trace::{self, Report};
use crate::scenario::world::check_copy;
use crate::support::{Note, have, last, role};

/// Who does what: the main thread replaces one group, another thread writes once.
#[derive(Debug, Clone)]
pub struct Play {
    writer: Role,
    steps: Vec<Step>,
    replace: Vec<Step>,
    has_committer: bool,
}

impl Play {
    /// Nothing is left out. `writer` is a COW or a NOCOW writer.
    pub fn of(writer: Role) -> Self {
        Self {
            writer,
            steps: writer.program().into(),
            replace: Role::Replace.program().into(),
            has_committer: false,
        }
    }

    /// A third thread commits once.
    pub fn with_committer(self) -> Self {
        Self { has_committer: true, ..self }
    }

    pub fn writer(self, steps: Vec<Step>) -> Self {
        Self { steps, ..self }
    }

    pub fn replace(self, replace: Vec<Step>) -> Self {
        Self { replace, ..self }
    }

    /// The model in which nothing is left out, and its roles.
    pub fn model(&self) -> (&'static str, Vec<&'static str>) {
        let name = match (self.writer, self.has_committer) {
            (Role::Cow, false) => "replace/by-hand-cow",
            (Role::Cow, true) => "replace/by-hand-cow+committer",
            _ => "replace/by-hand-nocow",
        };
        let committer = self.has_committer.then(|| Role::Committer.name());
        (name, [Role::Replace.name(), self.writer.name()].into_iter().chain(committer).collect())
    }

    /// The body of a model or twin. With a `report` the events are compared with the specification too.
    pub fn run(&self, report: Option<Report>) {
        match report {
            Some(report) => trace::begin(&[group_range()], report),
            None => trace::begin_without(),
        }
        let (mut cursor, reader) = Cursor::new();
        let world = Arc::new(World::new(self.clone(), reader));
        role(&world, |world| world.write(&world.play.steps, NEW), World::check);
        if world.play.has_committer {
            role(&world, World::commit, World::check);
        }
        world.replace(&mut cursor);
        last(world, World::check);
    }
}

struct World {
    play: Play,
    group: BlockGroup,
    ordered: OrderedExtents,
    transactions: Transactions,
    /// Whether a commit is at work, and how many are complete, for a replace that shares one.
    commits: Monitor<(bool, u64)>,
    cursor: CursorReader,
    source: SectorDevice,
    target: SectorDevice,
    /// What the NOCOW writer overwrites.
    given: Option<LogicalRange>,
    /// What the writer wrote, when he has done all of his steps.
    written: Note<Option<LogicalRange>>,
    /// How far the writer is: his I/O submitted (1), completed (2), the write over (3). Orders nothing.
    progress: AtomicU64,
    /// What the replace saw of that.
    looks: Note<Vec<u64>>,
}

/// What the writer holds. None of it is given up but by a step.
#[derive(Default)]
struct Writing<'w> {
    extent: Option<LogicalRange>,
    reservation: Option<Reservation<'w>>,
    nocow_writer: Option<NocowAdmission<'w>>,
    ordered: Option<OrderedExtent<&'w OrderedExtents>>,
    handle: Option<TransactionHandle<'w>>,
    both: bool,
}

/// What the replace holds.
#[derive(Default)]
struct Replacing<'w> {
    read_only: Option<ReadOnly<'w>>,
    root: Option<CommitRoot>,
    waited: bool,
}

/// The group was read-only.
struct Refused;

const SECTORS: u64 = 4;

/// What is written: first, to be overwritten, and by the writer.
const GIVEN: u8 = 1;
const NEW: u8 = 2;

fn group_range() -> LogicalRange {
    LogicalRange::new(0, SECTORS * SECTOR).expect("a range")
}

impl World {
    fn new(play: Play, cursor: CursorReader) -> Self {
        let shards = Shards::new(2);
        let mut world = Self {
            play,
            group: BlockGroup::with_shards(BlockGroupId(0), group_range(), SECTOR, shards).expect("aligned"),
            ordered: OrderedExtents::new(shards),
            transactions: Transactions::new(shards),
            commits: Monitor::new((false, 0)),
            cursor,
            source: SectorDevice::new(SECTORS),
            target: SectorDevice::new(SECTORS),
            given: None,
            written: Note::default(),
            progress: AtomicU64::new(0),
            looks: Note::default(),
        };
        if world.play.writer == Role::Nocow {
            world.write(Role::Cow.program(), GIVEN);
            let _ = world.transactions.commit().expect("commits");
            world.given = world.written.get();
            world.written.set(None);
        }
        world
    }

    fn write(&self, steps: &[Step], value: u8) {
        let mut writing = Writing { extent: self.given, ..Writing::default() };
        for step in steps {
            if self.write_step(*step, &mut writing, value).is_err() {
                return reached("refused");
            }
        }
        self.progress();
        self.written.set(writing.extent);
        // What no step gave up is leaked.
        std::mem::forget(writing);
    }

    fn write_step<'w>(&'w self, step: Step, w: &mut Writing<'w>, value: u8) -> Result<(), Refused> {
        match step {
            Step::Reserve => {
                let reservation = self.group.reserve(SECTOR).map_err(|_| Refused)?;
                w.extent = Some(reservation.extent());
                w.reservation = Some(reservation);
            }
            Step::BeginNocow => w.nocow_writer = Some(self.group.begin_nocow().map_err(|_| Refused)?),
            Step::AddOrdered => w.ordered = Some(self.ordered.add(have(w.extent))),
            Step::EndReservation => {
                have(w.reservation.take()).hand_over();
            }
            Step::EndNocow => drop(have(w.nocow_writer.take())),
            Step::ReadCursor => w.both = have(w.extent).start() < self.cursor.address(),
            Step::Write => self.do_io(have(w.extent), value, w.both),
            Step::Join => w.handle = Some(self.transactions.join().expect("no commit fails")),
            Step::QueueRef => have(w.handle.as_mut()).push(DelayedRef::add(have(w.extent))),
            Step::EndHandle => {
                have(w.handle.take()).end();
            }
            Step::FinishOrdered => have(w.ordered.take()).finish(),
            step => unreachable!("{step} is no step of a writer"),
        }
        Ok(())
    }

    fn do_io(&self, extent: LogicalRange, value: u8, both: bool) {
        trace::observe(Event::Write { extent, both });
        note(format!("write {extent} to {}", if both { "both devices" } else { "the source" }));
        self.progress();
        let data = [value; SECTOR as usize];
        self.source.write_at(extent.start(), &data).expect("the device works");
        if both {
            reached("both-devices");
            self.target.write_at(extent.start(), &data).expect("the device works");
        }
        self.progress();
        note(format!("the I/O of {extent} completes"));
    }

    /// Relaxed: it is there to be looked at, and must order nothing.
    fn progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    fn replace(&self, cursor: &mut Cursor) {
        let mut replacing = Replacing::default();
        for step in &self.play.replace {
            self.replace_step(*step, &mut replacing, cursor);
        }
        // What no step gave up is leaked.
        std::mem::forget(replacing.read_only);
    }

    fn replace_step<'w>(&'w self, step: Step, r: &mut Replacing<'w>, cursor: &mut Cursor) {
        let range = self.group.range();
        match step {
            Step::SetReadOnly => r.read_only = Some(self.group.set_read_only()),
            Step::WaitReservations => {
                if have(r.read_only.as_ref()).wait_reservations() {
                    reached("waited-reservation");
                }
            }
            Step::WaitNocowWriters => {
                if have(r.read_only.as_ref()).wait_nocow_writers() {
                    reached("waited-nocow");
                }
            }
            Step::WaitOrdered => {
                r.waited = self.ordered.wait_range(range).count > 0;
                if r.waited {
                    reached("waited-ordered");
                }
            }
            Step::CommitIfWaited if !r.waited => {}
            Step::Commit | Step::CommitIfWaited => drop(self.transactions.commit().expect("commits")),
            Step::ShareCommit => self.share_commit(),
            Step::ReadRoot => r.root = Some(self.transactions.commit_root()),
            Step::Copy => self.copy(have(r.root.as_ref())),
            Step::MoveCursor => cursor.advance(range.end()),
            Step::SetReadWrite => drop(have(r.read_only.take())),
            Step::LookAtWrite => {
                let seen = self.progress.fetch_add(0, Ordering::Relaxed);
                self.looks.set([self.looks.get(), vec![seen]].concat());
            }
            step => unreachable!("{step} is no step of the replace"),
        }
    }

    /// Commits, and says so to those that would share it.
    fn commit(&self) {
        self.commits.lock().0 = true;
        let _ = self.transactions.commit().expect("commits");
        let mut commits = self.commits.lock();
        *commits = (false, commits.1 + 1);
        commits.notify_all();
    }

    /// Waits for the commit at work, which may have taken its refs before the last ones were queued.
    fn share_commit(&self) {
        let (is_at_work, before) = *self.commits.lock();
        if is_at_work {
            self.commits.wait_until(|commits| (commits.1 > before).then_some(()));
        } else {
            self.commit();
        }
    }

    fn copy(&self, root: &CommitRoot) {
        let (mut buffer, mut extents) = ([0; SECTOR as usize], 0);
        for extent in root.extents_in(self.group.range()) {
            extents += 1;
            trace::observe(Event::Copy { extent });
            self.source.read_at(extent.start(), &mut buffer).expect("the device works");
            self.target.write_at(extent.start(), &buffer).expect("the device works");
            note(format!("copy {extent} to the target"));
        }
        let finished = Event::FinishCopy { group: self.group.id(), extents };
        trace::observe(finished);
        note(finished.to_string());
    }

    fn check(mut self) {
        // Who looked wants to see one story: in flight before read-only and after the copy, and then over.
        let looks = self.looks.get();
        if looks.is_empty() || looks == [1, 1, 3] {
            self.check_devices();
            self.check_counts();
        }
        trace::end();
    }

    fn check_devices(&mut self) {
        let (root, pending) = self.transactions.pending();
        let live = root.with(&pending.fold()).expect("the refs fit");
        check_copy(&live, &self.source, &self.target);
        if let Some(extent) = self.written.get() {
            let (is_live, value) = (live.get(extent.start()).is_some(), self.source.peek(extent.start()));
            check(is_live && value == u64::from(NEW), "what was written is there", || {
                format!("{extent} is live: {is_live}; the source has {value} there")
            });
        }
    }

    fn check_counts(&mut self) {
        let invariant = "all counts are zero and all figures add up";
        if let Err(defect) = self.group.check() {
            loom_harness::violated(invariant, defect.to_string());
        }
        let left = (self.ordered.leaked(), self.transactions.leaked());
        check(left == (0, 0), invariant, || format!("ordered extents and handles that are left: {left:?}"));
    }
}
