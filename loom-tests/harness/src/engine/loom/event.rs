//! loom's events, as far as they are understood: by the words of their messages (0.7.2, 0.7.3). Their call sites also
//! say where loom's sources are.

use std::fmt::{self, Debug, Write as _};
use std::sync::OnceLock;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A point at which another thread may go on.
    Switch,
    Yield,
    Load,
    Store,
    Rmw,
    /// An operation on any object begins; on an atomic it is one of the three before.
    Action,
    /// A lock, or another operation that may wait.
    Wait,
    Park,
    NotifyNew,
    /// An object is made.
    New,
    /// The wait of a join is over, or of a future.
    Notified,
    CondvarWait,
    Other,
}

/// Kinds by the place in loom that emits them: a message is read once.
#[derive(Default)]
pub(super) struct Kinds(Vec<(Identifier, Kind)>);

impl Kinds {
    pub(super) fn of(&mut self, event: &Event<'_>) -> Kind {
        let callsite = event.metadata().callsite();
        if let Some((_, kind)) = self.0.iter().find(|(known, _)| *known == callsite) {
            return *kind;
        }
        let kind = kind(event);
        self.0.push((callsite, kind));
        kind
    }
}

fn kind(event: &Event<'_>) -> Kind {
    let mut message = Message(String::new());
    event.record(&mut message);
    match message.0.as_str() {
        "branch" | "thread_done: terminate" => Kind::Switch,
        "yield_now" => Kind::Yield,
        "Atomic::load" => Kind::Load,
        "Atomic::store" => Kind::Store,
        "Atomic::rmw" => Kind::Rmw,
        "Object::branch_action" => Kind::Action,
        "Object::branch_acquire" | "Object::branch_disable" => Kind::Wait,
        "park" => Kind::Park,
        "Notify::new" => Kind::NotifyNew,
        "Atomic::new" | "Mutex::new" | "Condvar::new" => Kind::New,
        "Notify::wait 2" => Kind::Notified,
        "Condvar::wait" => Kind::CondvarWait,
        _ => Kind::Other,
    }
}

/// Whether an event is one of those. Each one that is looked at costs some of the time of a search, so what says
/// nothing of an operation is switched off: by its fields, since a call site has no message.
pub(super) fn is_watched(meta: &Metadata<'_>) -> bool {
    let has = |field: &str| meta.fields().field(field).is_some();
    // A message, and the object.
    let is_new = meta.fields().len() == 2 && has("state");
    meta.is_event()
        && match meta.target() {
            "loom::rt" => has("switch") || has("active.state"),
            "loom::rt::object" => has("obj"),
            "loom::rt::atomic" => has("ordering") || has("success") || is_new,
            "loom::rt::mutex" => has("seq_cst"),
            "loom::rt::notify" => has("spurious") || is_new,
            "loom::rt::condvar" => has("mutex") || is_new,
            _ => false,
        }
}

static SOURCE: OnceLock<&'static str> = OnceLock::new();

/// Remembers the file of one of loom's call sites.
pub(super) fn note_source(meta: &Metadata<'static>) {
    if let Some(file) = meta.file() {
        SOURCE.get_or_init(|| file);
    }
}

/// The path of one of loom's source files, once a search has begun.
pub(super) fn source() -> Option<&'static str> {
    SOURCE.get().copied()
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

/// The type of an object.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sort {
    Atomic,
    Mutex,
    RwLock,
    Notify,
    Condvar,
    Arc,
    Channel,
    #[default]
    Other,
}

impl Sort {
    pub(super) fn is_lock(self) -> bool {
        matches!(self, Self::Mutex | Self::RwLock)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Mutex => "mutex",
            Self::RwLock => "rwlock",
            Self::Notify => "notifier",
            Self::Condvar => "condvar",
            Self::Arc => "Arc",
            Self::Channel => "channel",
            Self::Other => "object",
        }
    }
}

/// What an event says of its object.
#[derive(Default)]
pub(super) struct Subject {
    pub(super) sort: Sort,
    pub(super) object: usize,
    pub(super) is_seq_cst: bool,
}

impl Subject {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut subject = Self::default();
        event.record(&mut subject);
        subject
    }
}

impl Visit for Subject {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "obj" | "state" => drop(write!(Reference(self), "{value:?}")),
            "ordering" | "success" | "failure" => drop(write!(Ordering(self), "{value:?}")),
            _ => {}
        }
    }
}

/// Reads `Ref<loom::rt::atomic::State>(12)`, which comes in pieces: the name of the type and the number are one each.
/// By bytes, since it is read at each operation.
struct Reference<'a>(&'a mut Subject);

impl fmt::Write for Reference<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        match piece.as_bytes() {
            [first @ b'0'..=b'9', rest @ ..] => {
                let digit = |digit: u8| usize::from(digit - b'0');
                self.0.object = rest.iter().fold(digit(*first), |number, next| number * 10 + digit(*next));
            }
            [b'l', b'o', b'o', b'm', b':', b':', b'r', b't', b':', b':', of @ ..] => self.0.sort = sort(of),
            _ => {}
        }
        Ok(())
    }
}

/// By the module's name.
fn sort(module: &[u8]) -> Sort {
    match module {
        [b'a', b't', ..] => Sort::Atomic,
        [b'a', b'r', ..] => Sort::Arc,
        [b'm', b'u', ..] => Sort::Mutex,
        [b'm', b'p', ..] => Sort::Channel,
        [b'r', b'w', ..] => Sort::RwLock,
        [b'n', ..] => Sort::Notify,
        [b'c', b'o', ..] => Sort::Condvar,
        _ => Sort::Other,
    }
}

struct Ordering<'a>(&'a mut Subject);

impl fmt::Write for Ordering<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.is_seq_cst |= piece == "SeqCst";
        Ok(())
    }
}

/// The orderings of an event: `AcqRel`, or `AcqRel/Acquire` of an exchange.
pub(super) fn orderings(event: &Event<'_>) -> String {
    let mut orderings = Orderings(Vec::new());
    event.record(&mut orderings);
    orderings.0.dedup();
    orderings.0.join("/")
}

struct Orderings(Vec<String>);

impl Visit for Orderings {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if matches!(field.name(), "ordering" | "success" | "failure") {
            self.0.push(format!("{value:?}"));
        }
    }
}

/// An event as one line of text, without what differs from one run to the next.
pub(super) struct Line<'a>(pub(super) &'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !matches!(field.name(), "ptr" | "location" | "drop.location") {
            let _ = write!(self.0, " {value:?}");
        }
    }
}
