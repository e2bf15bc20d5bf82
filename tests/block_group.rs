#![cfg(not(any(loom, traceset)))]
//! `BlockGroup` on std threads: the allocator against a naive one, B1 to B4 under contention, misuse.

mod support;

use std::sync::mpsc;

use blockgate::block_group::{GroupDefect, SpaceError};
use blockgate::{BlockGroup, BlockGroupId, Figures, LogicalRange, ReserveError, Shards};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::{Counter, KIB, UNIT, panics, range, within_a_minute};

fn group_of(units: u64, shards: usize) -> BlockGroup {
    let range = range(64 * KIB, units * UNIT);
    BlockGroup::with_shards(BlockGroupId(7), range, UNIT, Shards::new(shards)).expect("aligned")
}

fn take(group: &BlockGroup, units: u64) -> LogicalRange {
    group.reserve(units * UNIT).expect("space").hand_over()
}

// ---- The allocator, against a naive one.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Free,
    Reserved,
    Used,
    Pinned,
}

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        units: u64,
        kept: bool,
    },
    /// Of the `n`-th extent that is held, modulo their number.
    Next {
        nth: usize,
        ends: bool,
    },
    SetReadOnly,
    SetReadWrite,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1..9_u64, any::<bool>()).prop_map(|(units, kept)| Step::Reserve { units, kept }),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(nth, ends)| Step::Next { nth, ends }),
        1 => Just(Step::SetReadOnly),
        1 => Just(Step::SetReadWrite),
    ];
    proptest::collection::vec(step, 1..120)
}

/// What the group should be: one cell a unit, and the extents that some thread holds.
struct Naive {
    start: u64,
    units: Vec<Use>,
    held: Vec<(LogicalRange, Use)>,
}

impl Naive {
    fn new(group: &BlockGroup) -> Self {
        let units = usize::try_from(group.range().len() / UNIT).expect("small");
        Self { start: group.range().start(), units: vec![Use::Free; units], held: Vec::new() }
    }

    fn cells(&mut self, extent: LogicalRange) -> &mut [Use] {
        let at = |address: u64| usize::try_from((address - self.start) / UNIT).expect("small");
        let cells = at(extent.start())..at(extent.end());
        &mut self.units[cells]
    }

    fn change(&mut self, extent: LogicalRange, from: Use, to: Use) {
        for cell in self.cells(extent) {
            assert_eq!(*cell, from, "{extent} is used twice");
            *cell = to;
        }
    }

    fn longest(&self) -> u64 {
        let runs = self.units.split(|cell| *cell != Use::Free);
        runs.map(|run| run.len() as u64 * UNIT).max().unwrap_or(0)
    }

    fn figures(&self, read_only: bool) -> Figures {
        let count = |what| self.units.iter().filter(|cell| **cell == what).count() as u64 * UNIT;
        let free = count(Use::Free);
        Figures {
            free: if read_only { 0 } else { free },
            read_only: if read_only { free } else { 0 },
            reserved: count(Use::Reserved),
            used: count(Use::Used),
            pinned: count(Use::Pinned),
        }
    }
}

/// How often each interesting outcome was reached.
#[derive(Default)]
struct Reached {
    no_space: Counter,
    refused: Counter,
    spanning: Counter,
}

fn reserve(group: &BlockGroup, naive: &mut Naive, units: u64, kept: bool, reached: &Reached) {
    match group.reserve(units * UNIT) {
        Ok(reservation) => {
            let extent = reservation.extent();
            assert_eq!(extent.len(), units * UNIT);
            assert!(extent.is_aligned(UNIT) && group.range().contains(&extent));
            naive.change(extent, Use::Free, Use::Reserved);
            assert_eq!(group.figures(), naive.figures(false), "B1: counted while the reservation lives");
            if kept {
                naive.held.push((reservation.hand_over(), Use::Reserved));
            } else {
                drop(reservation);
                naive.change(extent, Use::Reserved, Use::Free);
            }
            let slice = group.range().len() / 4;
            reached.spanning.add(u64::from(units * UNIT > slice));
        }
        Err(ReserveError::NoSpace { length, largest, .. }) => {
            assert_eq!(largest, naive.longest(), "the longest free range");
            assert!(largest < length);
            reached.no_space.next();
        }
        Err(ReserveError::ReadOnly(error)) => {
            assert!(group.read_only_levels() > 0, "{error}");
            reached.refused.next();
        }
        Err(other) => panic!("{other}"),
    }
}

