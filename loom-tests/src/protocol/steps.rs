//! The protocol as data: what each role does, step by step, to be done with a step left out or moved.
//!
//! `replace_by_hand` and `transaction_by_hand` do the steps, with the types of L1 to L3. `mutants` leaves
//! out each and swaps each two; what these types do not allow it computes from what each step needs and
//! gives ([`Step::tokens`]).

use std::fmt;

/// One step of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    // A writer.
    Reserve,
    BeginNocow,
    AddOrdered,
    EndReservation,
    EndNocow,
    ReadCursor,
    Write,
    Join,
    QueueRef,
    EndHandle,
    FinishOrdered,
    // The device replace.
    SetReadOnly,
    WaitReservations,
    WaitNocowWriters,
    WaitOrdered,
    Commit,
    ReadRoot,
    Copy,
    MoveCursor,
    SetReadWrite,
    // Of twins only: the patch of 2016, and a look at how far the write has come.
    CommitIfWaited,
    ShareCommit,
    LookAtWrite,
    // Who joins a transaction.
    Enter,
    PublishFirst,
    PublishSecond,
    Leave,
    // Who commits it.
    Lock,
    Close,
    WaitEmpty,
    Drain,
    Apply,
    Open,
    Switch,
    Unlock,
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
            Self::Reserve => (&[], None, &[T::Reservation, T::Extent]),
            Self::BeginNocow => (&[], None, &[T::NocowAdmission]),
            Self::AddOrdered => (&[T::Extent], None, &[T::OrderedExtent]),
            Self::EndReservation => (&[], Some(T::Reservation), &[]),
            Self::EndNocow => (&[], Some(T::NocowAdmission), &[]),
            // To write without having looked at the cursor is to write to the source.
            Self::ReadCursor | Self::Write => (&[T::Extent], None, &[]),
            Self::Join => (&[], None, &[T::Handle]),
            Self::QueueRef => (&[T::Handle, T::Extent], None, &[]),
            Self::EndHandle => (&[], Some(T::Handle), &[]),
            Self::FinishOrdered => (&[], Some(T::OrderedExtent), &[]),
            Self::SetReadOnly => (&[], None, &[T::ReadOnly]),
            Self::WaitReservations | Self::WaitNocowWriters => (&[T::ReadOnly], None, &[]),
            Self::ReadRoot => (&[], None, &[T::Root]),
            Self::Copy => (&[T::Root], None, &[]),
            Self::SetReadWrite => (&[], Some(T::ReadOnly), &[]),
            Self::Enter => (&[], None, &[T::Inside]),
            Self::Leave => (&[], Some(T::Inside), &[]),
            Self::Lock => (&[], None, &[T::CommitLock]),
            Self::Unlock => (&[], Some(T::CommitLock), &[]),
            Self::Close => (&[], None, &[T::Closed]),
            Self::WaitEmpty => (&[T::Closed], None, &[]),
            Self::Drain => (&[], None, &[T::Refs]),
            Self::Apply => (&[], Some(T::Refs), &[]),
            Self::Open => (&[], Some(T::Closed), &[]),
            Self::WaitOrdered
            | Self::Commit
            | Self::CommitIfWaited
            | Self::ShareCommit
            | Self::LookAtWrite
            | Self::MoveCursor
            | Self::PublishFirst
            | Self::PublishSecond
            | Self::Switch => (&[], None, &[]),
        }
    }

    /// Gives up a token, and does nothing else: what is left to undo when the token was never taken is
    /// nothing.
    pub fn undoes(self) -> Option<Token> {
        self.tokens().1.filter(|_| self != Self::Apply)
    }
}

/// Who does steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Cow,
    Nocow,
    Replace,
    Joiner,
    Committer,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cow => "COW writer",
            Self::Nocow => "NOCOW writer",
            Self::Replace => "device replace",
            Self::Joiner => "joiner",
            Self::Committer => "committer",
        }
    }

    /// What it does, in the order in which it does it. No step is there twice.
    pub fn program(self) -> &'static [Step] {
        use Step as S;
        match self {
            Self::Cow => &[
                S::Reserve,
                S::AddOrdered,
                S::EndReservation,
                S::ReadCursor,
                S::Write,
                S::Join,
                S::QueueRef,
                S::EndHandle,
                S::FinishOrdered,
            ],
            Self::Nocow => {
                &[S::BeginNocow, S::AddOrdered, S::EndNocow, S::ReadCursor, S::Write, S::FinishOrdered]
            }
            Self::Replace => &[
                S::SetReadOnly,
                S::WaitReservations,
                S::WaitNocowWriters,
                S::WaitOrdered,
                S::Commit,
                S::ReadRoot,
                S::Copy,
                S::MoveCursor,
                S::SetReadWrite,
            ],
            Self::Joiner => &[S::Enter, S::PublishFirst, S::PublishSecond, S::Leave],
            Self::Committer => {
                &[S::Lock, S::Close, S::WaitEmpty, S::Drain, S::Apply, S::Open, S::Switch, S::Unlock]
            }
        }
    }
}

/// The program of `role` without `steps`.
pub fn without(role: Role, steps: &[Step]) -> Vec<Step> {
    role.program().iter().copied().filter(|step| !steps.contains(step)).collect()
}

/// The program of `role` with `step` done just before `before`.
pub fn moved(role: Role, step: Step, before: Step) -> Vec<Step> {
    let others = without(role, &[step]);
    others
        .into_iter()
        .flat_map(|other| if other == before { vec![step, other] } else { vec![other] })
        .collect()
}

/// The program of `role` with `by` in the place of `step`.
pub fn replaced(role: Role, step: Step, by: Step) -> Vec<Step> {
    role.program().iter().map(|other| if *other == step { by } else { *other }).collect()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserve => "reserve",
            Self::BeginNocow => "begin NOCOW write",
            Self::AddOrdered => "add ordered extent",
            Self::EndReservation => "end reservation",
            Self::EndNocow => "end NOCOW admission",
            Self::ReadCursor => "read the cursor",
            Self::Write => "write",
            Self::Join => "join transaction",
            Self::QueueRef => "queue delayed ref",
            Self::EndHandle => "end handle",
            Self::FinishOrdered => "finish ordered extent",
            Self::SetReadOnly => "set read-only",
            Self::WaitReservations => "wait for reservations",
            Self::WaitNocowWriters => "wait for NOCOW writers",
            Self::WaitOrdered => "wait for ordered extents",
            Self::Commit => "commit",
            Self::CommitIfWaited => "commit if something was waited for",
            Self::ShareCommit => "wait for the commit at work; if there is none, commit",
            Self::ReadRoot => "read the commit root",
            Self::Copy => "copy",
            Self::MoveCursor => "move the cursor",
            Self::SetReadWrite => "set read-write",
            Self::LookAtWrite => "look at the write",
            Self::Enter => "enter",
            Self::PublishFirst => "queue the first ref",
            Self::PublishSecond => "queue the second ref",
            Self::Leave => "leave",
            Self::Lock => "lock commits",
            Self::Unlock => "unlock commits",
            Self::Close => "close",
            Self::WaitEmpty => "wait until empty",
            Self::Drain => "drain the refs",
            Self::Apply => "apply them",
            Self::Switch => "switch the commit root",
            Self::Open => "open",
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
