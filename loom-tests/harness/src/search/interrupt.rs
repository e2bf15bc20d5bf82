//! Whether somebody has asked the run to end.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From here on ctrl-c ends the searches, which then say how far they were; the second one ends the process. Where the
/// system has no such signal, nothing changes.
pub(crate) fn install() {
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Relaxed) {
            std::process::exit(STATUS);
        }
    });
}

/// The status of a process that was interrupted.
pub(crate) const STATUS: i32 = 130;

pub(crate) fn is_asked() -> bool {
    ASKED.load(Relaxed)
}
