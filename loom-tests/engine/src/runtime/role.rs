//! A thread of the program, as the engine keeps it.

use crate::clock::Clock;
use crate::dependence::Accesses;
use crate::event::{Object, Place};
use crate::trace::Progress;
use std::any::Any;
use std::rc::Rc;

pub(crate) type Job = Box<dyn FnOnce()>;

/// What a thread waits for before its next operation takes effect.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// Only for its turn.
    Turn,
    /// That the mutex is free.
    Lock,
    /// That it is unparked.
    Token,
    /// That the thread has ended.
    End(usize),
}

/// An operation that a thread has come to.
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) object: Object,
    /// The execution that the object was made in; `None` for one that each execution has.
    pub(crate) made_in: Option<u64>,
    pub(crate) wait: Wait,
    pub(crate) place: Place,
}

impl Pending {
    /// An operation on an object that each execution has.
    pub(crate) fn built_in(object: Object, wait: Wait, place: Place) -> Self {
        Self { object, made_in: None, wait, place }
    }
}

/// What `unpark` leaves and `park` takes.
#[derive(Clone, Default)]
pub(crate) struct Token {
    pub(crate) accesses: Accesses,
    pub(crate) is_set: bool,
    /// Whether the last `unpark` found it set, so that a `park` could have come before.
    pub(crate) was_set: bool,
    /// What the thread that takes it knows by release and acquire.
    pub(crate) released: Clock,
}

/// What a model thread keeps for itself: by the address of its key, which is a static.
pub(crate) type Local = (usize, Rc<dyn Any>);

#[derive(Default)]
pub(crate) struct Role {
    /// What it does, until it begins.
    pub(crate) job: Option<Job>,
    /// The operation it has come to, while it is suspended.
    pub(crate) pending: Option<Pending>,
    pub(crate) is_over: bool,
    /// By the dependence relation: what the search goes by.
    pub(crate) progress: Progress,
    /// By release and acquire: what the program may rely on.
    pub(crate) known: Clock,
    pub(crate) token: Token,
    pub(crate) end: Accesses,
    pub(crate) locals: Vec<Local>,
    pub(crate) addresses: Vec<usize>,
    /// Operations since the execution broke.
    pub(crate) quiet: u32,
}

impl Role {
    pub(crate) fn new(job: Job, index: usize, progress_of_parent: Clock, known_by_parent: Clock) -> Self {
        let mut known = known_by_parent;
        known.set(index, 1);
        let progress = Progress { steps: 0, clock: progress_of_parent };
        Self { job: Some(job), known, progress, ..Self::default() }
    }
}
