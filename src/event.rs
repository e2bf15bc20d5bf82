//! What happens, in the protocol's terms: one event a step.
//!
//! A step that takes something is reported right after it was taken, a step that gives something up right
//! before. So at every point of the events' order, what a thread holds by the events it does hold. With the feature `tracing`, each
//! is a `tracing` event of target `blockgate`; without it, emitting compiles to nothing. Under loom a model
//! may install a recorder, which draws the timelines.
//!
//! A subscriber that panics unwinds out of the call that reported. What the call had taken is given up, as
//! by any panic; a delayed ref that was queued stands; a commit is aborted, unless it has switched the root, and is
//! complete then.

use std::fmt;

use crate::units::{BlockGroupId, Bytes, LogicalAddress, LogicalRange, TransactionId};

/// A step of the protocol, with its values.
///
/// Part of the proof: [the protocol](crate::proof::protocol#named-events).
///
/// ```
/// use blockgate::{BlockGroupId, Event, LogicalRange};
///
/// /// What an operator wants to read of the drain.
/// fn line(event: &Event) -> Option<String> {
///     match event {
///         Event::SetReadOnly { .. } | Event::SetReadWrite { .. } | Event::MoveCursor { .. } => {
///             Some(event.to_string())
///         }
///         _ => None,
///     }
/// }
/// let group = BlockGroupId(3);
/// let frozen = line(&Event::SetReadOnly { group, levels: 1 });
/// assert_eq!(frozen.as_deref(), Some("set block group 3 read-only (0 -> 1)"));
/// assert_eq!(line(&Event::AddOrdered { extent: LogicalRange::new(0, 4096)? }), None);
/// # Ok::<(), blockgate::RangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A group was set read-only by one more level.
    SetReadOnly {
        /// The group.
        group: BlockGroupId,
        /// How many levels there are now.
        levels: usize,
    },
    /// One level of read-only ends; with the last, the group is read-write.
    SetReadWrite {
        /// The group.
        group: BlockGroupId,
    },
    /// A reservation was admitted: it is counted from here on.
    BeginReservation {
        /// The group.
        group: BlockGroupId,
    },
    /// There was no space for an admitted reservation: it ends.
    NoSpace {
        /// The group.
        group: BlockGroupId,
    },
    /// Space was allocated for an admitted reservation.
    Allocate {
        /// The group.
        group: BlockGroupId,
        /// What was allocated.
        extent: LogicalRange,
    },
    /// A reservation ends; its space stays allocated where `kept`.
    EndReservation {
        /// The group.
        group: BlockGroupId,
        /// What was allocated.
        extent: LogicalRange,
        /// Handed over to an ordered extent, and not given back.
        kept: bool,
    },
    /// A NOCOW writer was admitted.
    BeginNocow {
        /// The group.
        group: BlockGroupId,
    },
    /// A NOCOW writer's admission ends.
    EndNocow {
        /// The group.
        group: BlockGroupId,
    },
    /// The group was read-only: a reservation or a NOCOW writer was refused.
    Refused {
        /// The group.
        group: BlockGroupId,
    },
    /// A wait for the group's reservations ended.
    WaitReservations {
        /// The group.
        group: BlockGroupId,
        /// There was one when the group was set read-only.
        waited: bool,
    },
    /// A wait for the group's NOCOW writers ended.
    WaitNocowWriters {
        /// The group.
        group: BlockGroupId,
        /// There was one when the group was set read-only.
        waited: bool,
    },
    /// An ordered extent was added.
    AddOrdered {
        /// The bytes on their way.
        extent: LogicalRange,
    },
    /// An ordered extent is finished, or has failed.
    RemoveOrdered {
        /// The bytes that were on their way.
        extent: LogicalRange,
        /// The write failed, or its handle was dropped unfinished.
        failed: bool,
    },
    /// An ordered extent became two, each with a handle of its own.
    SplitOrdered {
        /// The bytes on their way.
        extent: LogicalRange,
        /// The first byte of the second one.
        at: LogicalAddress,
    },
    /// A wait for ordered extents ended.
    WaitOrdered {
        /// Where.
        range: LogicalRange,
        /// How many there were when it began.
        count: usize,
        /// How many of them failed.
        failed: usize,
    },
    /// A transaction was joined.
    Join,
    /// A delayed ref was queued.
    QueueRef {
        /// Which extent.
        extent: LogicalRange,
        /// Whether a reference is added (or dropped).
        add: bool,
        /// The transaction whose commit will take it.
        transaction: TransactionId,
    },
    /// A handle ends: the commit that comes next does not wait for it.
    EndTransaction,
    /// A commit begins: the transaction is closed to new handles.
    CloseTransaction,
    /// All handles have ended, and the delayed refs were taken, at this moment.
    RunRefs {
        /// The transaction.
        transaction: TransactionId,
    },
    /// A commit has taken and applied its refs: the next transaction is open to handles.
    OpenTransaction,
    /// A delayed ref put an extent item into the tree, or took one out.
    ChangeItem {
        /// Which extent.
        extent: LogicalRange,
        /// Put in (or taken out).
        inserted: bool,
    },
    /// The commit root was switched.
    SwitchRoot {
        /// From the state after this transaction
        from: TransactionId,
        /// to the state after this one.
        to: TransactionId,
    },
    /// The transaction was aborted: its commit failed.
    Abort,
    /// Extents of the commit root are copied from the source to the target.
    Copy {
        /// Which bytes: of one extent, or of several that adjoin.
        extent: LogicalRange,
    },
    /// All extents of the group that the commit root lists are on the target, and flushed.
    FinishCopy {
        /// The group.
        group: BlockGroupId,
        /// How many extents that were.
        extents: u64,
    },
    /// The cursor moved: writes below it go to both devices.
    MoveCursor {
        /// To this address.
        to: LogicalAddress,
    },
    /// A write was sent to the devices.
    Write {
        /// Which bytes.
        extent: LogicalRange,
        /// To the target too, and not to the source alone.
        both: bool,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |waited: &bool| if *waited { "until they ended" } else { "there were none" };
        match self {
            Self::SetReadOnly { group, levels } => {
                write!(f, "set {group} read-only ({} -> {levels})", levels - 1)
            }
            Self::SetReadWrite { group } => write!(f, "set {group} read-write"),
            Self::BeginReservation { group } => write!(f, "begin reservation in {group}"),
            Self::NoSpace { group } => write!(f, "no space in {group}: end reservation"),
            Self::Allocate { extent, .. } => write!(f, "allocate {extent}"),
            Self::EndReservation { extent, kept: true, .. } => write!(f, "end reservation of {extent}"),
            Self::EndReservation { extent, kept: false, .. } => {
                write!(f, "end reservation of {extent}: space given back")
            }
            Self::BeginNocow { group } => write!(f, "begin NOCOW write in {group}"),
            Self::EndNocow { group } => write!(f, "end NOCOW admission in {group}"),
            Self::Refused { group } => write!(f, "refused: {group} is read-only"),
            Self::WaitReservations { group, waited } => {
                write!(f, "wait for reservations of {group}: {}", what(waited))
            }
            Self::WaitNocowWriters { group, waited } => {
                write!(f, "wait for NOCOW writers of {group}: {}", what(waited))
            }
            Self::AddOrdered { extent } => write!(f, "add ordered extent {extent}"),
            Self::SplitOrdered { extent, at } => write!(f, "split ordered extent {extent} at {}", Bytes(*at)),
            Self::RemoveOrdered { extent, failed: false } => write!(f, "finish ordered extent {extent}"),
            Self::RemoveOrdered { extent, failed: true } => write!(f, "fail ordered extent {extent}"),
            Self::WaitOrdered { range, count, failed } => {
                write!(f, "wait for ordered extents in {range}: {count} ended, {failed} failed")
            }
            Self::Join => f.write_str("join transaction"),
            Self::QueueRef { extent, add, transaction } => {
                write!(f, "queue delayed ref in {transaction}: {}{extent}", if *add { '+' } else { '-' })
            }
            Self::EndTransaction => f.write_str("end transaction handle"),
            Self::CloseTransaction => f.write_str("commit: close the transaction to new handles"),
            Self::RunRefs { transaction } => write!(f, "commit {transaction}: run delayed refs"),
            Self::OpenTransaction => f.write_str("commit: open the next transaction to handles"),
            Self::ChangeItem { extent, inserted: true } => write!(f, "extent tree: +{extent}"),
            Self::ChangeItem { extent, inserted: false } => write!(f, "extent tree: -{extent}"),
            Self::SwitchRoot { from, to } => write!(f, "commit root {} -> {}", from.0, to.0),
            Self::Abort => f.write_str("abort the transaction"),
            Self::Copy { extent } => write!(f, "copy {extent} to the target"),
            Self::FinishCopy { group, extents: 0 } => {
                write!(f, "finish the copy of {group}: the commit root lists no extent there")
            }
            Self::FinishCopy { group, extents } => write!(f, "finish the copy of {group}: {extents} extents"),
            Self::MoveCursor { to } => write!(f, "move the cursor to {}", Bytes(*to)),
            Self::Write { extent, both: false } => write!(f, "write {extent} to the source"),
            Self::Write { extent, both: true } => write!(f, "write {extent} to both devices"),
        }
    }
}