/// Takes an extent one step further in its life.
fn go_on(group: &BlockGroup, naive: &mut Naive, nth: usize, ends: bool) {
    if naive.held.is_empty() {
        return;
    }
    let (extent, from) = naive.held.swap_remove(nth % naive.held.len());
    let (booked, to) = match (from, ends) {
        (Use::Reserved, false) => (group.book_inserted(extent), Use::Used),
        (Use::Reserved, true) if nth.is_multiple_of(3) => (group.book_cancelled(extent), Use::Pinned),
        (Use::Reserved, true) => (group.release(extent), Use::Free),
        (Use::Used, _) => (group.book_removed(extent), Use::Pinned),
        (Use::Pinned | Use::Free, _) => (group.unpin(extent), Use::Free),
    };
    booked.expect("it is what the naive one says");
    naive.change(extent, from, to);
    if to != Use::Free {
        naive.held.push((extent, to));
    }
}

fn run(mut group: BlockGroup, steps: &[Step], reached: &Reached) {
    let mut naive = Naive::new(&group);
    let mut levels = Vec::new();
    for step in steps {
        match step {
            Step::Reserve { units, kept } => reserve(&group, &mut naive, *units, *kept, reached),
            Step::Next { nth, ends } => go_on(&group, &mut naive, *nth, *ends),
            Step::SetReadOnly => levels.push(group.set_read_only()),
            Step::SetReadWrite => drop(levels.pop()),
        }
        assert_eq!(group.read_only_levels(), levels.len());
        assert_eq!(group.figures(), naive.figures(!levels.is_empty()), "B3");
    }
    drop(levels);
    assert_eq!(group.check(), Ok(naive.figures(false)));
}

#[test]
fn any_sequence_does_what_a_naive_allocator_does() {
    let reached = Reached::default();
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, deterministic());
    runner
        .run(&(1..24_u64, 1..6_usize, steps()), |(units, shards, steps)| {
            run(group_of(units, shards), &steps, &reached);
            Ok(())
        })
        .expect("holds for every sequence");
    for (counter, what) in
        [(reached.no_space, "no space"), (reached.refused, "refused"), (reached.spanning, "long")]
    {
        assert!(counter.get() > 0, "{what} was never reached");
    }
}

fn deterministic() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

#[test]
fn twin_the_naive_allocator_sees_space_used_twice() {
    let group = group_of(4, 1);
    let mut naive = Naive::new(&group);
    let extent = take(&group, 2);
    naive.change(extent, Use::Free, Use::Reserved);
    assert!(panics(|| naive.change(extent, Use::Free, Use::Reserved)));
    assert_ne!(group.figures(), Naive::new(&group).figures(false));
}

#[test]
fn the_whole_group_is_one_allocation_and_free_again() {
    for shards in [1, 2, 3, 64] {
        let group = group_of(13, shards);
        for _ in 0..3 {
            let all = take(&group, 13);
            assert_eq!(all, group.range());
            assert!(matches!(group.reserve(UNIT), Err(ReserveError::NoSpace { largest: 0, .. })));
            group.release(all).expect("reserved");
        }
    }
}

