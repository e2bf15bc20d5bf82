#![cfg(not(any(loom, traceset)))]
//! `NewExtent`: wherever a write path returns or unwinds, its space and its ordered extent have one owner.

mod support;

use std::sync::Arc;

use blockgate::{BlockGroup, BlockGroupId, LogicalRange, NewExtent, OrderedExtents};
use support::{KIB, UNIT, panics, range};

fn group() -> (BlockGroup, OrderedExtents) {
    let group = BlockGroup::new(BlockGroupId(0), range(0, 64 * KIB), UNIT).expect("aligned");
    (group, OrderedExtents::default())
}

/// What is left of a write that ended: bytes reserved, and writes in flight.
fn left(group: &BlockGroup, in_flight: &OrderedExtents) -> (u64, usize) {
    (group.figures().reserved, in_flight.in_flight())
}

#[test]
fn an_early_return_gives_all_back() {
    let (group, in_flight) = group();
    let write = || -> Option<LogicalRange> {
        let new = NewExtent::begin(group.reserve(UNIT).ok()?, &in_flight);
        None::<()>?; // the device said no
        new.queue(|_| Ok::<_, ()>(())).ok()
    };
    assert_eq!(write(), None);
    assert_eq!(left(&group, &in_flight), (0, 0));
}

#[test]
fn twin_by_hand_an_early_return_leaks_space() {
    let (group, in_flight) = group();
    let write = || -> Option<LogicalRange> {
        let reservation = group.reserve(UNIT).ok()?;
        let ordered = in_flight.add(reservation.extent());
        let extent = reservation.hand_over();
        None::<()>?;
        ordered.finish();
        Some(extent)
    };
    assert_eq!(write(), None);
    assert_eq!(left(&group, &in_flight), (UNIT, 0), "the check above would have seen it");
}

#[test]
fn metadata_that_refuses_gives_all_back() {
    let (group, in_flight) = group();
    let new = NewExtent::begin(group.reserve(UNIT).expect("space"), &in_flight);
    assert_eq!(new.queue(|_| Err("full")), Err("full"));
    assert_eq!(left(&group, &in_flight), (0, 0));
}

#[test]
fn what_was_queued_is_the_metadatas() {
    let (group, in_flight) = group();
    let new = NewExtent::begin(group.reserve(UNIT).expect("space"), &in_flight);
    let while_queued = |_| {
        assert_eq!(left(&group, &in_flight), (UNIT, 1), "not finished before");
        Ok::<_, ()>(())
    };
    let extent = new.queue(while_queued).expect("queued");
    assert_eq!(left(&group, &in_flight), (extent.len(), 0));
}

#[test]
fn metadata_that_panics_keeps_the_space_and_ends_the_write() {
    let (group, in_flight) = group();
    let (group, in_flight) = (Arc::new(group), Arc::new(in_flight));
    panics(|| {
        let new = NewExtent::begin(group.reserve(UNIT).expect("space"), &in_flight);
        let _ = new.queue(|_| -> Result<(), ()> { panic!("it may be queued") });
    });
    assert_eq!(left(&group, &in_flight), (UNIT, 0), "no other extent is given what the metadata may list");
}

// ---- Several at once.

fn three<'a>(group: &'a BlockGroup, in_flight: &'a OrderedExtents) -> Vec<NewExtent<'a>> {
    (0..3).map(|_| NewExtent::begin(group.reserve(UNIT).expect("space"), in_flight)).collect()
}

#[test]
fn what_was_queued_together_is_the_metadatas_together() {
    let (group, in_flight) = group();
    let mut calls = 0;
    let extents = NewExtent::queue_all(three(&group, &in_flight), |extents| {
        calls += 1;
        assert_eq!((extents.len(), left(&group, &in_flight)), (3, (3 * UNIT, 3)), "not finished before");
        Ok::<_, ()>(())
    });
    assert_eq!((extents.expect("queued").len(), calls), (3, 1));
    assert_eq!(left(&group, &in_flight), (3 * UNIT, 0));
}

#[test]
fn metadata_that_refuses_several_gives_all_back() {
    let (group, in_flight) = group();
    assert_eq!(NewExtent::queue_all(three(&group, &in_flight), |_| Err("full")), Err("full"));
    assert_eq!(left(&group, &in_flight), (0, 0));
}

#[test]
fn metadata_that_panics_keeps_the_space_of_all_and_ends_their_writes() {
    let (group, in_flight) = group();
    let queue = |_: &[LogicalRange]| -> Result<(), ()> { panic!("they may be queued") };
    assert!(panics(|| _ = NewExtent::queue_all(three(&group, &in_flight), queue)));
    assert_eq!(left(&group, &in_flight), (3 * UNIT, 0));
}

#[test]
fn none_at_all_is_not_queued() {
    let queued = NewExtent::queue_all(Vec::new(), |_| Err("it was asked"));
    assert_eq!(queued, Ok(Vec::new()));
}

/// By hand, one after the other: what refuses the second has the first.
#[test]
fn twin_one_by_one_a_refusal_leaves_a_part() {
    let (group, in_flight) = group();
    let mut room = 1..=1;
    let queue = |_| room.next().map(drop).ok_or("full");
    let refused: Result<Vec<_>, _> = three(&group, &in_flight)
        .into_iter()
        .map({
            let mut queue = queue;
            move |new| new.queue(&mut queue)
        })
        .collect();
    assert_eq!(refused, Err("full"));
    assert_eq!(left(&group, &in_flight), (UNIT, 0), "the check above would have seen it");
}
