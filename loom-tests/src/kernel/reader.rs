//! The mapping: which call of the kernel is which event of ours, and where in time it stands. `docs/kernel.md` gives
//! the reason for each, what cannot be observed, and what each choice weakens.
//!
//! As in `src`, what takes something is an event after it, where the function returns; what gives something up is one
//! before, where the function is called. Admissions are the exception.

use std::collections::{BTreeMap, BTreeSet};

use blockgate::{BlockGroupId, Event, LogicalRange, Policy, TransactionId};

use super::addresses::Addresses;
use super::appends::Appends;
use super::record::{Call, Record};
use crate::specification::Role;

/// What a role does, at a place in the order of the calls.
pub struct Moment {
    pub at: u64,
    pub role: Role,
    pub act: Act,
}

#[derive(Debug, Clone, Copy)]
pub enum Act {
    Event(Event),
    /// The kernel copies pieces of 64 KiB. Those of an extent are one `Copy`, once all are there.
    CopyPiece(LogicalRange),
    /// The drain of this group found no transaction that runs.
    FindsNoneRunning(BlockGroupId),
    /// A write to a group that was made during the replace: that one is cloned from the beginning.
    WriteToNewGroup(LogicalRange),
    /// The replace ends: the target takes the source's place.
    Finish,
}

/// A role for the specification is what holds one token of a kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Task(u64),
    Reservation(u64),
    Nocow(u64),
    Io,
}

pub struct Reader<'r> {
    record: &'r Record<'r>,
    pub addresses: Addresses,
    appends: Appends,
    policy: Policy,
    replace: u64,
    roles: BTreeMap<Holder, Role>,
    moments: Vec<Moment>,
    is_asked: bool,
    /// Where the replace was started.
    started: Option<u64>,
    is_finishing: bool,
    draining: Option<u64>,
    /// Of each task: where it asked for space, and where it asked for that which it was given.
    admitting: BTreeMap<u64, u64>,
    admitted: BTreeMap<u64, u64>,
    reserved: BTreeMap<u64, LogicalRange>,
    /// Of each task: where it asked to be admitted, and for which address.
    nocow: BTreeMap<u64, (u64, u64)>,
    /// Of each task: which admission it has.
    nocow_admission: BTreeMap<u64, u64>,
    setting_read_only: BTreeMap<u64, u64>,
    handles: BTreeMap<u64, Handle>,
    /// Where each task, or the replace, last began to commit a transaction.
    committing: BTreeMap<(u64, u64), u64>,
    switching: BTreeMap<u64, u64>,
    items: BTreeSet<LogicalRange>,
    changed: BTreeMap<LogicalRange, bool>,
    /// What the kernel does against itself, whatever the specification says.
    pub contradictions: Vec<String>,
}

struct Handle {
    depth: u64,
    transaction: u64,
}

/// Flags of an ordered extent: `BTRFS_ORDERED_NOCOW`, `BTRFS_ORDERED_IOERR`.
const NOCOW: u64 = 1 << 1;
const IO_ERROR: u64 = 1 << 7;
/// `REQ_OP_WRITE` and `REQ_OP_ZONE_APPEND`, of the operation's low byte.
const WRITES: [u64; 2] = [1, 7];
const SECTOR: u64 = 512;

impl<'r> Reader<'r> {
    pub fn new(record: &'r Record<'r>, policy: Policy) -> Self {
        let start = record.calls.iter().find(|call| call.probe == "repl_start");
        let replace = start.expect("a replace starts").task;
        let addresses = Addresses::new(record, replace);
        Self {
            record,
            appends: Appends::new(record),
            policy,
            replace,
            roles: BTreeMap::new(),
            moments: Vec::new(),
            is_asked: false,
            started: None,
            is_finishing: false,
            draining: None,
            admitting: BTreeMap::new(),
            admitted: BTreeMap::new(),
            reserved: BTreeMap::new(),
            nocow: BTreeMap::new(),
            nocow_admission: BTreeMap::new(),
            setting_read_only: BTreeMap::new(),
            handles: BTreeMap::new(),
            committing: BTreeMap::new(),
            switching: BTreeMap::new(),
            items: given(record, &addresses).map(|(extent, _)| extent).collect(),
            changed: BTreeMap::new(),
            contradictions: Vec::new(),
            addresses,
        }
    }

