//! A model as a call in a `#[test]` function, whose search runs in a child process.
//!
//! A failing role stops inside of the panic hook, and its thread stays there. A libtest that wants the hook back at its
//! end would wait for it. So the search is in a process of its own: this test binary again, with this test alone. There
//! the call explores, writes its verdict into a file, and ends the process, so that nothing after it runs. Here the
//! test goes on as the verdict says.
//!
//! What was tried: to let the whole test run in the child, and its exit be the verdict. Then the test here would have to
//! end at the call without a panic, which no function can do for its caller; and state that the closure collects would
//! not be here.

mod child;
mod parent;
mod verdict;

use crate::case::Case;
use crate::search::Limits;
use std::cell::Cell;
use std::thread;

pub(crate) const PREFIX: &str = "LOOM_HARNESS";
const CALL: &str = "LOOM_HARNESS_CALL";
const REPORT: &str = "LOOM_HARNESS_REPORT";

/// A model as it was called.
pub(crate) struct Asked {
    pub(crate) case: Case,
    pub(crate) limits: Limits,
    /// Whether the body may leave something to its caller.
    pub(crate) has_state: bool,
}

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// The name of the next call on this thread: that of the test, with a number from the second one on.
pub(crate) fn name_of_call() -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("model").replace([' ', '@'], "_");
    match CALLS.get() {
        0 => name,
        calls => format!("{name}#{}", calls + 1),
    }
}

/// Explores it here, or in a child process.
///
/// # Returns
/// Why the test fails, if it does.
pub(crate) fn check(asked: &Asked) -> Option<String> {
    let call = CALLS.get() + 1;
    CALLS.set(call);
    match child::wanted() {
        Some(wanted) if wanted == call => child::explore(asked),
        Some(_) => {
            collect(asked);
            None
        }
        None => {
            let thread = thread::current();
            match thread.name().filter(|name| *name != "main") {
                Some(test) => parent::check(asked, test, call),
                None => child::explore_or_exit(asked),
            }
        }
    }
}

/// Runs every execution of a model that holds, for what the body leaves.
fn collect(asked: &Asked) {
    if asked.has_state {
        crate::engine::collect(&asked.case, &asked.limits);
    }
}
