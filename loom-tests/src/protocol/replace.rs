//! The replace of one group, and the writers, with the types of L2 and L3. With no step left out it is right,
//! which is a model of its own.

use std::iter;
use std::sync::Arc;

use blockgate::sync::Monitor;
use blockgate::{
    BlockGroup, BlockGroupId, CommitRoot, Cursor, CursorReader, DelayedRef, Device, Event, LogicalRange,
    NocowAdmission, OrderedExtent, OrderedExtents, ReadOnly, Reservation, Shards, Transactions,
};

use super::machine::{Machine, Performed, have, run};
use super::role::Role;
use super::step::Step;
use crate::engine::{Counter, Handed, Note, check, note, reached, violated};
use crate::stage::{
    COUNTS, Compare, Play, SECTOR, SectorDevice, check_copy, observe, observe_none_running, stage,
};

/// The roles, and the program of each: the main thread replaces, other threads write, once or twice.
#[derive(Clone)]
pub struct ReplaceByHand {
    writer: Role,
    writers: usize,
    meet: bool,
    writes: Vec<Step>,
    /// What a writer does when it has done that.
    writes_again: Option<Vec<Step>>,
    replace: Vec<Step>,
    has_committer: bool,
    after: After,
}

/// Called by a role when it begins, and after each of its steps.
type After = Arc<dyn Fn(Role, Option<Step>) + Send + Sync>;

impl ReplaceByHand {
    /// Nothing is left out. `writer` is a COW or a NOCOW writer.
    pub fn of(writer: Role) -> Self {
        Self {
            writer,
            writers: 1,
            meet: false,
            writes: writer.program().into(),
            writes_again: None,
            replace: Role::Replace.program().into(),
            has_committer: false,
            after: Arc::new(|_, _| ()),
        }
    }

    pub fn writers(self, writers: usize) -> Self {
        Self { writers, ..self }
    }

    /// One more role commits once.
    pub fn with_committer(self) -> Self {
        Self { has_committer: true, ..self }
    }

    /// What each writer does.
    pub fn writes(self, writes: Vec<Step>) -> Self {
        Self { writes, ..self }
    }

    /// What each writer does after that, whether it was refused or not.
    pub fn writes_again(self, again: Vec<Step>) -> Self {
        Self { writes_again: Some(again), ..self }
    }

    /// One shard is for all threads.
    pub fn in_one_shard(self) -> Self {
        Self { meet: true, ..self }
    }

    pub fn replace(self, replace: Vec<Step>) -> Self {
        Self { replace, ..self }
    }

    pub fn after(self, after: impl Fn(Role, Option<Step>) + Send + Sync + 'static) -> Self {
        Self { after: Arc::new(after), ..self }
    }

    /// The model in which nothing is left out.
    pub fn model_name(&self) -> &'static str {
        if self.replace.contains(&Step::CommitUnlessNoneRuns) {
            return "replace/by-hand-commit-unless-none-runs";
        }
        match (self.writer, self.meet, &self.writes_again, self.has_committer) {
            (Role::Cow, false, None, false) => "replace/by-hand-cow",
            (Role::Cow, false, None, true) => "replace/by-hand-cow+committer",
            (Role::Cow, true, ..) => "replace/by-hand-2-cow-in-one-shard",
            (Role::Cow, false, Some(_), _) => "replace/by-hand-cow-twice",
            _ => "replace/by-hand-nocow",
        }
    }

    pub fn play(self, compare: Compare) -> Play {
        let (writer, writers, has_committer) = (self.writer, self.writers, self.has_committer);
        let mut cast = stage(&[self.range()])
            .comparing(compare)
            .world(move || Parts::new(self.clone()))
            .main(Role::Replace.name(), Parts::replace);
        for number in 0..writers {
            cast = cast.role(writer.name(), move |parts| parts.write(number));
        }
        if has_committer {
            cast = cast.role(Role::Committer.name(), Parts::commit);
        }
        cast.end(Parts::check)
    }

    /// Room for twice what all roles write.
    fn sectors(&self) -> u64 {
        let rounds = 1 + u64::from(self.writes_again.is_some());
        2 * (self.writers as u64 + 1) * rounds
    }

    fn shards(&self) -> Shards {
        // Not as many as this machine has processors: a seed is to give the same schedules on any.
        Shards::new(if self.meet { 1 } else { self.writers + 1 })
    }

    fn range(&self) -> LogicalRange {
        LogicalRange::new(0, self.sectors() * SECTOR).expect("a range")
    }
}

