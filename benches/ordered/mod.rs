//! Ordered extents: writes in flight, and the wait for those of a range.

mod add_finish;
mod trackers;
mod wait;

use crate::method::Bench;

pub(crate) fn benches() -> Vec<Bench> {
    vec![add_finish::bench(), add_finish::standing(), wait::elsewhere(), wait::same_group()]
}
