//! Operations of an engine on a thread that it does not know, such as one of `std::thread::spawn` in a model.
//!
//! They panic, on a thread that nobody may join. So the panic hook counts them.

use super::panics::{Meaning, meaning_of};
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How loom and traceset say it.
const WORDS: [&str; 2] = ["from outside a Loom model", "an operation outside of an execution"];

static SEEN: AtomicU64 = AtomicU64::new(0);

/// So many of the first have failed a model.
static SAID: AtomicU64 = AtomicU64::new(0);

/// Counts from here on. What the hook did before it still does.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            note(info);
            previous(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let Meaning::Said(message) = meaning_of(info.payload()) else { return };
    if WORDS.iter().any(|words| message.contains(words)) {
        SEEN.fetch_add(1, Relaxed);
    }
}

/// How many there were in this process.
pub(crate) fn seen() -> u64 {
    SEEN.load(Relaxed)
}

/// How many there were after the first `before`, for which a model is failed now.
pub(crate) fn since(before: u64) -> u64 {
    let seen = seen();
    if seen > before {
        SAID.fetch_max(seen, Relaxed);
    }
    seen.saturating_sub(before)
}

/// How many no model was failed for: they came after its search.
pub(crate) fn unsaid() -> u64 {
    seen().saturating_sub(SAID.load(Relaxed))
}