/// What the roles share.
struct Parts {
    roles: ReplaceByHand,
    group: BlockGroup,
    ordered: OrderedExtents,
    transactions: Transactions,
    /// Whether a commit is at work, and how many are complete, for a replace that shares one.
    commits: Monitor<(bool, u64)>,
    /// How many refs were queued, for a replace that looks whether the root lists them.
    queued: Counter,
    cursor: Handed<Cursor>,
    reader: CursorReader,
    source: SectorDevice,
    target: SectorDevice,
    /// What each NOCOW writer overwrites.
    given: Vec<LogicalRange>,
    /// What each writer wrote, once it has done all of its steps.
    written: Vec<Note<Vec<LogicalRange>>>,
    /// How far the writer is: its I/O submitted (1), completed (2), the write over (3).
    progress: Counter,
    /// What the replace saw of that.
    looks: Note<Vec<u64>>,
}

/// What a role holds. None of it is given up but by a step.
struct Hands<'w> {
    parts: &'w Parts,
    value: u8,
    extent: Option<LogicalRange>,
    reservation: Option<Reservation<'w>>,
    nocow_admission: Option<NocowAdmission<'w>>,
    ordered: Option<OrderedExtent<&'w OrderedExtents>>,
    both: bool,
    read_only: Option<ReadOnly<'w>>,
    root: Option<CommitRoot>,
    cursor: Option<Cursor>,
    waited: bool,
    looks: Vec<u64>,
}

/// The group was read-only.
struct Refused;

/// What is written: first, to be overwritten, and by writer number 0, 1, ….
const GIVEN: u8 = 1;
const NEW: u8 = 2;

fn new_value(number: usize) -> u8 {
    NEW + u8::try_from(number).expect("few writers")
}

impl Parts {
    fn new(roles: ReplaceByHand) -> Self {
        let (cursor, reader) = Cursor::new();
        let shards = roles.shards();
        let group = BlockGroup::with_shards(BlockGroupId(0), roles.range(), SECTOR, shards);
        let mut parts = Self {
            group: group.expect("aligned"),
            ordered: OrderedExtents::new(shards),
            transactions: Transactions::new(shards),
            commits: Monitor::new((false, 0)),
            queued: Counter::new(),
            cursor: Handed::new(cursor),
            reader,
            source: SectorDevice::new(roles.sectors()),
            target: SectorDevice::new(roles.sectors()),
            given: Vec::new(),
            written: (0..roles.writers).map(|_| Note::default()).collect(),
            progress: Counter::new(),
            looks: Note::default(),
            roles,
        };
        if parts.roles.writer == Role::Nocow {
            parts.give();
        }
        parts
    }

    fn give(&mut self) {
        let give = |_| have(self.perform_write(Role::Cow.program(), &mut Hands::of(self, GIVEN)));
        self.given = (0..self.roles.writers).map(give).collect();
        let _ = self.transactions.commit().expect("commits");
    }

    fn write(&self, number: usize) {
        (self.roles.after)(self.roles.writer, None);
        let given = self.given.get(number).copied();
        let mut hands = Hands { extent: given, ..Hands::of(self, new_value(number)) };
        let programs = iter::once(&self.roles.writes).chain(&self.roles.writes_again);
        let written = programs.filter_map(|program| self.perform_write(program, &mut hands)).collect();
        // What no step gave up is leaked.
        std::mem::forget(hands);
        self.written[number].set(written);
    }

