//! I/O of a write that has ended: its ordered extent is gone, and a drain would not wait for it (O3).

use blockgate::{CowWrite, NocowWrite, WriteError};

fn cow(write: CowWrite<'_>) -> Result<(), WriteError> {
    write.finish()?;
    write.write_at(0, &[1])
}

fn nocow(write: NocowWrite<'_>) -> Result<(), WriteError> {
    write.finish();
    write.write_at(0, &[1])
}

fn main() {}
