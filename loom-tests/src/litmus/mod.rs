//! What the proof believes of loom: each belief a test, so that an upgrade turns red instead of
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
    let models = [atomics::models(), blocking::models(), limits::models()];
    models.into_iter().flatten().map(Model::litmus).collect()
}

pub fn twins() -> Vec<Twin> {
    let twins = [atomics::twins(), blocking::twins(), limits::twins()];
    twins.into_iter().flatten().map(Twin::litmus).collect()
}
