//! The protocol as one program: what each role does, step by step (`step`, `role`), and what does a step
//! (`machine`). A step may be left out or moved, and every engine plays the same text.
//!
//! | file | does a step with | played by |
//! |---|---|---|
//! | `replace` | the types of L2 and L3 | `models`, `mutants`, shuttle, threads |
//! | `transaction` | a gate, a queue and an extent tree | `models`, `mutants` |
//! | `exploration/state` | events of the specification | `exploration` |

pub mod machine;
pub mod replace;
pub mod role;
pub mod step;
pub mod transaction;
