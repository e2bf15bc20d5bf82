//! What the threads of an execution talk through, as the engine keeps it. The values are in the primitives
//! (`primitives/`); here is what is known of their accesses.

pub(crate) mod cell;
pub(crate) mod mutex;
pub(crate) mod table;
pub(crate) mod word;
