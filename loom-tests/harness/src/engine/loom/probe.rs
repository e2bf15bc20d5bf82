//! How many threads and how many scheduling points an execution had.
//!
//! Loom keeps both to itself but emits them as `tracing` events, so a subscriber that looks at nothing
//! else counts them: the span `thread` for each loom thread, and an event with a field `switch` wherever
//! loom may hand over to another role. All other call sites are switched off for good.
//!
//! Call sites also say where loom's sources are.

use std::cell::Cell;
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest, set_default};
use tracing::{Event, Metadata, Subscriber};

/// What was seen on this OS thread.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// Loom threads, the main one included; the most in any execution.
    pub(super) threads: u64,
    /// Scheduling points of the deepest execution.
    pub(super) deepest: u64,
    depth: u64,
}

thread_local! {
    static SEEN: Cell<Seen> = const { Cell::new(Seen { threads: 0, deepest: 0, depth: 0 }) };
}

static SOURCE: OnceLock<&'static str> = OnceLock::new();

/// The path of one of loom's source files, once a search has begun.
pub(super) fn source() -> Option<&'static str> {
    SOURCE.get().copied()
}

/// Counts on this OS thread while the guard lives.
pub(super) fn install() -> DefaultGuard {
    SEEN.set(Seen::default());
    set_default(Probe)
}

pub(super) fn begin_execution() {
    SEEN.set(Seen { depth: 0, ..SEEN.get() });
}

pub(super) fn seen() -> Seen {
    SEEN.get()
}

struct Probe;

fn is_thread(meta: &Metadata<'_>) -> bool {
    meta.is_span() && meta.name() == "thread" && meta.target() == "loom::rt::thread"
}

fn is_schedule(meta: &Metadata<'_>) -> bool {
    meta.is_event() && meta.target() == "loom::rt" && meta.fields().field("switch").is_some()
}

impl Subscriber for Probe {
    fn register_callsite(&self, meta: &'static Metadata<'static>) -> Interest {
        if !self.enabled(meta) {
            return Interest::never();
        }
        if let Some(file) = meta.file() {
            SOURCE.get_or_init(|| file);
        }
        Interest::always()
    }

    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        is_thread(meta) || is_schedule(meta)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if is_thread(span.metadata()) {
            span.record(&mut ThreadIndex);
        }
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        if is_schedule(event.metadata()) {
            let mut seen = SEEN.get();
            seen.depth += 1;
            seen.deepest = seen.deepest.max(seen.depth);
            SEEN.set(seen);
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Reads the field `id` of loom's span `thread`.
struct ThreadIndex;

impl Visit for ThreadIndex {
    fn record_u64(&mut self, field: &Field, index: u64) {
        if field.name() == "id" {
            let seen = SEEN.get();
            SEEN.set(Seen { threads: seen.threads.max(index + 1), ..seen });
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