#[test]
fn no_space_tells_the_longest_free_range() {
    let group = group_of(16, 4);
    let extents: Vec<_> = (0..16).map(|_| take(&group, 1)).collect();
    // Units 3, 4 and 5 adjoin across the border of two slices; 9 is alone.
    for extent in &extents {
        if [3, 4, 5, 9].contains(&((extent.start() - group.range().start()) / UNIT)) {
            group.release(*extent).expect("reserved");
        }
    }
    let error = group.reserve(4 * UNIT).unwrap_err();
    assert!(matches!(error, ReserveError::NoSpace { largest: 12_288, length: 16_384, .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "no space in block group 7: 16K bytes asked for, the longest free range has 12K"
    );
    assert_eq!(take(&group, 3).start(), group.range().start() + 3 * UNIT);
}

#[test]
fn odd_lengths_are_refused_and_take_nothing() {
    let mut group = group_of(8, 2);
    for length in [0, 1, UNIT - 1, UNIT + 1, u64::MAX] {
        let error = group.reserve(length).unwrap_err();
        assert!(matches!(error, ReserveError::Length { .. }), "{error}");
        assert!(error.to_string().contains("a positive multiple of 4096"), "{error}");
    }
    for length in [9 * UNIT, u64::MAX - (UNIT - 1), 1 << 63] {
        assert!(
            matches!(group.reserve(length), Err(ReserveError::NoSpace { largest, .. }) if largest == 8 * UNIT)
        );
    }
    assert_eq!(group.check().expect("consistent").free, 8 * UNIT);
}

#[test]
fn a_group_that_is_not_aligned_is_refused() {
    let make = |start, length, alignment| BlockGroup::new(BlockGroupId(0), range(start, length), alignment);
    for (start, length, alignment) in [(0, 8192, 0), (1, 8192, 4096), (0, 8193, 4096), (0, 1, 4096)] {
        let error = make(start, length, alignment).unwrap_err();
        assert!(error.to_string().contains("align"), "{error}");
    }
    assert!(make(u64::MAX - 4096, 4096, 1).is_ok());
    assert!(make(0, u64::MAX, 1).is_ok(), "all addresses");
    assert!(make(0, 4096, 4096).is_ok(), "one unit, fewer than shards");
}

#[test]
fn the_largest_group_hands_out_its_ends() {
    let group =
        BlockGroup::with_shards(BlockGroupId(0), range(0, u64::MAX), 1, Shards::new(64)).expect("aligned");
    let all = group.reserve(u64::MAX).expect("free").hand_over();
    assert_eq!(group.figures().reserved, u64::MAX);
    group.release(all).expect("reserved");
    assert_eq!(group.figures().total(), u64::MAX);
}

#[test]
fn space_is_given_back_once_and_by_its_group() {
    let mut group = group_of(8, 2);
    let extent = take(&group, 3);
    group.release(extent).expect("reserved");
    for misuse in [
        group.release(extent),
        group.unpin(extent),
        group.book_inserted(extent),
        group.book_removed(extent),
        group.book_cancelled(extent),
    ] {
        let error = misuse.unwrap_err();
        assert!(matches!(error, SpaceError::NotBooked { have: 0, .. }), "{error}");
        assert!(error.to_string().contains("given back once, by its owner"), "{error}");
    }
    for outside in [range(0, UNIT), range(group.range().end() - UNIT, 2 * UNIT), range(u64::MAX - 1, 1)] {
        let error = group.release(outside).unwrap_err();
        assert!(matches!(error, SpaceError::Outside { .. }), "{error}");
        assert!(error.to_string().contains("give it to the group that contains it"), "{error}");
    }
    assert_eq!(group.check().expect("nothing was changed").free, 8 * UNIT);
}

// ---- Under contention.

/// What a thread of the churn below holds.
type Held<'a> = Vec<(LogicalRange, Use, &'a BlockGroup)>;

fn churn(group: &BlockGroup, seed: u64, rounds: usize, reached: &Reached) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut held: Held<'_> = Vec::new();
    for _ in 0..rounds {
        if random.bool() {
            match group.reserve(random.u64(1..6) * UNIT) {
                Ok(reservation) if random.bool() => {
                    held.push((reservation.hand_over(), Use::Reserved, group));
                }
                Ok(_dropped) => {}
                Err(ReserveError::ReadOnly(_)) => drop(reached.refused.next()),
                Err(_) => drop(reached.no_space.next()),
            }
        } else if !held.is_empty() {
            let (extent, from, group) = held.swap_remove(random.usize(..held.len()));
            let (booked, to) = match from {
                Use::Reserved if random.bool() => (group.release(extent), Use::Free),
                Use::Reserved => (group.book_inserted(extent), Use::Used),
                Use::Used => (group.book_removed(extent), Use::Pinned),
                Use::Pinned | Use::Free => (group.unpin(extent), Use::Free),
            };
            booked.expect("its owner books it");
            if to != Use::Free {
                held.push((extent, to, group));
            }
        }
    }
    for (extent, from, group) in held {
        match from {
            Use::Reserved => group.release(extent),
            Use::Used => group.book_removed(extent).and_then(|()| group.unpin(extent)),
            Use::Pinned | Use::Free => group.unpin(extent),
        }
        .expect("its owner books it");
    }
}

