#![cfg(not(loom))]
//! Every public error says what happened, and shows its cause in `source()` or in its text, never in both.

mod support;

use std::error::Error;
use std::io;
use std::sync::Arc;

use blockgate::block_group::GroupDefect;
use blockgate::extent_tree::{Changes, RootError};
use blockgate::replace::Side;
use blockgate::sync::Mutex;
use blockgate::transaction::CommitSteps;
use blockgate::{
    AlignmentError, BlockGroupId, BuildError, CommitError, CommitRoot, CopyError, DelayedRef, EnterError,
    Figures, LogicalRange, ReadOnlyError, RefError, ReplaceError, ReserveError, Shards, SpaceError,
    TransactionId, Transactions, VolumeDefect, WriteError,
};
use support::range;

const GROUP: BlockGroupId = BlockGroupId(3);

/// What a device would say.
const CAUSE: &str = "the cable is loose";

fn cause() -> io::Error {
    io::Error::other(CAUSE)
}

type Boxed = Box<dyn Error + Send + Sync>;

/// Errors without a cause.
fn alone() -> Vec<Boxed> {
    let (extent, group) = (range(4096, 4096), range(0, 8192));
    let read_only = ReadOnlyError { group: GROUP };
    let alignment = AlignmentError { range: group, alignment: 5 };
    let space = SpaceError::Outside { extent, group };
    let (slice, figures) = (group, Figures::default());
    vec![
        Box::new(LogicalRange::new(0, 0).unwrap_err()),
        Box::new(LogicalRange::new(1, u64::MAX).unwrap_err()),
        Box::new(EnterError::Closed),
        Box::new(EnterError::Sealed),
        Box::new(EnterError::Full),
        Box::new(read_only),
        Box::new(alignment),
        Box::new(ReserveError::ReadOnly(read_only)),
        Box::new(ReserveError::NoSpace { group: GROUP, length: 2, largest: 1 }),
        Box::new(ReserveError::Length { length: 0, alignment: 4096 }),
        Box::new(space),
        Box::new(SpaceError::Unaligned { extent, alignment: 4096 }),
        Box::new(SpaceError::NotFree { extent }),
        Box::new(SpaceError::NotBooked { extent, kind: blockgate::block_group::SpaceKind::Used, have: 0 }),
        Box::new(SpaceError::Inconsistent { slice, figures, free: 1 }),
        Box::new(GroupDefect::Reservations(GROUP, 1)),
        Box::new(GroupDefect::NocowAdmissions(GROUP, 1)),
        Box::new(GroupDefect::ReadOnly(GROUP, 1)),
        Box::new(GroupDefect::Space(space)),
        Box::new(RefError::Unbalanced { extent, references: 0, change: -1 }),
        Box::new(RefError::Overlaps { extent, other: group }),
        Box::new(RefError::NoReference { extent }),
        Box::new(WriteError::NoReference { extent }),
        Box::new(WriteError::Unaligned { extent, alignment: 4096 }),
        Box::new(WriteError::Shared { extent }),
        Box::new(CopyError::Cancelled),
        Box::new(aborted_by_a_panic()),
        Box::new(BuildError::NoGroups),
        Box::new(BuildError::Overlap { one: extent, other: group }),
        Box::new(BuildError::Alignment(alignment)),
        Box::new(BuildError::DeviceTooSmall { length: 1, needed: 2 }),
        Box::new(BuildError::Root(RootError::References { extent, references: 0 })),
        Box::new(BuildError::ExtentOutside { extent }),
        Box::new(BuildError::ExtentAcross { extent, group }),
        Box::new(BuildError::ExtentUnaligned { extent, alignment: 4096 }),
        Box::new(RootError::Overlap { one: extent, other: group }),
        Box::new(RootError::References { extent, references: u64::MAX }),
        Box::new(RootError::Transaction { transaction: TransactionId(1 << 63) }),
        Box::new(WriteError::Length { length: 0, alignment: 4096 }),
        Box::new(WriteError::NoSpace { length: 2, largest: 1, read_only: 1 }),
        Box::new(WriteError::ReadOnly(read_only)),
        Box::new(WriteError::Outside { extent }),
        Box::new(WriteError::NotAnExtent { extent, found: group }),
        Box::new(WriteError::BeyondExtent { extent, offset: 1, length: 4096 }),
        Box::new(WriteError::Commit(aborted_by_a_panic())),
        Box::new(ReplaceError::Running),
        Box::new(ReplaceError::NotRetired),
        Box::new(ReplaceError::NotFinished),
        Box::new(ReplaceError::TargetTooSmall { length: 1, needed: 2 }),
        Box::new(ReplaceError::Copy(CopyError::Cancelled)),
        Box::new(ReplaceError::Incomplete { passed: 1, groups: 2 }),
        Box::new(VolumeDefect::Group(GroupDefect::Space(space))),
        Box::new(VolumeDefect::Handles(1)),
        Box::new(VolumeDefect::OrderedExtents(GROUP, 1)),
        Box::new(VolumeDefect::Used { group: GROUP, used: 1, listed: 2 }),
    ]
}

