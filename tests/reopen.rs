#![cfg(not(any(loom, traceset)))]
//! A volume is opened again from its last root: what it had, it has, and nobody is given its bytes.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use blockgate::extent_tree::{Changes, ExtentItem, RootError};
use blockgate::sync::Mutex;
use blockgate::{
    BlockGroup, BlockGroupId, BuildError, CommitRoot, LogicalRange, MemoryDevice, Overwrite, Policy,
    RangeError, Shards, SpaceError, TransactionId, Volume, WriteError,
};
use support::{Endless, KIB, UNIT, pattern, range, read};

const GROUP: u64 = 64 * KIB;
const GROUPS: u64 = 3;
const LENGTH: u64 = GROUPS * GROUP;

/// What survives a run: the bytes, and the last durable root.
struct Disk {
    bytes: Arc<MemoryDevice>,
    root: Arc<Mutex<Stored>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stored {
    number: u64,
    items: BTreeMap<u64, ExtentItem>,
}

impl Stored {
    /// As an embedder would that stores what changed.
    fn update(&mut self, root: &CommitRoot, changes: &Changes) {
        self.number = root.transaction().0;
        changes.removed.iter().for_each(|extent| _ = self.items.remove(&extent.start()));
        for extent in changes.inserted.iter().chain(&changes.recounted) {
            self.items.insert(extent.start(), root.get(extent.start()).expect("it is in the root"));
        }
        assert!(self.items.values().copied().eq(root.items()), "what changed adds up to the root");
    }
}

impl Disk {
    fn new() -> Self {
        Self { bytes: memory(), root: Arc::default() }
    }

    fn stored(&self) -> Stored {
        self.root.lock().clone()
    }

    fn open(&self) -> Volume {
        self.open_from(self.stored(), Shards::new(4))
    }

    fn open_from(&self, stored: Stored, shards: Shards) -> Volume {
        let root = Arc::clone(&self.root);
        let persist = move |next: &CommitRoot, changes: &Changes| {
            root.lock().update(next, changes);
            Ok(())
        };
        let builder = layout().shards(shards).persist(persist);
        let builder = builder.last_root(TransactionId(stored.number), stored.items.into_values());
        builder.build(self.bytes.clone()).expect("what was stored is a root")
    }
}

fn memory() -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::new(usize::try_from(LENGTH).expect("small")))
}

fn layout() -> blockgate::VolumeBuilder {
    let groups = (0..GROUPS).map(|index| range(index * GROUP, GROUP));
    groups.fold(Volume::builder(UNIT), blockgate::VolumeBuilder::group)
}

/// Opens a volume of [`layout`] with these extents, of one reference each.
fn with_extents(extents: impl IntoIterator<Item = LogicalRange>) -> Result<Volume, BuildError> {
    let items = extents.into_iter().map(|extent| ExtentItem { extent, references: 1 });
    layout().last_root(TransactionId(1), items).build(memory())
}

/// Writes units until there is no space. Returns where they went, in the order of addresses.
fn fill(volume: &Volume) -> Vec<LogicalRange> {
    let one = || match volume.write(&[0xAA]) {
        Err(WriteError::NoSpace { .. }) => None,
        outcome => Some(outcome.expect("the volume works")),
    };
    let mut all: Vec<_> = std::iter::from_fn(one).collect();
    all.sort_unstable();
    all
}

fn free_bytes(volume: &Volume) -> u64 {
    volume.groups().iter().map(|group| group.block_group().figures().free).sum()
}

#[test]
fn what_was_committed_is_there_and_the_rest_is_free() {
    let disk = Disk::new();
    let volume = disk.open();
    let [kept, deleted, cloned, lost] =
        [1, 2, 3, 4].map(|seed| volume.write(&pattern(seed, seed * UNIT)).expect("space"));
    volume.add_reference(cloned).expect("it exists");
    volume.commit().expect("commits");
    volume.delete(deleted).expect("it exists");
    let root = volume.commit().expect("commits");
    volume.delete(kept).expect("it exists"); // and is not committed
    let _in_no_root = volume.write(&pattern(5, UNIT)).expect("space");
    drop(volume);

    let mut volume = disk.open();
    assert!(volume.commit_root().items().eq(root.items()) && root.get(lost.start()).is_some());
    for (seed, extent) in [(1, kept), (3, cloned), (4, lost)] {
        assert_eq!(read(&**volume.source(), extent), pattern(seed, seed * UNIT), "{extent}");
    }
    assert_eq!(free_bytes(&volume), LENGTH - 8 * UNIT);
    volume.check().expect("each byte is counted once");
    // Referred to twice, and no more.
    assert!(matches!(volume.overwrite(cloned, &[9]).expect("space"), Overwrite::Moved(_)));
    assert_eq!(volume.overwrite(cloned, &[9]).expect("one is left"), Overwrite::InPlace);
    volume.delete(cloned).expect("one is left");
    assert!(volume.delete(cloned).is_err());
    volume.commit().expect("commits");
    volume.check().expect("each byte is counted once");
}

