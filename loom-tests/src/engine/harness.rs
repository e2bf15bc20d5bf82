//! What a model says, where an exhaustive engine runs it.

use std::panic::Location;

use blockgate::Event;
pub use loom_harness::{check, is_recording, note, reached, violated, violated_at};

pub fn record(location: &'static Location<'static>, event: Event) {
    loom_harness::record(location, event.to_string());
}