    /// Returns what was written, unless that was refused.
    fn perform_write<'w>(&'w self, program: &[Step], hands: &mut Hands<'w>) -> Option<LogicalRange> {
        let after = |step| (self.roles.after)(self.roles.writer, Some(step));
        if run(program, hands, after).is_err() {
            reached("refused");
            hands.give_up();
            return None;
        }
        self.note_progress();
        hands.extent
    }

    /// For a replace that looks. Without one it would only make writers depend on each other.
    fn note_progress(&self) {
        if self.roles.replace.contains(&Step::LookAtWrite) {
            self.progress.increment();
        }
    }

    /// As above. First, so that a ref that is queued is counted.
    fn note_queued(&self) {
        if self.roles.replace.contains(&Step::CommitUnlessNoneRuns) {
            self.queued.increment();
        }
    }

    fn replace(&self) {
        (self.roles.after)(Role::Replace, None);
        let mut hands = Hands { cursor: Some(self.cursor.take()), ..Hands::of(self, 0) };
        let after = |step| (self.roles.after)(Role::Replace, Some(step));
        if run(&self.roles.replace, &mut hands, after).is_err() {
            unreachable!("nothing refuses the replace");
        }
        self.looks.set(std::mem::take(&mut hands.looks));
        // As above.
        std::mem::forget(hands);
    }
}

impl<'w> Hands<'w> {
    fn of(parts: &'w Parts, value: u8) -> Self {
        Self {
            parts,
            value,
            extent: None,
            reservation: None,
            nocow_admission: None,
            ordered: None,
            both: false,
            read_only: None,
            root: None,
            cursor: None,
            waited: false,
            looks: Vec::new(),
        }
    }

    /// What a refused writer holds it drops.
    fn give_up(&mut self) {
        (self.reservation, self.nocow_admission, self.ordered) = (None, None, None);
    }

    fn write_step(&mut self, step: Step) -> Result<(), Refused> {
        let parts = self.parts;
        match step {
            Step::BeginReservation => {
                let reservation = parts.group.reserve(SECTOR).map_err(|_| Refused)?;
                self.extent = Some(reservation.extent());
                self.reservation = Some(reservation);
            }
            Step::BeginNocow => {
                self.nocow_admission = Some(parts.group.begin_nocow().map_err(|_| Refused)?);
            }
            Step::AddOrdered => self.ordered = Some(parts.ordered.add(have(self.extent))),
            Step::EndReservation => {
                have(self.reservation.take()).hand_over();
            }
            Step::EndNocow => drop(have(self.nocow_admission.take())),
            Step::ReadCursor => self.both = have(self.extent).start() < parts.reader.address(),
            Step::Write => parts.do_io(have(self.extent), self.value, self.both),
            Step::QueueRef => {
                parts.note_queued();
                let queued = parts.transactions.push(DelayedRef::add(have(self.extent)));
                queued.expect("no commit fails");
            }
            Step::RemoveOrdered => have(self.ordered.take()).finish(),
            step => self.replace_step(step),
        }
        Ok(())
    }

    fn replace_step(&mut self, step: Step) {
        let parts = self.parts;
        match step {
            Step::SetReadOnly => self.read_only = Some(parts.group.set_read_only()),
            Step::WaitReservations => {
                reached_if(have(self.read_only.as_ref()).wait_reservations(), "waited-reservation");
            }
            Step::WaitNocowWriters => {
                reached_if(have(self.read_only.as_ref()).wait_nocow_writers(), "waited-nocow");
            }
            Step::WaitOrdered => {
                self.waited = parts.ordered.wait_range(parts.group.range()).count > 0;
                reached_if(self.waited, "waited-ordered");
            }
            Step::CommitIfWaited if !self.waited => {}
            Step::Commit | Step::CommitIfWaited => drop(parts.transactions.commit().expect("commits")),
            Step::CommitUnlessNoneRuns => parts.commit_unless_none_runs(),
            Step::ShareCommit => parts.share_commit(),
            Step::ReadRoot => self.root = Some(parts.transactions.commit_root()),
            Step::Copy => parts.copy(have(self.root.as_ref())),
            Step::MoveCursor => have(self.cursor.as_mut()).advance(parts.group.range().end()),
            Step::SetReadWrite => drop(have(self.read_only.take())),
            Step::LookAtWrite => self.looks.push(parts.progress.read()),
            step => unreachable!("{step} is no step of a writer or of the replace"),
        }
    }
}

