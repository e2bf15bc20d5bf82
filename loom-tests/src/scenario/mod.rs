//! The theorem's scenario, one text for every engine: a volume whose device is replaced while writers write.
//!
//! An exhaustive engine explores every interleaving of a small one, shuttle samples those of a large one, and
//! threads of the system run it with real memory.
//!
//! | file | holds |
//! |---|---|
//! | `plan` | what is played |
//! | `world` | what it is played with, and what must hold at the end |
//! | `acts` | what each role does |
//! | `combination` | which roles are in a plan, by name |
//! | `plans` | what is sampled |

mod acts;
pub mod combination;
pub mod plan;
pub mod plans;
pub mod world;