#[test]
fn free_space_is_what_it_was_and_no_live_extent_is_given_away() {
    let disk = Disk::new();
    let volume = disk.open();
    let extents: Vec<_> =
        (1..9).map(|seed| volume.write(&pattern(seed, seed % 3 * UNIT + 1)).expect("space")).collect();
    extents.iter().step_by(2).for_each(|extent| _ = volume.delete(*extent).expect("it exists"));
    volume.commit().expect("commits");
    let before = disk.stored();
    let filled = fill(&volume);
    drop(volume);
    for shards in [1, 2, 5, 64] {
        let mut volume = disk.open_from(before.clone(), Shards::new(shards));
        assert_eq!(fill(&volume), filled, "{shards} shards");
        assert!(filled.iter().all(|new| extents.iter().skip(1).step_by(2).all(|old| !old.overlaps(new))));
        volume.check().expect("each byte is counted once");
        volume.commit().expect("commits");
        volume.check().expect("each byte is counted once");
    }
}

/// A root that lacks an extent: why each one has to be given.
#[test]
fn twin_without_one_of_its_extents_its_bytes_are_given_away() {
    let disk = Disk::new();
    let volume = disk.open();
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    volume.commit().expect("commits");
    drop(volume);
    let mut stored = disk.stored();
    stored.items.remove(&extent.start());
    assert!(fill(&disk.open_from(stored, Shards::new(4))).contains(&extent));
    assert_ne!(read(&*disk.bytes, extent), pattern(1, UNIT));
}

/// A root with another number of references: why they are stored, too.
#[test]
fn twin_without_the_changes_of_references_a_clone_is_overwritten_in_place() {
    let disk = Disk::new();
    let volume = disk.open();
    let extent = volume.write(&pattern(1, UNIT)).expect("space");
    let inserted = volume.commit().expect("commits").get(extent.start()).expect("it is new");
    volume.add_reference(extent).expect("it exists");
    volume.commit().expect("commits");
    drop(volume);
    let stored = disk.stored();
    assert_eq!(stored.items[&extent.start()].references, 2);
    let volume = disk.open_from(stored.clone(), Shards::new(4));
    assert!(matches!(volume.overwrite(extent, &[2]), Ok(Overwrite::Moved(_))));
    drop(volume);

    let mut without = stored;
    without.items.insert(extent.start(), inserted);
    let volume = disk.open_from(without, Shards::new(4));
    assert_eq!(volume.overwrite(extent, &[2]).expect("it has one"), Overwrite::InPlace);
}

#[test]
fn random_runs_lose_nothing_between_them() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let disk = Disk::new();
        // By extent: the seed of its bytes, and the references, as of the last commit.
        let mut committed = BTreeMap::new();
        for _ in 0..6 {
            let shards = Shards::new(random.usize(1..=8));
            let mut volume = disk.open_from(disk.stored(), shards);
            volume.check().expect("each byte is counted once");
            let mut extents: BTreeMap<LogicalRange, (u64, u64)> = committed.clone();
            for (extent, (seed, references)) in &extents {
                assert_eq!(read(&*disk.bytes, *extent), pattern(*seed, extent.len()), "{extent}");
                let item = volume.commit_root().get(extent.start()).expect("it was committed");
                assert_eq!((item.extent, item.references), (*extent, *references));
            }
            for _ in 0..random.usize(0..60) {
                step(&volume, &mut random, &mut extents);
                if random.u8(0..8) == 0 {
                    volume.commit().expect("commits");
                    committed.clone_from(&extents);
                }
            }
            volume.check().expect("each byte is counted once");
        }
    }
}

