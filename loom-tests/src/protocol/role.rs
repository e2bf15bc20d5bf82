//! What each role does, in the order in which it does it, and how that order is changed.

use super::step::Step;

/// A part in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Writes a new extent.
    Cow,
    /// Overwrites an extent in place.
    Nocow,
    /// Overwrites an extent that it may not overwrite in place: writes a new one, and drops the old one.
    Moving,
    Deleter,
    /// Adds a reference to an extent, and drops one as a deleter does.
    Cloner,
    /// Replaces the device, group by group.
    Replace,
    /// Sets a group read-only, and waits as the replace does, to copy nothing.
    Scrub,
    /// Has a handle, and queues two refs.
    Joiner,
    Committer,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cow => "COW writer",
            Self::Nocow => "NOCOW writer",
            Self::Moving => "NOCOW writer that moves",
            Self::Deleter => "deleter",
            Self::Cloner => "cloner",
            Self::Replace => "device replace",
            Self::Scrub => "scrub",
            Self::Joiner => "joiner",
            Self::Committer => "committer",
        }
    }

    /// No step is there twice.
    pub fn program(self) -> &'static [Step] {
        use Step as S;
        match self {
            Self::Cow => &[
                S::BeginReservation,
                S::AddOrdered,
                S::EndReservation,
                S::ReadCursor,
                S::Write,
                S::QueueRef,
                S::RemoveOrdered,
            ],
            Self::Nocow => {
                &[S::BeginNocow, S::AddOrdered, S::EndNocow, S::ReadCursor, S::Write, S::RemoveOrdered]
            }
            Self::Moving => &[
                S::BeginReservation,
                S::AddOrdered,
                S::EndReservation,
                S::ReadCursor,
                S::Write,
                S::Join,
                S::QueueRef,
                S::DropRef,
                S::EndTransaction,
                S::RemoveOrdered,
            ],
            Self::Deleter => &[S::Join, S::DropRef, S::EndTransaction],
            Self::Cloner => &[S::Join, S::QueueRef, S::EndTransaction],
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
            Self::Scrub => {
                &[S::SetReadOnly, S::WaitReservations, S::WaitNocowWriters, S::WaitOrdered, S::SetReadWrite]
            }
            Self::Joiner => &[S::Enter, S::QueueFirst, S::QueueSecond, S::Leave],
            Self::Committer => &[
                S::LockCommits,
                S::CloseTransaction,
                S::WaitHandles,
                S::RunRefs,
                S::ChangeItem,
                S::OpenTransaction,
                S::SwitchRoot,
                S::UnlockCommits,
            ],
        }
    }

    /// Its program without `steps`.
    pub fn without(self, steps: &[Step]) -> Vec<Step> {
        self.program().iter().copied().filter(|step| !steps.contains(step)).collect()
    }

    /// Its program with `step` done just before `before`.
    pub fn moving(self, step: Step, before: Step) -> Vec<Step> {
        let others = self.without(&[step]).into_iter();
        others.flat_map(|other| if other == before { vec![step, other] } else { vec![other] }).collect()
    }

    /// Its program with `by` in the place of `step`.
    pub fn replacing(self, step: Step, by: Step) -> Vec<Step> {
        self.program().iter().map(|other| if *other == step { by } else { *other }).collect()
    }
}
