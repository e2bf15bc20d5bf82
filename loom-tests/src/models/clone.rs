//! Of `src/volume`: a clone is the extent as of the return of `add_reference`, whatever is overwritten meanwhile. Argued in `docs/protocol.md`.

use std::sync::Arc;

use blockgate::volume::{Overwrite, WriteError};
use blockgate::{
    BlockGroup, BlockGroupId, DelayedRef, Device, LogicalRange, OrderedExtents, Shards, Transactions, Volume,
};
use loom_harness::{Model, Twin};

use super::Plays;
use crate::engine::{Note, check, reached, violated};
use crate::stage::{COUNTS, Play, SECTOR, SectorDevice, check_volume, stage, unjudged};

const SECTORS: u64 = 4;

fn group() -> LogicalRange {
    LogicalRange::new(0, SECTORS * SECTOR).expect("a range")
}

const UNCHANGED: &str = "a clone never changes";
const THEOREM: &str = "A clone never changes after `add_reference` returned.";

pub fn models() -> Vec<Model> {
    let outcomes = ["in-place", "moved"];
    vec![
        Model::new("clone/add-reference+overwrite")
            .theorem(THEOREM)
            .must_reach(&outcomes)
            .plays(clone(false)),
        Model::new("clone/add-reference-and-commit+overwrite")
            .theorem("A clone that was committed never changes.")
            .must_reach(&outcomes)
            .plays(clone(true)),
        Model::new(COMMITS_INSIDE)
            .theorem(
                "A clone that waits holds no transaction handle: the write that it waits for may commit.",
            )
            .must_reach(&["in-place", "shared"])
            .plays(clone_beside_a_write_that_commits()),
        Model::new(AFTER_ONES_OWN)
            .theorem("A thread that has finished its in-place write can clone the extent.")
            .plays(clone_ones_own(Write::Finished)),
        Model::new(BY_HAND)
            .theorem("V5, V6: composed from public parts, a clone never changes.")
            .must_reach(&["in-place", "shared", "waited"])
            .plays(ByHand::WHOLE.play()),
    ]
}

const BY_HAND: &str = "clone/by-hand";
const COMMITS_INSIDE: &str = "clone/add-reference+commit-inside-a-write";
const AFTER_ONES_OWN: &str = "clone/after-ones-own-write";

pub fn twins() -> Vec<Twin> {
    let twin = |name, left_out, by_hand: ByHand| {
        Twin::new(name).of(BY_HAND).left_out(left_out).expect("race").plays(by_hand.play())
    };
    vec![
        twin(
            "clone/look-before-ordered",
            "the look at the references being after the ordered extent was added",
            ByHand { look: Look::BeforeOrdered, ..ByHand::WHOLE },
        ),
        twin(
            "clone/look-at-the-commit-root",
            "the look at queued references",
            ByHand { look: Look::AtTheCommitRoot, ..ByHand::WHOLE },
        ),
        twin(
            "clone/no-wait",
            "the wait for in-place writes",
            ByHand { waits: Waits::Never, ..ByHand::WHOLE },
        ),
        twin(
            "clone/wait-before-queueing",
            "the wait for in-place writes being after the reference was queued",
            ByHand { waits: Waits::BeforeQueueing, ..ByHand::WHOLE },
        ),
        Twin::new("clone/inside-ones-own-write")
            .of(AFTER_ONES_OWN)
            .left_out("finishing one's own in-place write before the clone")
            .expect("deadlock")
            .plays(clone_ones_own(Write::Open)),
        Twin::new("clone/wait-inside-a-handle")
            .of(COMMITS_INSIDE)
            .left_out("ending the handle before the wait")
            .expect("deadlock")
            .plays(wait_inside_a_handle()),
    ]
}

/// A volume, and an extent of it that is overwritten and cloned.
struct World {
    volume: Volume,
    source: Arc<SectorDevice>,
    extent: LogicalRange,
    cloned: Note<u64>,
}

impl World {
    fn new() -> Self {
        let source = Arc::new(SectorDevice::new(SECTORS));
        let volume = Volume::builder(SECTOR).shards(Shards::new(2)).group(group()).build(source.clone());
        let volume = volume.expect("fits");
        let extent = volume.write(&[1; SECTOR as usize]).expect("space");
        volume.commit().expect("commits");
        Self { volume, source, extent, cloned: Note::default() }
    }

    fn clone(&self, commits: bool) {
        self.volume.add_reference(self.extent).expect("it is live");
        if commits {
            self.volume.commit().expect("commits");
        }
        self.cloned.set(self.source.value(self.extent.start()));
    }

    fn commit(&self) {
        self.volume.commit().expect("commits");
    }

    fn overwrite(&self) {
        let outcome = match self.volume.overwrite(self.extent, &[2; SECTOR as usize]) {
            Ok(Overwrite::InPlace) => "in-place",
            Ok(Overwrite::Moved(_)) => "moved",
            Err(error) => violated("no write fails", error.to_string()),
        };
        reached(outcome);
    }

    fn end(mut self) {
        check_volume(&mut self.volume);
        drop(self.volume);
        let source = Arc::get_mut(&mut self.source).expect("the volume had the only other share");
        let (now, cloned) = (source.last(self.extent.start()), self.cloned.take());
        check(Some(now) == cloned, UNCHANGED, || format!("it was {cloned:?}, and is {now}"));
    }
}

fn clone(commits: bool) -> Play {
    stage(&[group()])
        .world(World::new)
        .main("cloner", move |world| world.clone(commits))
        .role("overwriter", World::overwrite)
        .end(World::end)
}

