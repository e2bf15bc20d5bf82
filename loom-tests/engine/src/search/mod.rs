//! Explores all executions of a program: which there are, and in which order they are taken.
//!
//! | file | what it does |
//! |---|---|
//! | `options.rs` | `Search`: what is asked for |
//! | `report.rs` | what a search comes to |
//! | `driver.rs` | one execution after the other |
//! | `reduction.rs` | source-set DPOR: which executions, none of them twice |
//! | `node.rs` | a state on the way: which threads were explored from there, which sleep, which are to be explored |
//! | `reversal.rs` | what has to be explored so that two racing steps come in the other order |
//! | `piece.rs` | what is left of a search, for another thread or machine |
//! | `plain.rs` | every schedule, without reduction, perhaps with few preemptions |
//! | `progress.rs` | how much is done |
//! | `estimate.rs` | how large a search will be, before it begins |
//! | `replay.rs` | one execution again, observed |
//! | `linearization.rs` | a trace again, in another order of its independent steps |

pub(crate) mod driver;
mod estimate;
pub(crate) mod linearization;
mod node;
pub(crate) mod options;
pub(crate) mod piece;
pub(crate) mod plain;
pub(crate) mod progress;
pub(crate) mod reduction;
pub(crate) mod replay;
pub(crate) mod report;
mod reversal;
