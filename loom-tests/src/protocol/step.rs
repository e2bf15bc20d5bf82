//! The steps. What `src` reports of a step is the event of the same name (`src/event.rs`), and it is the word
//! of the proof (`docs/protocol.md`).

use std::fmt;

/// One step of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    // A writer.
    /// And the event `Allocate`.
    BeginReservation,
    BeginNocow,
    AddOrdered,
    EndReservation,
    EndNocow,
    /// No event: it changes nothing.
    ReadCursor,
    Write,
    Join,
    /// With a handle, where the role has one.
    QueueRef,
    /// The event `QueueRef` too.
    DropRef,
    EndTransaction,
    RemoveOrdered,
    // The device replace.
    SetReadOnly,
    WaitReservations,
    WaitNocowWriters,
    WaitOrdered,
    /// The events of the committer.
    Commit,
    /// No event.
    ReadRoot,
    /// And the event `FinishCopy`.
    Copy,
    MoveCursor,
    SetReadWrite,
    // Of twins only: the patch of 2016, a commit shared too late, and a look at how far the write has come.
    CommitIfWaited,
    ShareCommit,
    LookAtWrite,
    /// As the kernel: it takes the root as it is where that lists all that was queued.
    CommitUnlessNoneRuns,
    /// Looks at the queue, and not at the commit at work.
    CommitUnlessNoneQueued,
    // A role that joins a transaction which is made of a gate and a queue. No events.
    Enter,
    QueueFirst,
    QueueSecond,
    Leave,
    // A role that commits it. No event: the lock, the wait for handles.
    LockCommits,
    CloseTransaction,
    WaitHandles,
    RunRefs,
    ChangeItem,
    OpenTransaction,
    SwitchRoot,
    UnlockCommits,
}

/// What a role holds between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// To know where to write.
    Extent,
    Reservation,
    NocowAdmission,
    OrderedExtent,
    Handle,
    ReadOnly,
    Root,
    Inside,
    CommitLock,
    Closed,
    Refs,
}

impl Step {
    /// What it must have and keeps, what it must have and gives up, what it takes.
    pub fn tokens(self) -> (&'static [Token], Option<Token>, &'static [Token]) {
        use Token as T;
        match self {
            Self::BeginReservation => (&[], None, &[T::Reservation, T::Extent]),
            Self::BeginNocow => (&[], None, &[T::NocowAdmission]),
            Self::AddOrdered => (&[T::Extent], None, &[T::OrderedExtent]),
            Self::EndReservation => (&[], Some(T::Reservation), &[]),
            Self::EndNocow => (&[], Some(T::NocowAdmission), &[]),
            // To write without having looked at the cursor is to write to the source.
            Self::ReadCursor | Self::Write | Self::QueueRef => (&[T::Extent], None, &[]),
            Self::Join => (&[], None, &[T::Handle]),
            Self::DropRef => (&[T::Handle, T::Extent], None, &[]),
            Self::EndTransaction => (&[], Some(T::Handle), &[]),
            Self::RemoveOrdered => (&[], Some(T::OrderedExtent), &[]),
            Self::SetReadOnly => (&[], None, &[T::ReadOnly]),
            Self::WaitReservations | Self::WaitNocowWriters => (&[T::ReadOnly], None, &[]),
            Self::ReadRoot => (&[], None, &[T::Root]),
            Self::Copy => (&[T::Root], None, &[]),
            Self::SetReadWrite => (&[], Some(T::ReadOnly), &[]),
            Self::Enter => (&[], None, &[T::Inside]),
            Self::Leave => (&[], Some(T::Inside), &[]),
            Self::LockCommits => (&[], None, &[T::CommitLock]),
            Self::UnlockCommits => (&[], Some(T::CommitLock), &[]),
            Self::CloseTransaction => (&[], None, &[T::Closed]),
            Self::WaitHandles => (&[T::Closed], None, &[]),
            Self::RunRefs => (&[], None, &[T::Refs]),
            Self::ChangeItem => (&[], Some(T::Refs), &[]),
            Self::OpenTransaction => (&[], Some(T::Closed), &[]),
            Self::WaitOrdered
            | Self::Commit
            | Self::CommitIfWaited
            | Self::CommitUnlessNoneRuns
            | Self::CommitUnlessNoneQueued
            | Self::ShareCommit
            | Self::LookAtWrite
            | Self::MoveCursor
            | Self::QueueFirst
            | Self::QueueSecond
            | Self::SwitchRoot => (&[], None, &[]),
        }
    }

    /// The token that it gives up, where it does nothing else: if that was never taken, nothing is left to undo.
    pub fn undoes(self) -> Option<Token> {
        self.tokens().1.filter(|_| self != Self::ChangeItem)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeginReservation => "begin reservation",
            Self::BeginNocow => "begin NOCOW write",
            Self::AddOrdered => "add ordered extent",
            Self::EndReservation => "end reservation",
            Self::EndNocow => "end NOCOW admission",
            Self::ReadCursor => "read the cursor",
            Self::Write => "write",
            Self::Join => "join transaction",
            Self::QueueRef => "queue delayed ref",
            Self::DropRef => "queue delayed ref of the old extent",
            Self::EndTransaction => "end transaction handle",
            Self::RemoveOrdered => "finish ordered extent",
            Self::SetReadOnly => "set read-only",
            Self::WaitReservations => "wait for reservations",
            Self::WaitNocowWriters => "wait for NOCOW writers",
            Self::WaitOrdered => "wait for ordered extents",
            Self::Commit => "commit",
            Self::CommitIfWaited => "commit if something was waited for",
            Self::CommitUnlessNoneRuns => "commit unless no transaction runs",
            Self::CommitUnlessNoneQueued => "commit unless no ref is queued",
            Self::ShareCommit => "wait for the commit at work; if there is none, commit",
            Self::ReadRoot => "read the commit root",
            Self::Copy => "copy",
            Self::MoveCursor => "move the cursor",
            Self::SetReadWrite => "set read-write",
            Self::LookAtWrite => "look at the write",
            Self::Enter => "enter",
            Self::QueueFirst => "queue the first ref",
            Self::QueueSecond => "queue the second ref",
            Self::Leave => "leave",
            Self::LockCommits => "lock commits",
            Self::UnlockCommits => "unlock commits",
            Self::CloseTransaction => "close the transaction",
            Self::WaitHandles => "wait for handles",
            Self::RunRefs => "run delayed refs",
            Self::ChangeItem => "change the items",
            Self::SwitchRoot => "switch the commit root",
            Self::OpenTransaction => "open the transaction",
        })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extent => "an extent",
            Self::Reservation => "a `Reservation`",
            Self::NocowAdmission => "a `NocowAdmission`",
            Self::OrderedExtent => "an `OrderedExtent`",
            Self::Handle => "a `TransactionHandle`",
            Self::ReadOnly => "a `ReadOnly`",
            Self::Root => "a `CommitRoot`",
            Self::Inside => "an `Inside`",
            Self::CommitLock => "a `MutexGuard`",
            Self::Closed => "a `Closed`",
            Self::Refs => "the `DrainedRefs`",
        })
    }
}