    /// The events, in their order.
    pub fn read(&mut self) -> Vec<Moment> {
        for call in &self.record.calls {
            self.writer(call);
            self.transaction(call);
            self.drain(call);
        }
        let mut moments = std::mem::take(&mut self.moments);
        moments.sort_by_key(|moment| moment.at);
        moments
    }

    fn role(&mut self, holder: Holder) -> Role {
        let next = self.roles.len();
        *self.roles.entry(holder).or_insert(next)
    }

    fn emit(&mut self, at: u64, holder: Holder, event: Event) {
        self.act(at, holder, Act::Event(event));
    }

    fn act(&mut self, at: u64, holder: Holder, act: Act) {
        let role = self.role(holder);
        self.moments.push(Moment { at, role, act });
    }

    // Writers: admission, ordered extent, I/O.

    fn writer(&mut self, call: &Call) {
        match call.probe {
            "res_enter" => _ = self.admitting.insert(call.task, call.at),
            "res_add" => {
                let began = self.admitting.remove(&call.task).filter(|_| call.succeeded());
                self.admitted.extend(began.map(|at| (call.task, at)));
            }
            "btrfs_reserve_extent" => self.allocate(call),
            "res_dec" => self.end_reservation(call),
            "noc_inc" => _ = self.nocow.insert(call.task, (call.at, call.number("at"))),
            "noc_inc_return" => self.begin_nocow(call),
            "noc_dec" => {
                let group = self.addresses.group(call.number("bg"));
                self.emit(call.at, self.nocow_of(call), Event::EndNocow { group });
            }
            "ord_add" => self.add_ordered(call),
            "ord_del" => self.remove_ordered(call),
            "sub" => self.write(call),
            _ => {}
        }
    }

    /// The check of read-only is somewhere between the call and the return.
    fn allocate(&mut self, call: &Call) {
        let began = self.admitted.remove(&call.task).unwrap_or(call.at);
        let start = call.number("start");
        if !self.addresses.is_data(start) {
            return;
        }
        let group = self.addresses.group(start);
        let place = self.appends.place_to_be(start, call.at);
        let extent = self.addresses.range(place, call.number("len"));
        self.reserved.insert(start, extent);
        self.emit(began, Holder::Reservation(start), Event::BeginReservation { group });
        self.emit(call.at, Holder::Reservation(start), Event::Allocate { group, extent });
    }

    /// Its argument is the address of the reserved space.
    fn end_reservation(&mut self, call: &Call) {
        let start = call.number("bg");
        let Some(extent) = self.reserved.remove(&start) else { return };
        let event = Event::EndReservation { group: self.addresses.group(start), extent, kept: true };
        self.emit(call.at, Holder::Reservation(start), event);
    }

    fn begin_nocow(&mut self, call: &Call) {
        let Some((began, address)) = self.nocow.remove(&call.task) else { return };
        if !self.addresses.is_data(address) {
            return;
        }
        let group = self.addresses.group(address);
        if call.value("p") == Some(0) {
            self.emit(call.at, Holder::Task(call.task), Event::Refused { group });
        } else {
            self.nocow_admission.insert(call.task, call.at);
            self.emit(began, Holder::Nocow(call.at), Event::BeginNocow { group });
        }
    }

    fn nocow_of(&self, call: &Call) -> Holder {
        Holder::Nocow(self.nocow_admission.get(&call.task).copied().unwrap_or_default())
    }

    fn add_ordered(&mut self, call: &Call) {
        let Some(start) = call.value("start").filter(|start| self.addresses.is_data(*start)) else { return };
        let is_nocow = call.number("flags") & NOCOW != 0;
        let holder = if is_nocow { self.nocow_of(call) } else { Holder::Reservation(start) };
        let place = self.appends.place(start, call.at);
        let extent = self.addresses.range(place, call.number("len"));
        self.emit(call.at, holder, Event::AddOrdered { extent });
    }

    fn remove_ordered(&mut self, call: &Call) {
        let start = call.number("start");
        if self.addresses.is_data(start) {
            let extent = self.addresses.range(start, call.number("len"));
            let failed = call.number("flags") & IO_ERROR != 0;
            self.emit(call.at, Holder::Io, Event::RemoveOrdered { extent, failed });
        }
    }