/// What a thread does with its own in-place write before it clones the extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Finished,
    Open,
}

fn clone_ones_own(own: Write) -> Play {
    let clone = move |world: &World| {
        let write = world.volume.begin_nocow(world.extent).expect("it is the only reference");
        let open = match own {
            Write::Finished => {
                write.finish();
                None
            }
            Write::Open => Some(write),
        };
        world.clone(false);
        drop(open);
    };
    let stage = if own == Write::Finished { stage(&[group()]) } else { unjudged() };
    stage.world(World::new).main("cloner", clone).role("committer", World::commit).end(World::end)
}

fn clone_beside_a_write_that_commits() -> Play {
    let overwrite_and_commit = |world: &World| match world.volume.begin_nocow(world.extent) {
        Ok(write) => {
            write.write_at(0, &[2; SECTOR as usize]).expect("the device works");
            world.commit();
            write.finish();
            reached("in-place");
        }
        Err(WriteError::Shared { .. }) => reached("shared"),
        Err(error) => violated("no write fails", error.to_string()),
    };
    stage(&[group()])
        .world(World::new)
        .main("cloner", |world| world.clone(false))
        .role("overwriter, then committer", overwrite_and_commit)
        .end(World::end)
}

/// The same by hand.
fn wait_inside_a_handle() -> Play {
    let overwrite_and_commit = |parts: &Parts| {
        let ordered = parts.ordered.add(parts.extent);
        let _ = parts.transactions.commit().expect("commits");
        ordered.finish();
    };
    unjudged()
        .world(Parts::new)
        .main("cloner", |parts| parts.clone(Waits::InsideTheHandle))
        .role("overwriter, then committer", overwrite_and_commit)
        .end(drop)
}

/// A cloner and an overwriter, with the types of L2 and L3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ByHand {
    look: Look,
    waits: Waits,
}

/// When the overwriter looks whether its extent is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    BeforeOrdered,
    AfterOrdered,
    /// Then too, but not at what is queued.
    AtTheCommitRoot,
}

/// When the cloner waits for in-place writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    BeforeQueueing,
    InsideTheHandle,
    AfterQueueing,
    Never,
}

impl ByHand {
    /// Nothing is left out.
    const WHOLE: Self = Self { look: Look::AfterOrdered, waits: Waits::AfterQueueing };

    fn play(self) -> Play {
        // What is cloned was written before.
        let stage = if self == Self::WHOLE { stage(&[group()]).waiving(&["O17"]) } else { unjudged() };
        stage
            .world(Parts::new)
            .main("cloner", move |parts| parts.clone(self.waits))
            .role("overwriter", move |parts| parts.overwrite(self.look))
            .end(Parts::end)
    }
}

/// What the two share.
struct Parts {
    group: BlockGroup,
    ordered: OrderedExtents,
    transactions: Transactions,
    source: SectorDevice,
    extent: LogicalRange,
    cloned: Note<u64>,
}

impl Parts {
    fn new() -> Self {
        let shards = Shards::new(2);
        let parts = Self {
            group: BlockGroup::with_shards(BlockGroupId(0), group(), SECTOR, shards).expect("aligned"),
            ordered: OrderedExtents::new(shards),
            transactions: Transactions::new(shards),
            source: SectorDevice::new(SECTORS),
            extent: LogicalRange::new(0, SECTOR).expect("a range"),
            cloned: Note::default(),
        };
        let reservation = parts.group.reserve(SECTOR).expect("there is space");
        let ordered = parts.ordered.add(parts.extent);
        check(reservation.hand_over() == parts.extent, "the first extent is the first sector", String::new);
        parts.transactions.join().expect("runs").push(DelayedRef::add(parts.extent));
        ordered.finish();
        let _ = parts.transactions.commit().expect("commits");
        parts
    }

    fn clone(&self, waits: Waits) {
        let wait_if = |when| {
            if waits == when && self.ordered.wait_range(self.extent).count > 0 {
                reached("waited");
            }
        };
        wait_if(Waits::BeforeQueueing);
        let mut handle = self.transactions.join().expect("runs");
        handle.change(&[DelayedRef::add(self.extent)]).expect("it is live");
        wait_if(Waits::InsideTheHandle);
        handle.end();
        wait_if(Waits::AfterQueueing);
        self.cloned.set(self.source.value(self.extent.start()));
    }

    fn overwrite(&self, look: Look) {
        let exclusive = || self.transactions.is_exclusive(self.extent).expect("it is live");
        let early = look == Look::BeforeOrdered && exclusive();
        let admission = self.group.begin_nocow().expect("nobody sets it read-only");
        let ordered = self.ordered.add(self.extent);
        drop(admission);
        let may_write = match look {
            Look::BeforeOrdered => early,
            Look::AfterOrdered => exclusive(),
            Look::AtTheCommitRoot => {
                let root = self.transactions.commit_root();
                root.get(self.extent.start()).is_some_and(|item| item.references == 1)
            }
        };
        if may_write {
            self.source.write_at(self.extent.start(), &[2; SECTOR as usize]).expect("the device works");
        }
        reached(if may_write { "in-place" } else { "shared" });
        ordered.finish();
    }

    fn end(mut self) {
        let (now, cloned) = (self.source.last(self.extent.start()), self.cloned.take());
        check(Some(now) == cloned, UNCHANGED, || format!("it was {cloned:?}, and is {now}"));
        let left = (self.ordered.leaked(), self.transactions.leaked());
        check(left == (0, 0), COUNTS, || format!("{left:?} are left"));
    }
}