#[test]
fn figures_add_up_at_every_moment() {
    let mut group = group_of(61, 4);
    let total = group.range().len();
    let (reached, done, looked) = (Reached::default(), Counter::default(), Counter::default());
    std::thread::scope(|scope| {
        let (group, reached, done, looked) = (&group, &reached, &done, &looked);
        for seed in 0..3 {
            scope.spawn(move || {
                let _end = done.next_at_end();
                let mut rounds = 0;
                while rounds < 10 || looked.get() < 200 || reached.refused.get() == 0 {
                    churn(group, seed + 3 * rounds, 10_000, reached);
                    rounds += 1;
                }
            });
        }
        scope.spawn(move || {
            while done.get() < 3 {
                assert_eq!(group.figures().total(), total, "B3");
                looked.next();
            }
        });
        scope.spawn(|| {
            while done.get() < 3 {
                let _read_only = group.set_read_only();
                std::thread::yield_now();
            }
        });
    });
    assert_eq!(group.check(), Ok(Figures { free: total, ..Figures::default() }));
}

/// Looks at a read-only group twice, and returns whether anything was admitted in between.
fn admits(group: &BlockGroup, waits: bool, drained: &Counter) -> bool {
    let read_only = group.set_read_only();
    if waits {
        drained.add(u64::from(read_only.wait_reservations()));
        drained.add(u64::from(read_only.wait_nocow_writers()));
    }
    let before = group.figures();
    for _ in 0..3 {
        std::thread::yield_now();
    }
    group.figures() != before
}

#[test]
fn nothing_is_admitted_while_the_group_is_read_only() {
    let changed = within_a_minute("a drain among writers", || {
        let group = group_of(64, 4);
        let (done, admitted) = (Counter::default(), Counter::default());
        let (changed, drained) = (Counter::default(), Counter::default());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while done.get() == 0 {
                        let (reservation, writer) = (group.reserve(UNIT), group.begin_nocow());
                        admitted.add(u64::from(reservation.is_ok() && writer.is_ok()));
                        // Given back before the reservation ends: figures move only while one lives.
                        std::thread::yield_now();
                    }
                });
            }
            let _end = done.next_at_end();
            let mut rounds = 0;
            while rounds < 300 || drained.get() < 20 {
                let before = admitted.get();
                while admitted.get() == before {
                    std::thread::yield_now();
                }
                changed.add(u64::from(admits(&group, true, &drained)));
                rounds += 1;
            }
        });
        changed.get()
    });
    assert_eq!(changed, 0, "B2");
}

#[test]
fn twin_without_the_wait_an_admitted_writer_changes_the_group() {
    let group = group_of(8, 2);
    let reservation = group.reserve(UNIT).expect("space");
    let (go, may_go) = mpsc::channel();
    std::thread::scope(|scope| {
        let (gone, is_gone) = mpsc::channel();
        scope.spawn(move || {
            may_go.recv().expect("sent below");
            drop(reservation);
            gone.send(()).expect("received below");
        });
        let _read_only = group.set_read_only();
        let before = group.figures();
        go.send(()).expect("the writer lives");
        is_gone.recv().expect("the writer lives");
        assert_ne!(group.figures(), before, "the check above would have seen it");
    });
}

