//! What the rest needs of what runs it. An exhaustive engine explores every interleaving of a small scenario,
//! shuttle samples those of a large one, and threads of the system run it with real memory.
//!
//! A backend is one file, and nothing outside of this folder names it (but for `litmus` and `audit`, which are
//! about loom). It offers:
//!
//! | item | is |
//! |---|---|
//! | `RoleId`, `current_role` | which role runs, without a point at which another may go on |
//! | `spawn` | starts a role, which nobody joins |
//! | `AtomicU64` | for `counter`, and for `unchecked` where the engine does not see races |
//! | `RaceChecked` | where it does: a value whose accesses the protocol must order |
//! | `hear`, `EVENTS_HAVE_AN_ORDER` | installs what hears of each event of `blockgate`; whether it hears them in one order |
//!
//! `harness` adds what an exhaustive engine's models say (`check`, `reached`, `note`…), `tally` the same for
//! the others. `counter` and `notes` are the same for all.

mod counter;
#[cfg(any(loom, traceset))]
mod harness;
#[cfg(loom)]
mod loom;
mod notes;
#[cfg(shuttle)]
mod shuttle;
#[cfg(not(any(loom, traceset)))]
mod tally;
#[cfg(not(any(loom, traceset, shuttle)))]
mod threads;
#[cfg(traceset)]
mod traceset;
#[cfg(not(any(loom, traceset)))]
mod unchecked;

pub use self::counter::Counter;
#[cfg(any(loom, traceset))]
pub use self::harness::*;
#[cfg(loom)]
pub use self::loom::*;
pub use self::notes::{Handed, Note};
#[cfg(shuttle)]
pub use self::shuttle::*;
#[cfg(not(any(loom, traceset)))]
pub use self::tally::*;
#[cfg(not(any(loom, traceset, shuttle)))]
pub use self::threads::*;
#[cfg(traceset)]
pub use self::traceset::*;
#[cfg(not(any(loom, traceset)))]
pub use self::unchecked::RaceChecked;

/// Hears of each event, and of the source line that reported it.
pub type Recorder = Box<dyn FnMut(&'static std::panic::Location<'static>, blockgate::Event)>;
