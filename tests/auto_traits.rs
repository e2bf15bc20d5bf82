//! `Send` and `Sync` of every public type, asserted by the compiler: a field that takes one away does not build.
//!
//! It is about the build that ships: an engine that explores brings primitives of its own.
#![cfg(not(any(loom, shuttle)))]

use blockgate::block_group::{GroupDefect, SpaceKind};
use blockgate::delayed_ref::{DrainedRefs, FoldedRef};
use blockgate::extent_tree::{Changes, ExtentItem, RootError};
use blockgate::replace::{Committed, Copied, CopyFigures, Passed, Quiet, Settled, Side, SkipUnreadable};
use blockgate::sync::{CachePadded, CounterWord, Flag, Monitor, Mutex, Published, Publisher};
use blockgate::units::Bytes;
use blockgate::volume::{CommittedVolume, QuietVolume, SettledVolume, VolumeGroup, WhyInDoubt};
use blockgate::*;

fn is_send_and_sync<T: Send + Sync>() {}

/// For each type: the assertion, and its name for the test below.
macro_rules! assert_send_and_sync {
    ($($type:ty),* $(,)?) => {
        #[test]
        fn every_public_type_is_send_and_sync() {
            $(is_send_and_sync::<$type>();)*
        }

        const ASSERTED: &[&str] = &[$(stringify!($type)),*];
    };
}

assert_send_and_sync!(
    AlignmentError,
    BlockGroup,
    BlockGroupId,
    BuildError,
    Bytes,
    CachePadded<u8>,
    CancelToken,
    Changes,
    Closed<'static>,
    CommitError,
    CommitRoot,
    Committed<'static, Volume>,
    CommittedVolume<'static>,
    Copied<'static>,
    CopyError,
    CopyFigures,
    CounterWord,
    CowWrite<'static>,
    Cursor,
    CursorReader,
    DelayedRef,
    DelayedRefQueue,
    DeviceReplace<'static>,
    DrainedRefs,
    EnterError,
    Event,
    ExtentItem,
    ExtentTree,
    Figures,
    Flag,
    FoldedRef,
    Frozen<'static>,
    FrozenVolume<'static>,
    Gate,
    GroupDefect,
    Inside<'static>,
    LogicalRange,
    MemoryDevice,
    Monitor<u8>,
    Mutex<u8>,
    NewExtent<'static>,
    NocowAdmission<'static>,
    NocowWrite<'static>,
    OrderedExtent<&'static OrderedExtents>,
    OrderedExtent<std::sync::Arc<OrderedExtents>>,
    OrderedExtents,
    Overwrite,
    Passed<'static>,
    Policy,
    Published,
    Publisher,
    Quiet<'static>,
    QuietVolume<'static>,
    RangeError,
    ReadOnly<'static>,
    ReadOnlyError,
    RefAction,
    RefError,
    ReplaceError,
    RootError,
    Reservation<'static>,
    ReserveError,
    Settled<'static>,
    SettledVolume<'static>,
    SharedBlockGroup,
    Shards,
    Side,
    SpaceError,
    SpaceKind,
    SplitError,
    SkipUnreadable<'static>,
    Snapshot<'static>,
    Summary,
    blockgate::transaction::Snapshot<'static>,
    TransactionHandle<'static>,
    TransactionId,
    Transactions,
    Volume,
    VolumeBuilder,
    VolumeDefect,
    VolumeGroup,
    Waited,
    WhyInDoubt,
    WriteError,
);

/// A locked [`Monitor`] or [`Mutex`] stays on its thread: its lock must be released there.
const NOT_SEND: [&str; 2] = ["MonitorGuard", "MutexGuard"];

/// The public types that a file declares at its margin.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    let names = text.lines().filter_map(|line| {
        let line = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        line.split(|c: char| !c.is_alphanumeric()).next()
    });
    names.filter(|name| !name.is_empty())
}

fn missing(text: &str) -> Vec<&str> {
    let is_asserted = |name: &str| {
        ASSERTED.iter().any(|asserted| asserted.split(['<', ' ']).next() == Some(name))
            || NOT_SEND.contains(&name)
    };
    declared(text).filter(|name| !is_asserted(name)).collect()
}

/// Files that only an engine builds.
const OF_AN_ENGINE: [&str; 4] = ["mutation.rs", "under_loom.rs", "under_shuttle.rs", "unpadded.rs"];

fn all_sources(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("src is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            all_sources(&path, found);
        } else if !OF_AN_ENGINE.iter().any(|name| path.ends_with(name)) {
            found.push(std::fs::read_to_string(path).expect("readable"));
        }
    }
}

#[test]
fn the_list_has_every_public_type() {
    let mut sources = Vec::new();
    all_sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let missing: Vec<_> = sources.iter().flat_map(|text| missing(text)).collect();
    assert!(missing.is_empty(), "not asserted: {missing:?}");
    assert!(sources.iter().flat_map(|text| declared(text)).count() > 60);
}

#[test]
fn twin_a_type_that_is_not_asserted_is_found() {
    assert_eq!(missing("pub struct Gate {\npub enum Forgotten<T> {\n    pub struct Inner;\n"), ["Forgotten"]);
}
