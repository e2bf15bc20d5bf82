//! What a program is written with: in the place of `std::sync`, `std::thread` and `std::cell`.

pub(crate) mod atomic;
pub(crate) mod cell;
pub(crate) mod handle;
pub(crate) mod local;
pub(crate) mod mutex;
pub mod thread;
