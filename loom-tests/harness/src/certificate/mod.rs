//! What was explored, exactly, in a form that a review reads and a machine compares: with an earlier run of the
//! same engine, and with another engine.

mod agreement;
mod differences;
mod entries;
mod markdown;

pub(crate) use entries::Certificate;
