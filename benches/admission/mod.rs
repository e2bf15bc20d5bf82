//! Admission: what it costs a writer to go in and out, and a closer to close.

mod closing_busy;
mod closing_idle;
mod door;
mod doors;
mod enter;
mod pins;

use crate::method::Bench;

pub(crate) fn benches() -> Vec<Bench> {
    vec![
        enter::one_group(),
        enter::group_each(),
        enter::inside_already(),
        closing_idle::bench(),
        closing_busy::bench(),
    ]
}
