//! What an execution consists of: events on objects, and which of them depend on each other.

use crate::clock::Clock;
use std::fmt;
use std::panic::Location;

/// A place in the source.
pub type Place = &'static Location<'static>;

/// Whether an event reads its object, or changes it.
///
/// To lock, to park, to unpark and to spawn change their object. What an exchange did counts, not what it
/// was called for: one that failed is a read, and so is one that neither changed the value nor released.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What kind of an object it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Sort {
    Word,
    Mutex,
    Cell,
    /// A thread's token of `park` and `unpark`.
    Token,
    /// That a thread has ended.
    End,
    /// The threads' numbers, which `spawn` gives out.
    Spawns,
}

const SORTS: [Sort; 6] = [Sort::Word, Sort::Mutex, Sort::Cell, Sort::Token, Sort::End, Sort::Spawns];

/// An object, numbered so that the number does not depend on the order of independent events, and does not
/// depend on an address: by the thread that made it, and how many such it had made before.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Object(u32);

const CREATOR_AT: u32 = 24;
const SORT_AT: u32 = 28;

impl Object {
    pub(crate) const SPAWNS: Self = Self((Sort::Spawns as u32) << SORT_AT);

    pub(crate) fn new(sort: Sort, creator: usize, index: usize) -> Self {
        let (creator, index) = (u32::try_from(creator), u32::try_from(index));
        match (creator, index) {
            (Ok(creator), Ok(index)) if creator < 1 << (SORT_AT - CREATOR_AT) && index < 1 << CREATOR_AT => {
                Self((sort as u32) << SORT_AT | creator << CREATOR_AT | index)
            }
            _ => panic!("traceset: an execution with more than {} objects of a thread", 1 << CREATOR_AT),
        }
    }

    pub(crate) fn sort(self) -> Sort {
        SORTS[(self.0 >> SORT_AT) as usize]
    }

    pub(crate) fn creator(self) -> usize {
        (self.0 >> CREATOR_AT & 0xf) as usize
    }

    pub(crate) fn index(self) -> usize {
        (self.0 & ((1 << CREATOR_AT) - 1)) as usize
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

/// `word 0.3`: the fourth word that thread 0 made.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (creator, index) = (self.creator(), self.index());
        match self.sort() {
            Sort::Word => write!(f, "word {creator}.{index}"),
            Sort::Mutex => write!(f, "mutex {creator}.{index}"),
            Sort::Cell => write!(f, "cell {creator}.{index}"),
            Sort::Token => write!(f, "token of thread {creator}"),
            Sort::End => write!(f, "end of thread {creator}"),
            Sort::Spawns => write!(f, "the threads"),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a thread did to an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Event {
    pub(crate) thread: u8,
    pub(crate) access: Access,
    pub(crate) object: Object,
}

impl Event {
    pub(crate) fn thread(self) -> usize {
        usize::from(self.thread)
    }

    /// Whether the order of the two may matter. Everything that the reduction leaves out rests on this.
    pub(crate) fn depends_on(self, other: Self) -> bool {
        self.thread == other.thread || self.conflicts_with(other.object, other.access)
    }

    pub(crate) fn conflicts_with(self, object: Object, access: Access) -> bool {
        self.object == object && (self.access == Access::Write || access == Access::Write)
    }
}

/// An event in its execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) event: Event,
    /// Its number among its thread's, from 1.
    pub(crate) index: u16,
    /// Which of the values a load read (0: the newest), and of how many.
    pub(crate) choice: u8,
    pub(crate) choices: u8,
    /// What happened before its thread came to it.
    pub(crate) before: Clock,
    /// What happened before it, itself included.
    pub(crate) clock: Clock,
    pub(crate) place: Place,
}

impl Step {
    pub(crate) fn thread(&self) -> usize {
        self.event.thread()
    }

    /// Whether it is in the past that `clock` describes.
    pub(crate) fn is_in(&self, clock: Clock) -> bool {
        clock.covers(self.thread(), self.index)
    }
}
