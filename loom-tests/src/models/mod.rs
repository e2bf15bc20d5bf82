//! The models: one file a file of blockgate's `src`, the theorem (`replace`), and what breaks without each
//! step (`counterexamples`).

mod block_group;
mod clone;
mod counterexamples;
mod delayed_ref;
mod device_replace;
mod freeze;
mod gate;
mod ordered_extent;
mod replace;
mod roles;
mod room;
mod snapshot;
mod target;
mod transaction;
mod write_all;

use loom_harness::{Model, Twin};

use crate::stage::Play;

/// A model or twin is a play: its body, and the names of its roles.
trait Plays {
    fn plays(self, play: Play) -> Self;
}

impl Plays for Model {
    fn plays(self, play: Play) -> Self {
        self.roles(play.roles()).body(move || play.run())
    }
}

impl Plays for Twin {
    fn plays(self, play: Play) -> Self {
        self.roles(play.roles()).body(move || play.run())
    }
}

/// Every model of `src`.
pub fn models() -> Vec<Model> {
    [
        counterexamples::models(),
        gate::models(),
        ordered_extent::models(),
        delayed_ref::models(),
        transaction::models(),
        block_group::models(),
        room::models(),
        freeze::models(),
        replace::models(),
        roles::models(),
        device_replace::models(),
        clone::models(),
        snapshot::models(),
        target::models(),
        write_all::models(),
    ]
    .concat()
}

/// Every red twin of them, the seed's race first.
pub fn twins() -> Vec<Twin> {
    [
        vec![counterexamples::seed()],
        counterexamples::twins(),
        counterexamples::specification_twins(),
        gate::twins(),
        ordered_extent::twins(),
        delayed_ref::twins(),
        transaction::twins(),
        block_group::twins(),
        room::twins(),
        freeze::twins(),
        clone::twins(),
        snapshot::twins(),
        target::twins(),
        device_replace::twins(),
        write_all::twins(),
        replace::twins(),
    ]
    .concat()
}