#[test]
fn read_only_nests_and_hides_free_space() {
    let group = group_of(8, 2);
    let extent = take(&group, 3);
    let (outer, inner) = (group.set_read_only(), group.set_read_only());
    assert_eq!(group.figures(), Figures { reserved: 3 * UNIT, read_only: 5 * UNIT, ..Figures::default() });
    assert!(!outer.wait_reservations() && !inner.wait_nocow_writers());
    drop(outer);
    assert_eq!(group.read_only_levels(), 1);
    let refusals =
        [group.reserve(UNIT).unwrap_err().to_string(), group.begin_nocow().unwrap_err().to_string()];
    assert!(refusals.iter().all(|text| text.contains("write to another group, or later")), "{refusals:?}");
    group.release(extent).expect("giving back is no write");
    assert_eq!(inner.group().id(), BlockGroupId(7));
    drop(inner);
    assert_eq!(group.figures().free, 8 * UNIT);
    assert!(group.begin_nocow().is_ok() && group.reserve(8 * UNIT).is_ok());
}

/// The inner of two levels waits, as the outer does, for what was admitted before both.
#[test]
fn each_level_waits_for_all_that_were_admitted() {
    let (group, is_over) = (group_of(8, 2), Counter::default());
    std::thread::scope(|scope| {
        let (reservation, writer) = (group.reserve(UNIT).expect("space"), group.begin_nocow());
        let (outer, inner) = (group.set_read_only(), group.set_read_only());
        assert_eq!((outer.level(), inner.level()), (1, 2));
        let is_over = &is_over;
        scope.spawn(move || {
            (0..1000).for_each(|_| std::thread::yield_now());
            is_over.next();
            drop(reservation);
            is_over.next();
            drop(writer);
        });
        assert!(inner.wait_reservations() && is_over.get() >= 1);
        assert!(inner.wait_nocow_writers() && is_over.get() == 2);
        assert!(outer.wait_reservations() && outer.wait_nocow_writers(), "they were inside at the closing");
    });
}

#[test]
fn pinned_space_is_not_reused_before_it_is_unpinned() {
    let group = group_of(4, 2);
    let extent = take(&group, 4);
    group.book_inserted(extent).expect("reserved");
    group.book_removed(extent).expect("used");
    assert!(matches!(group.reserve(UNIT), Err(ReserveError::NoSpace { largest: 0, .. })), "B4");
    group.unpin(extent).expect("pinned");
    assert!(group.reserve(4 * UNIT).is_ok());
}

#[test]
fn guards_end_on_other_threads_and_by_unwinding() {
    let mut group = group_of(8, 2);
    std::thread::scope(|scope| {
        let (reservation, writer) = (group.reserve(UNIT).expect("space"), group.begin_nocow());
        let read_only = group.set_read_only();
        scope.spawn(move || drop((reservation, writer)));
        read_only.wait_reservations();
        read_only.wait_nocow_writers();
        scope.spawn(move || drop(read_only));
    });
    assert!(panics(|| {
        let _guards = (group.reserve(UNIT), group.begin_nocow(), group.set_read_only());
        panic!("the writer fails");
    }));
    assert_eq!(group.check().expect("nothing is left").free, 8 * UNIT);
}

type Leak = fn(&BlockGroup);

#[test]
fn leaked_guards_are_found() {
    let leaks: [(Leak, GroupDefect); 3] = [
        (|group| std::mem::forget(group.reserve(UNIT)), GroupDefect::Reservations(BlockGroupId(7), 1)),
        (|group| std::mem::forget(group.begin_nocow()), GroupDefect::NocowAdmissions(BlockGroupId(7), 1)),
        (|group| std::mem::forget(group.set_read_only()), GroupDefect::ReadOnly(BlockGroupId(7), 1)),
    ];
    for (leak, defect) in leaks {
        let mut group = group_of(8, 2);
        leak(&group);
        assert_eq!(group.check(), Err(defect));
        assert!(defect.to_string().contains("leaked"), "{defect}");
    }
}