    /// When the target has taken the source's place there is one device, which is the target.
    fn write(&mut self, call: &Call) {
        let start = call.number("sector") * SECTOR;
        if !WRITES.contains(&(call.number("opf") & 0xff)) || !self.addresses.is_data(start) {
            return;
        }
        let is_new = self.started.is_some() && self.addresses.made(start) > self.started;
        let extent = self.addresses.range(self.appends.place(start, call.at), call.number("size"));
        let both = self.is_finishing || call.value("n") == Some(2);
        let is_cloned = is_new && self.policy == Policy::CopyThenClone;
        if is_cloned && both {
            self.act(call.at, Holder::Io, Act::WriteToNewGroup(extent));
        } else {
            if is_cloned {
                self.contradictions
                    .push(format!("{}: a new group is written to on the source alone", call.at));
            }
            self.emit(call.at, Holder::Io, Event::Write { extent, both });
        }
    }

    // Transactions: handles, delayed refs, commits.

    fn transaction(&mut self, call: &Call) {
        match call.probe {
            "join" => self.join(call),
            "end" => self.end(call),
            "commit" => {
                self.committing.insert((call.task, call.number("tid")), call.at);
            }
            "add_delayed_data_ref" => self.queue_ref(call),
            "fs_del" => self.change_item(call, true),
            "fs_add" => self.change_item(call, false),
            "switch" => self.take(call),
            "switch_return" => self.switch(call),
            _ => {}
        }
    }

    /// A task that has a handle is given the same one again.
    fn join(&mut self, call: &Call) {
        let Some(transaction) = call.value("tid").filter(|transaction| *transaction > 0) else {
            return self.find_none(call);
        };
        let handle = self.handles.entry(call.task).or_insert(Handle { depth: 0, transaction });
        handle.depth += 1;
        if handle.depth == 1 {
            self.emit(call.at, Holder::Task(call.task), Event::Join);
        }
        if self.switching.contains_key(&transaction) {
            self.contradictions
                .push(format!("{}: transaction {transaction} is joined after its switch", call.at));
        }
    }

    /// The replace attaches to the transaction that runs, in order to commit it.
    fn find_none(&mut self, call: &Call) {
        let is_drain = call.task == self.replace && call.is_called_by("btrfs_commit_current_transaction+");
        if let Some(start) = self.draining.filter(|_| is_drain) {
            let group = self.addresses.group(start);
            self.act(call.at, Holder::Task(call.task), Act::FindsNoneRunning(group));
        }
    }

    fn end(&mut self, call: &Call) {
        let Some(handle) = self.handles.get_mut(&call.task) else { return };
        handle.depth -= 1;
        if handle.depth == 0 {
            self.handles.remove(&call.task);
            self.emit(call.at, Holder::Task(call.task), Event::EndTransaction);
        }
    }

    fn queue_ref(&mut self, call: &Call) {
        let start = call.number("bytenr");
        if !self.addresses.is_data(start) {
            return;
        }
        let extent = self.addresses.range(start, call.number("num_bytes"));
        let add = call.text("action").is_some_and(|action| action.starts_with("ADD"));
        let transaction = TransactionId(self.handles.get(&call.task).map_or(0, |handle| handle.transaction));
        self.emit(call.at, Holder::Task(call.task), Event::QueueRef { extent, add, transaction });
    }

    /// The kernel changes items as it runs refs, from the beginning of a transaction on. The specification's commit does
    /// so at once, and sees what is left of it.
    fn change_item(&mut self, call: &Call, inserted: bool) {
        let start = call.number("start");
        if !self.addresses.is_data(start) {
            return;
        }
        let extent = self.addresses.range(start, call.number("len"));
        let is_change = if inserted { self.items.insert(extent) } else { self.items.remove(&extent) };
        if !is_change {
            self.contradictions.push(format!("{}: the item {extent} is put in or taken out twice", call.at));
        }
        if self.changed.remove(&extent).is_none() {
            self.changed.insert(extent, inserted);
        }
    }

    /// The closing is where the task that switches the root, or else the replace, began to commit: the replace has a
    /// handle then, so the transaction is not closed yet.
    fn take(&mut self, call: &Call) {
        let (task, number) = (call.task, call.number("tid"));
        let began = |task| self.committing.get(&(task, number)).copied();
        let closed = began(task).max(began(self.replace)).filter(|at| *at < call.at).unwrap_or(call.at);
        if self.handles.remove(&task).is_some() {
            self.emit(closed, Holder::Task(task), Event::EndTransaction);
        }
        self.emit(closed, Holder::Task(task), Event::CloseTransaction);
        let transaction = TransactionId(number);
        self.emit(call.at, Holder::Task(task), Event::RunRefs { transaction });
        for (extent, inserted) in std::mem::take(&mut self.changed) {
            self.emit(call.at, Holder::Task(task), Event::ChangeItem { extent, inserted });
        }
        self.switching.insert(number, call.at);
    }

