//! With the feature `tracing`: the events arrive, and a subscriber that panics in any of them leaves nothing
//! behind. `cargo test --features tracing --test tracing`.
#![cfg(all(feature = "tracing", not(any(loom, shuttle))))]
#![allow(clippy::disallowed_types, reason = "a test counts beside what is tested")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use blockgate::volume::Policy;
use blockgate::{ExtentTree, LogicalRange, MemoryDevice, TransactionId, Volume};
use support::panics;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Counts events, and panics in one of them.
struct PanicsAt {
    event: usize,
    seen: Arc<AtomicUsize>,
}

impl Subscriber for PanicsAt {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "blockgate"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        assert_ne!(number, self.event, "the subscriber fails");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

const GROUP: u64 = 1 << 20;
const DEVICE: usize = 2 << 20;

fn volume() -> Volume {
    let group = |start| LogicalRange::new(start, GROUP).expect("a range");
    let device = Arc::new(MemoryDevice::new(DEVICE));
    Volume::builder(4096).group(group(0)).group(group(GROUP)).build(device).expect("a volume")
}

/// Does `act` on a volume, with a panic in event number `event`. Returns how many events were seen, and
/// whether it unwound.
fn with_panic_at(event: usize, volume: &Volume, act: impl Fn(&Volume)) -> (usize, bool) {
    let seen = Arc::new(AtomicUsize::new(0));
    let subscriber = PanicsAt { event, seen: Arc::clone(&seen) };
    let unwound = tracing::subscriber::with_default(subscriber, || panics(|| act(volume)));
    (seen.load(Ordering::Relaxed), unwound)
}

/// With a panic in each event in turn: no token is left, what is reserved is what is queued, and the volume
/// works. Returns how many events there are.
fn leaves_nothing_behind(prepare: impl Fn(&Volume), act: impl Fn(&Volume)) -> usize {
    let mut events = 0;
    loop {
        let mut volume = volume();
        prepare(&volume);
        let (seen, unwound) = with_panic_at(events, &volume, &act);
        assert_eq!(unwound, seen > events, "event {events}");
        volume.check().unwrap_or_else(|defect| panic!("event {events}: {defect}"));
        let _ = volume.commit().unwrap_or_else(|error| panic!("event {events}: {error}"));
        let reserved: u64 = volume.groups().iter().map(|group| group.block_group().figures().reserved).sum();
        assert_eq!(reserved, 0, "event {events}: space that nobody owns");
        volume.write(&[1; 4096]).expect("it works");
        let target = Arc::new(MemoryDevice::new(DEVICE));
        let mut replace = volume.start_replace(target, Policy::default()).expect("nothing else replaces");
        replace.run().expect("nobody is left inside");
        drop(replace);
        volume.check().unwrap_or_else(|defect| panic!("event {events}: {defect}"));
        if !unwound {
            return events;
        }
        events += 1;
    }
}

#[test]
fn a_cow_write() {
    let events = leaves_nothing_behind(|_| (), |volume| _ = volume.write(&[7; 8192]));
    assert_eq!(events, 7);
}

#[test]
fn a_cow_write_that_is_given_up() {
    let events = leaves_nothing_behind(|_| (), |volume| drop(volume.begin_cow(4096)));
    assert!(events >= 5, "only {events} events");
}

#[test]
fn a_reservation_that_is_given_up() {
    let act = |volume: &Volume| drop(volume.groups()[0].block_group().reserve(4096));
    let events = leaves_nothing_behind(|_| (), act);
    assert_eq!(events, 3);
}

#[test]
fn an_overwrite_that_moves() {
    let extent = LogicalRange::new(0, 4096).expect("a range");
    let prepare = |volume: &Volume| {
        let write = volume.begin_cow(4096).expect("space");
        write.write_at(0, &[1; 4096]).expect("the device works");
        let written = write.finish().expect("commits have not failed");
        volume.add_reference(written).expect("it exists");
        let _ = volume.commit().expect("commits");
    };
    let act = move |volume: &Volume| {
        let root = volume.commit_root();
        let whole = LogicalRange::new(0, 2 * GROUP).expect("a range");
        let shared = root.extents_in(whole).next().unwrap_or(extent);
        let _ = volume.overwrite(shared, &[2; 4096]).expect("it is moved");
    };
    assert!(leaves_nothing_behind(prepare, act) >= 8);
}

#[test]
fn a_replace_that_is_begun_and_given_up() {
    let act = |volume: &Volume| {
        let target = Arc::new(MemoryDevice::new(DEVICE));
        drop(volume.start_replace(target, Policy::CloneAlways).expect("nothing else replaces"));
    };
    assert_eq!(leaves_nothing_behind(|_| (), act), 2);
}

/// Either the root was switched, and the commit is complete; or it has failed, and the last root stands.
#[test]
fn a_commit() {
    let mut switched = Vec::new();
    for event in 0.. {
        let mut volume = volume();
        volume.write(&[7; 4096]).expect("space");
        let (seen, unwound) = with_panic_at(event, &volume, |volume| _ = volume.commit());
        assert_eq!(unwound, seen > event, "event {event}");
        let is_switched = volume.commit_root().transaction().0 == 1;
        let again = volume.commit();
        assert_eq!(again.is_ok(), is_switched, "event {event}");
        assert_eq!(again.map_or(0, |root| root.len()), usize::from(is_switched), "event {event}");
        volume.check().unwrap_or_else(|defect| panic!("event {event}: {defect}"));
        switched.push(is_switched);
        if !unwound {
            break;
        }
    }
    // Closing, running the refs, changing the item, opening; switching; and no panic.
    assert_eq!(switched, [false, false, false, false, true, true]);
}

/// A caller that takes the panic for a failure is wrong: the root is there.
#[test]
fn twin_a_switch_by_hand_unwinds_when_it_is_done() {
    let tree = ExtentTree::new();
    let subscriber = PanicsAt { event: 0, seen: Arc::default() };
    let switch = || tree.switch_commit_root(tree.candidate(TransactionId(1)));
    assert!(tracing::subscriber::with_default(subscriber, || panics(switch)));
    assert_eq!(tree.commit_root().transaction(), TransactionId(1));
}

#[test]
fn twin_a_leaked_token_is_left_behind() {
    let mut volume = volume();
    std::mem::forget(volume.begin_cow(4096));
    assert!(volume.check().is_err());
}
