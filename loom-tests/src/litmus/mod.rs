//! What the proof believes of loom 0.7.2: each belief a test, so that an upgrade turns red instead of
//! changing the claim. The table is in `docs/loom.md`.
//!
//! Most are programs with the outcomes and the number of executions that loom gives them (`trial`); what
//! loom ends with a failure is a twin.

mod atomics;
mod blocking;
mod limits;
mod trial;

use loom_harness::{Model, Twin};

pub fn models() -> Vec<Model> {
    [atomics::models(), blocking::models(), limits::models()].concat()
}

pub fn twins() -> Vec<Twin> {
    [atomics::twins(), blocking::twins(), limits::twins()].concat()
}