/// Errors whose cause is [`cause`].
fn of_a_device() -> Vec<Boxed> {
    let copy = |side| CopyError::Device { side, address: 4096, error: cause() };
    vec![
        Box::new(BuildError::Device(cause())),
        Box::new(WriteError::Device(cause())),
        Box::new(WriteError::Commit(aborted_by(cause()))),
        Box::new(ReplaceError::Target(cause())),
        Box::new(copy(Side::Source)),
        Box::new(copy(Side::Target)),
        Box::new(ReplaceError::Copy(copy(Side::Target))),
        Box::new(ReplaceError::Commit(aborted_by(cause()))),
        Box::new(aborted_by(cause())),
    ]
}

/// A step of a commit.
struct Instead<F>(F);

impl<F: Fn() -> io::Result<()>> CommitSteps for Instead<F> {
    fn before_switch(&self, _: &CommitRoot, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok((self.0)()?)
    }
}

fn aborted_by(error: io::Error) -> CommitError {
    let error = Mutex::new(Some(error));
    let step = Instead(|| error.lock().take().map_or(Ok(()), Err));
    Transactions::with_steps(Shards::new(1), step).commit().unwrap_err()
}

fn aborted_by_a_panic() -> CommitError {
    let transactions = Transactions::with_steps(Shards::new(1), Instead(|| panic!("in a step")));
    assert!(support::panics(|| drop(transactions.commit())));
    transactions.join().unwrap_err()
}

fn repeats_its_cause(error: &dyn Error) -> bool {
    error.source().is_some_and(|source| error.to_string().contains(&source.to_string()))
}

#[test]
fn an_error_without_a_cause_says_all_in_its_text() {
    for error in alone() {
        assert!(error.source().is_none(), "{error:?}");
        assert!(error.to_string().len() > 10, "{error:?}");
    }
}

#[test]
fn the_error_of_a_device_is_the_source_and_not_in_the_text() {
    for error in of_a_device() {
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(ToString::to_string).as_deref(), Some(CAUSE), "{error:?}");
        assert!(!repeats_its_cause(&*error) && error.to_string().len() > 10, "{error}");
    }
}

#[test]
fn a_reference_that_does_not_fit_is_the_source_of_the_failed_commit() {
    let transactions = Transactions::default();
    let mut handle = transactions.join().expect("runs");
    handle.push(DelayedRef::drop(range(0, 1)));
    handle.end();
    let error = transactions.commit().unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref::<RefError>());
    assert_eq!(source.copied(), error.ref_error());
    assert!(source.is_some() && !repeats_its_cause(&error));
}

/// An error as they were before: the check must be able to fail.
#[test]
fn twin_an_error_that_shows_its_cause_twice_is_found() {
    #[derive(Debug)]
    struct Twice(io::Error);

    impl std::fmt::Display for Twice {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "the device failed: {}", self.0)
        }
    }

    impl Error for Twice {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    assert!(repeats_its_cause(&Twice(cause())));
}

/// The list above is by hand; a device that fails shows that the values come out like that.
#[test]
fn a_device_that_fails_is_the_source_of_what_the_volume_returns() {
    let device = support::Hooked::new(8192, |call| match call {
        support::Call::Length => Ok(()),
        _ => Err(cause()),
    });
    let volume = blockgate::Volume::builder(4096).group(range(0, 8192)).build(Arc::clone(&device) as _);
    let volume = volume.expect("its length is known");
    let error = volume.write(&[1]).unwrap_err();
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(CAUSE));
    let error = volume.commit().unwrap_err();
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(CAUSE));
}
