//! Mutation testing: every ordering weakened, every wake-up dropped, every wait woken for nothing, every
//! step of the protocol left out and every two swapped, one at a time, against the models. `cargo mutate`
//! prints what came of it, `--write` writes it to `docs/mutants.md`, `--check` fails when that file
//! says something else. With `--long` what survives is shown to the large and the long models too (the
//! table is that of a run without it).
//!
//! The mutants are not listed anywhere: the operations report themselves (`blockgate::sync::mutation`)
//! while the models run, and the steps are data (`protocol`). What is listed, with its argument, is
//! what no model can notice (`equivalent`).

mod command;
mod equivalent;
mod hook;
mod mutant;
mod mutation;
mod source;
mod step_mutant;
mod table;
mod trial;
mod verdict;

pub use command::main;
