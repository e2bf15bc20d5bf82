//! What the rest needs of what runs it: loom explores every interleaving of a small scenario, shuttle samples
//! those of a large one, and threads of the system run it with real memory.

#[cfg(loom)]
mod loom;
#[cfg(loom)]
mod race_checked;
#[cfg(shuttle)]
mod shuttle;
#[cfg(not(any(loom, shuttle)))]
mod threads;

#[cfg(loom)]
pub use self::loom::*;
#[cfg(loom)]
pub use self::race_checked::RaceChecked;
#[cfg(shuttle)]
pub use self::shuttle::*;
#[cfg(not(any(loom, shuttle)))]
pub use self::threads::*;