/// Reports that `event` happened at the caller's source line.
#[cfg(not(any(loom, shuttle, traceset, feature = "tracing")))]
#[inline(always)]
pub(crate) fn emit(_event: impl FnOnce() -> Event) {}

/// Reports that `event` happened.
#[cfg(all(not(any(loom, shuttle, traceset)), feature = "tracing"))]
#[inline]
pub(crate) fn emit(event: impl FnOnce() -> Event) {
    if tracing::enabled!(target: "blockgate", tracing::Level::DEBUG) {
        let event = event();
        tracing::debug!(target: "blockgate", step = ?event, "{event}");
    }
}

/// Reports `event` under a short lock, at the moment at which it takes effect: to the recorder of a model alone, since no
/// user's code may run there. After the lock, [`report`] does the rest.
#[cfg(not(any(loom, shuttle, traceset)))]
#[inline(always)]
pub(crate) fn record(_event: impl FnOnce() -> Event) {}

/// Reports `event`, which was [recorded](record), to everybody else.
#[cfg(any(loom, shuttle, traceset))]
pub(crate) fn report(_event: impl FnOnce() -> Event) {}

#[cfg(not(any(loom, shuttle, traceset)))]
pub(crate) use emit as report;

/// Reports `event`, and gives up what it says is given up: also where a subscriber unwinds.
///
/// A step that gives something up is reported before it is done, so a subscriber's panic comes in between.
/// (Where a type's fields are dropped anyway after its `Drop::drop`, that already does it: use [`emit`].)
#[track_caller]
#[inline(always)]
pub(crate) fn emit_then(event: impl FnOnce() -> Event, give_up: impl FnOnce()) {
    let then = Then(Some(give_up));
    emit(event);
    drop(then);
}

