//! Runs executions: the threads of a program as coroutines on one thread of the system, of which one goes on
//! at a time, from one operation to the next.
//!
//! | file | what it does |
//! |---|---|
//! | `pool.rs` | coroutines, and nothing of what they run |
//! | `role.rs` | a thread of the program |
//! | `execution.rs` | the state of an execution, and which threads can go on |
//! | `point.rs` | what an operation does before it takes effect: it waits for its turn |
//! | `record.rs` | what an operation adds to the trace |
//! | `current.rs` | finds the execution that the calling code belongs to |
//! | `runner.rs` | runs an execution from its beginning to its end |
//! | `observer.rs` | what is called with each operation |
//! | `panics.rs` | the panic hook |

pub(crate) mod current;
pub(crate) mod execution;
pub(crate) mod observer;
pub(crate) mod panics;
pub(crate) mod point;
pub(crate) mod pool;
pub(crate) mod record;
pub(crate) mod role;
pub(crate) mod runner;