/// Writes, deletes or clones something. (No overwrite: one in place changes what the root before has, too.)
fn step(volume: &Volume, random: &mut fastrand::Rng, extents: &mut BTreeMap<LogicalRange, (u64, u64)>) {
    let existing = random.choice(extents.keys().copied().collect::<Vec<_>>());
    match (random.u8(0..4), existing) {
        (0, Some(extent)) => {
            volume.add_reference(extent).expect("it exists");
            extents.get_mut(&extent).expect("it exists").1 += 1;
        }
        (1, Some(extent)) => {
            volume.delete(extent).expect("it exists");
            extents.get_mut(&extent).expect("it exists").1 -= 1;
            extents.retain(|_, (_, references)| *references > 0);
        }
        _ => {
            let (seed, length) = (random.u64(..), random.u64(1..=6) * UNIT);
            match volume.write(&pattern(seed, length)) {
                Ok(extent) => assert!(extents.insert(extent, (seed, 1)).is_none(), "{extent} is given twice"),
                Err(error) => assert!(matches!(error, WriteError::NoSpace { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn an_error_names_the_extent_and_says_what_to_do() {
    let good = [range(0, UNIT), range(GROUP + 2 * UNIT, UNIT), range(2 * GROUP, UNIT)];
    assert!(with_extents(good).is_ok());
    let error_of = |wrong: LogicalRange| {
        let error = with_extents(good.into_iter().chain([wrong])).map(drop).expect_err("it is wrong");
        let text = error.to_string();
        assert!(text.contains(&wrong.to_string()) && text.contains(": "), "{text}");
        error
    };
    for outside in [range(LENGTH, UNIT), range(1 << 40, 1 << 30), range(LENGTH + 1, u64::MAX - LENGTH - 1)] {
        assert!(matches!(error_of(outside), BuildError::ExtentOutside { extent } if extent == outside));
    }
    for across in [range(GROUP - UNIT, 2 * UNIT), range(LENGTH - UNIT, 2 * UNIT)] {
        let error = error_of(across);
        assert!(matches!(error, BuildError::ExtentAcross { extent, group } if extent == across
            && group.start() + GROUP - UNIT == across.start()));
    }
    for wrong in [range(UNIT + 1, UNIT), range(UNIT, UNIT - 1), range(GROUP - 512, 512)] {
        let error = error_of(wrong);
        assert!(matches!(error, BuildError::ExtentUnaligned { extent, alignment: UNIT } if extent == wrong));
    }
    for wrong in
        [range(0, UNIT), range(0, 2 * UNIT), range(GROUP + UNIT, 2 * UNIT), range(UNIT, GROUP + 2 * UNIT)]
    {
        let error = error_of(wrong);
        assert!(matches!(error, BuildError::Root(RootError::Overlap { one, other })
            if one.overlaps(&other) && [one, other].contains(&wrong)));
    }
}

/// Whatever comes before and behind it, and in whatever order.
#[test]
fn the_first_extent_that_is_wrong_is_found_among_many() {
    let units = (0..LENGTH / UNIT).map(|index| range(index * UNIT, UNIT));
    for gap in 0..GROUPS {
        // The layout lacks this group.
        let groups = (0..GROUPS).filter(|index| *index != gap).map(|index| range(index * GROUP, GROUP));
        let builder = groups.fold(Volume::builder(UNIT), blockgate::VolumeBuilder::group);
        let mut items: Vec<_> = units.clone().map(|extent| ExtentItem { extent, references: 1 }).collect();
        fastrand::Rng::with_seed(gap).shuffle(&mut items);
        let error = builder.last_root(TransactionId(1), items).build(memory()).map(drop);
        let first = range(gap * GROUP, UNIT);
        assert!(
            matches!(error, Err(BuildError::ExtentOutside { extent }) if extent == first),
            "{error:?}, not {first}"
        );
    }
}

/// Put together by hand, nobody compares the root with the group.
#[test]
fn twin_a_root_alone_does_not_know_that_an_extent_is_in_no_group() {
    let group = BlockGroup::new(BlockGroupId(0), range(0, 1 << 20), 4096).expect("aligned");
    let lost = ExtentItem { extent: range((1 << 20) + 1, 4096), references: 1 };
    let root = CommitRoot::from_items(TransactionId(1), [lost]).expect("no two overlap");
    assert_eq!((root.len(), root.extents_in(group.range()).count()), (1, 0), "no replace would copy it");
}

#[test]
fn references_and_numbers_that_cannot_be_are_refused() {
    let extent = range(UNIT, UNIT);
    let open = |number, references| {
        let builder = layout().last_root(TransactionId(number), [ExtentItem { extent, references }]);
        builder.build(memory())
    };
    for references in [0, 1 << 63, u64::MAX] {
        let error = open(1, references).map(drop).expect_err("that cannot be");
        let named = matches!(error, BuildError::Root(RootError::References { extent: named, references: of })
            if named == extent && of == references);
        assert!(named && error.to_string().contains("[4K, 8K)"), "{error}");
    }
    for number in [1 << 63, u64::MAX] {
        let error = open(number, 1).map(drop).expect_err("no number is left");
        assert!(matches!(error, BuildError::Root(RootError::Transaction { .. })), "{error}");
        assert!(error.to_string().contains(&number.to_string()), "{error}");
    }
    // The highest that can be: it goes on, and no sum overflows.
    let last = (1 << 63) - 1;
    let volume = open(last, last).expect("just so");
    volume.add_reference(extent).expect("it exists");
    let root = volume.commit().expect("commits");
    assert_eq!(root.transaction(), TransactionId(1 << 63));
    assert_eq!(root.get(UNIT).map(|item| item.references), Some(1 << 63));
}

/// An empty range, or one that wraps, is none: it is refused where it is made from what was stored.
#[test]
fn no_extent_is_empty_or_wraps() {
    assert_eq!(LogicalRange::new(UNIT, 0), Err(RangeError::Empty { start: UNIT }));
    assert!(LogicalRange::new(UNIT, 0).unwrap_err().to_string().contains("4096"));
    assert!(matches!(LogicalRange::new(u64::MAX, 2), Err(RangeError::Overflow { .. })));
}

#[test]
fn numbers_of_transactions_go_on_and_never_back() {
    let disk = Disk::new();
    let mut last = TransactionId(0);
    for _ in 0..3 {
        let volume = disk.open();
        assert_eq!(volume.commit_root().transaction(), last);
        for _ in 0..2 {
            let extent = volume.write(&[1]).expect("space");
            let queued = volume.delete(extent).expect("it exists");
            let root = volume.commit().expect("commits");
            assert_eq!((queued, root.transaction()), (TransactionId(last.0 + 1), TransactionId(last.0 + 1)));
            last = root.transaction();
        }
        let held = volume.snapshot().expect("commits");
        last = held.transaction();
    }
    assert_eq!(last, TransactionId(9));
}

#[test]
fn extents_at_the_end_of_all_addresses_are_kept() {
    let end = u64::MAX - UNIT + 1; // the last address of a whole unit
    let length = 1 << 62;
    let group = range(end - length, length);
    let extents = [range(end - length, length / 2), range(end - UNIT, UNIT)];
    let items = extents.map(|extent| ExtentItem { extent, references: 1 });
    let builder = Volume::builder(UNIT).group(group).last_root(TransactionId(1), items);
    let mut volume = builder.build(Arc::new(Endless)).expect("it fits");
    volume.check().expect("each byte is counted once");
    assert_eq!(free_bytes(&volume), length / 2 - UNIT);
    let largest =
        volume.begin_cow(length / 2 - UNIT).expect("that is what is free").finish().expect("queued");
    assert!(extents.iter().all(|extent| !extent.overlaps(&largest)));
    assert!(matches!(volume.write(&[1]), Err(WriteError::NoSpace { largest: 0, .. })));
}

#[test]
fn a_full_group_and_extents_of_many_slices_leave_what_is_free() {
    // A slice has two units. One extent over all slices; one a slice; over all borders, and nothing else.
    let two = |unit| range(GROUP + unit * UNIT, 2 * UNIT);
    let cases = [
        (vec![range(GROUP, GROUP)], 0),
        ((0..8).map(|slice| two(2 * slice)).collect(), 0),
        ((0..7).map(|border| two(2 * border + 1)).collect(), 2 * UNIT),
    ];
    for (extents, free) in cases {
        let items = extents.iter().map(|extent| ExtentItem { extent: *extent, references: 1 });
        let builder = layout().shards(Shards::new(8)).last_root(TransactionId(1), items);
        let mut volume = builder.build(memory()).expect("a good root");
        let figures = volume.groups()[1].block_group().figures();
        assert_eq!((figures.free, figures.used), (free, GROUP - free));
        assert!(fill(&volume).iter().all(|new| extents.iter().all(|old| !old.overlaps(new))));
        volume.check().expect("each byte is counted once");
    }
}

#[test]
fn a_replace_of_a_volume_that_was_opened_again_copies_every_extent() {
    let disk = Disk::new();
    let volume = disk.open();
    let extents: Vec<_> = (1..20).map(|seed| volume.write(&pattern(seed, UNIT)).expect("space")).collect();
    volume.commit().expect("commits");
    drop(volume);

    let mut volume = disk.open();
    let target = memory();
    let mut replace = volume.start_replace(target.clone(), Policy::CopyThenClone).expect("starts");
    let copied: u64 = replace.run().expect("replaces").iter().map(|summary| summary.copied.extents).sum();
    replace.finish().expect("finishes");
    drop(replace);
    drop(volume.retire_source().expect("it is replaced"));
    assert_eq!(copied, 19);
    for (seed, extent) in (1..).zip(extents) {
        assert_eq!(read(&*target, extent), pattern(seed, UNIT), "{extent}");
    }
}

/// Whether its root was made durable or not: both list durable bytes, and what came after the abort is in neither.
#[test]
fn after_a_commit_that_failed_both_roots_can_be_opened() {
    for is_durable in [false, true] {
        let disk = Disk::new();
        let root = Arc::clone(&disk.root);
        let persist = move |next: &CommitRoot, changes: &Changes| {
            let mut stored = root.lock();
            let fails = next.transaction().0 == 2;
            if is_durable || !fails {
                stored.update(next, changes);
            }
            if fails { Err("the last word got lost".into()) } else { Ok(()) }
        };
        let volume = layout().persist(persist).build(disk.bytes.clone()).expect("empty");
        let [old, new] = [1, 2].map(|seed| {
            let extent = volume.write(&pattern(seed, UNIT)).expect("space");
            assert_eq!(volume.commit().is_err(), seed == 2);
            extent
        });
        // Each is written, and its space given back, and the next one is given the same.
        (0..100).for_each(|_| assert!(volume.write(&[0xAA; 4096]).is_err(), "a commit has failed"));
        drop(volume);
        let mut volume = disk.open();
        assert_eq!(volume.commit_root().len(), 1 + usize::from(is_durable));
        assert_eq!(read(&*disk.bytes, old), pattern(1, UNIT));
        if is_durable {
            assert_eq!(read(&*disk.bytes, new), pattern(2, UNIT));
        }
        volume.check().expect("each byte is counted once");
        volume.commit().expect("it goes on");
    }
}

#[test]
fn a_group_takes_existing_extents_all_or_none() {
    let new = || {
        let id = BlockGroupId(0);
        BlockGroup::with_shards(id, range(GROUP, GROUP), UNIT, Shards::new(4)).expect("aligned")
    };
    let good = [range(GROUP + 3 * UNIT, 9 * UNIT), range(GROUP, UNIT)];
    let wrong = [
        (range(0, UNIT), "is not in the block group"),
        (range(2 * GROUP - UNIT, 2 * UNIT), "is not in the block group"),
        (range(GROUP + UNIT, 1), "is not a whole number"),
        (range(GROUP + 2 * UNIT, 2 * UNIT), "overlaps another"),
        (range(GROUP + 11 * UNIT, 2 * UNIT), "overlaps another"),
        (range(GROUP, GROUP), "overlaps another"),
        (good[0], "overlaps another"),
    ];
    for (wrong, text) in wrong {
        let mut group = new();
        let error = group.book_existing(good.into_iter().chain([wrong])).expect_err("it is wrong");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(group.figures().free, GROUP, "nothing is booked");
        group.book_existing(good).expect("they fit");
        assert_eq!(group.check().expect("adds up").used, 10 * UNIT);
    }
}

/// Also where it has given some away before.
#[test]
fn a_group_gives_nobody_what_is_in_use_already() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let shards = Shards::new(random.usize(1..=8));
        let group = BlockGroup::with_shards(BlockGroupId(0), range(0, GROUP), UNIT, shards);
        let mut group = group.expect("aligned");
        let mut taken: Vec<LogicalRange> = Vec::new();
        for _ in 0..3 {
            taken.push(group.reserve(UNIT).expect("space").hand_over());
            let extent = range(random.u64(0..12) * UNIT, random.u64(1..=4) * UNIT);
            if taken.iter().any(|other| other.overlaps(&extent)) {
                assert_eq!(group.book_existing([extent]), Err(SpaceError::NotFree { extent }));
            } else {
                group.book_existing([extent]).expect("it is free");
                taken.push(extent);
            }
            let figures = group.check().expect("adds up");
            assert_eq!(GROUP - figures.free, taken.iter().map(LogicalRange::len).sum());
        }
        while let Ok(reservation) = group.reserve(UNIT) {
            let extent = reservation.hand_over();
            assert!(taken.iter().all(|other| !other.overlaps(&extent)), "{extent} is given twice");
            taken.push(extent);
        }
        assert_eq!(taken.iter().map(LogicalRange::len).sum::<u64>(), GROUP);
    }
}