/// Does it when dropped. (A guard from a crate is not always inlined: 33 ns of an ordered extent became 35.5.)
struct Then<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Then<F> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(give_up) = self.0.take() {
            give_up();
        }
    }
}

#[cfg(any(loom, shuttle, traceset))]
pub use recorder::set_recorder;
#[cfg(any(loom, shuttle, traceset))]
pub(crate) use recorder::{emit, emit as record};

#[cfg(any(loom, shuttle, traceset))]
mod recorder {
    use std::cell::RefCell;
    use std::panic::Location;

    use super::Event;

    type Recorder = Box<dyn FnMut(&'static Location<'static>, Event)>;

    thread_local! {
        // Of the system thread, which under loom and shuttle runs all threads of a model.
        static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
    }

    /// Installs what is called with each event and the source line that reported it, for all models that
    /// run on this system thread. Only under `--cfg loom` or `--cfg shuttle`.
    pub fn set_recorder(recorder: Option<Recorder>) {
        RECORDER.with(|slot| *slot.borrow_mut() = recorder);
    }

    #[track_caller]
    pub(crate) fn emit(event: impl FnOnce() -> Event) {
        let location = Location::caller();
        RECORDER.with(|slot| {
            if let Some(recorder) = slot.borrow_mut().as_mut() {
                recorder(location, event());
            }
        });
    }
}