impl Machine for Hands<'_> {
    type Stop = Refused;

    fn perform(&mut self, step: Step) -> Performed<Refused> {
        match self.write_step(step) {
            Ok(()) => Performed::Done,
            Err(refused) => Performed::Stopped(refused),
        }
    }
}

fn reached_if(happened: bool, outcome: &str) {
    if happened {
        reached(outcome);
    }
}

impl Parts {
    fn do_io(&self, extent: LogicalRange, value: u8, both: bool) {
        observe(Event::Write { extent, both });
        note(format!("write {extent} to {}", if both { "both devices" } else { "the source" }));
        self.note_progress();
        let data = [value; SECTOR as usize];
        self.source.write_at(extent.start(), &data).expect("the device works");
        if both {
            reached("both-devices");
            self.target.write_at(extent.start(), &data).expect("the device works");
        }
        self.note_progress();
        note(format!("the I/O of {extent} completes"));
    }

    fn commit(&self) {
        if self.roles.replace.contains(&Step::ShareCommit) {
            self.commit_and_share();
        } else {
            let _ = self.transactions.commit().expect("commits");
        }
    }

    /// Commits, and says so to a replace that would share it.
    fn commit_and_share(&self) {
        self.commits.lock().0 = true;
        let _ = self.transactions.commit().expect("commits");
        let mut commits = self.commits.lock();
        *commits = (false, commits.1 + 1);
        commits.notify_all();
    }

    /// The refs are counted first: the root that is looked at then lists those of every write that the drain waited for,
    /// or is short of one. No writer drops any.
    fn commit_unless_none_runs(&self) {
        let queued = self.queued.read();
        if self.transactions.commit_root().len() as u64 == queued {
            reached("none-runs");
            observe_none_running(self.group.id());
        } else {
            reached("commits");
            self.commit();
        }
    }

    /// Waits for the commit at work, which may have taken its refs before the last ones were queued.
    fn share_commit(&self) {
        let (is_at_work, before) = *self.commits.lock();
        if is_at_work {
            self.commits.wait_until(|commits| (commits.1 > before).then_some(()));
        } else {
            self.commit_and_share();
        }
    }

    fn copy(&self, root: &CommitRoot) {
        let (mut buffer, mut extents) = ([0; SECTOR as usize], 0);
        for extent in root.extents_in(self.group.range()) {
            extents += 1;
            observe(Event::Copy { extent });
            self.source.read_at(extent.start(), &mut buffer).expect("the device works");
            self.target.write_at(extent.start(), &buffer).expect("the device works");
            note(format!("copy {extent} to the target"));
        }
        let finished = Event::FinishCopy { group: self.group.id(), extents };
        observe(finished);
        note(finished.to_string());
    }

    fn check(mut self) {
        // A replace that looked wants to see one story: in flight before read-only and after the copy, and
        // then over.
        let looks = self.looks.take().unwrap_or_default();
        if looks.is_empty() || looks == [1, 1, 3] {
            self.check_devices();
            self.check_counts();
        }
    }

    fn check_devices(&mut self) {
        let (root, pending) = self.transactions.pending();
        let live = root.with(&pending.fold()).expect("the refs fit");
        check_copy(&live, &mut self.source, &mut self.target);
        let written = self.written.iter_mut().map(|written| written.take().unwrap_or_default());
        let by_number =
            written.enumerate().flat_map(|(number, all)| all.into_iter().map(move |one| (number, one)));
        for (number, extent) in by_number {
            let (is_live, value) = (live.get(extent.start()).is_some(), self.source.last(extent.start()));
            check(is_live && value == u64::from(new_value(number)), "what was written is there", || {
                format!("{extent} is live: {is_live}; the source has {value} there")
            });
        }
    }

    fn check_counts(&mut self) {
        if let Err(defect) = self.group.check() {
            violated(COUNTS, defect.to_string());
        }
        let left = (self.ordered.leaked(), self.transactions.leaked());
        check(left == (0, 0), COUNTS, || format!("ordered extents and handles that are left: {left:?}"));
    }
}