    fn switch(&mut self, call: &Call) {
        let Some((number, _)) = self.switching.last_key_value() else { return };
        let (from, to) = (TransactionId(number - 1), TransactionId(*number));
        self.emit(call.at, Holder::Task(call.task), Event::OpenTransaction);
        self.emit(call.at, Holder::Task(call.task), Event::SwitchRoot { from, to });
    }

    // The replace: the steps of the drain.

    fn drain(&mut self, call: &Call) {
        let is_replace = call.task == self.replace;
        match call.probe {
            "repl_start" => self.is_asked = true,
            "ro_enter" => _ = self.setting_read_only.insert(call.task, call.number("bg")),
            "ro_return" => self.set_read_only(call),
            "rw" => {
                let group = self.addresses.group(call.number("bg"));
                self.emit(call.at, Holder::Task(call.task), Event::SetReadWrite { group });
                self.draining = self.draining.filter(|_| !is_replace);
            }
            "wait_ord" if is_replace && self.is_asked && self.started.is_none() => self.start(call),
            "repl_finishing" => {
                self.is_finishing = true;
                self.act(call.at, Holder::Task(call.task), Act::Finish);
            }
            _ if is_replace => self.drain_step(call),
            _ => {}
        }
    }

    /// The replace is started before it waits for the first time: to clone always is to have the cursor at the end.
    fn start(&mut self, call: &Call) {
        self.started = Some(call.at);
        if self.policy == Policy::CloneAlways {
            self.emit(call.at, Holder::Task(call.task), Event::MoveCursor { to: u64::MAX });
        }
    }

    fn set_read_only(&mut self, call: &Call) {
        let Some(start) = self.setting_read_only.remove(&call.task).filter(|_| call.succeeded()) else {
            return;
        };
        let group = self.addresses.group(start);
        self.emit(call.at, Holder::Task(call.task), Event::SetReadOnly { group, levels: 1 });
        if call.task == self.replace {
            self.draining = Some(start);
        }
    }

    fn drain_step(&mut self, call: &Call) {
        let Some(start) = self.draining else { return };
        let (group, range) = (self.addresses.group(start), self.addresses.group_range(start));
        let event = match call.probe {
            "wait_res_return" => Event::WaitReservations { group, waited: false },
            "wait_noc_return" => Event::WaitNocowWriters { group, waited: false },
            "wait_ord_return" => Event::WaitOrdered { range, count: 0, failed: 0 },
            "repair_write" if call.value("rep") == Some(1) => {
                let address = call.number("sector") * SECTOR;
                if self.addresses.is_data(address) {
                    let piece = self.addresses.range(address, call.number("size"));
                    self.act(call.at, Holder::Task(call.task), Act::CopyPiece(piece));
                }
                return;
            }
            "scrub_chunk_return" => Event::FinishCopy { group, extents: 0 },
            // From here on the kernel writes to both devices there.
            "finish_bg_return" if self.policy == Policy::CopyThenClone => {
                Event::MoveCursor { to: range.end() }
            }
            _ => return,
        };
        self.emit(call.at, Holder::Task(call.task), event);
    }
}

/// The extents before, and how many references each has.
pub fn given<'r>(
    record: &'r Record,
    addresses: &'r Addresses,
) -> impl Iterator<Item = (LogicalRange, i64)> + use<'r> {
    of_data(&record.before, addresses)
}

/// The extents after.
pub fn left<'r>(
    record: &'r Record,
    addresses: &'r Addresses,
) -> impl Iterator<Item = LogicalRange> + use<'r> {
    of_data(&record.after, addresses).map(|(extent, _)| extent)
}

fn of_data<'r>(
    items: &'r [super::record::Item],
    addresses: &'r Addresses,
) -> impl Iterator<Item = (LogicalRange, i64)> + use<'r> {
    let of_data = items.iter().filter(|item| addresses.is_data(item.start));
    of_data.map(|item| (addresses.range(item.start, item.length), item.references))
}
