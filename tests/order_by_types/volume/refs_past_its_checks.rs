//! References changed past the volume, which would check nothing: by a handle of the transactions.

use blockgate::{CommitError, DelayedRef, LogicalRange, Volume};

fn delete(volume: &Volume, extent: LogicalRange) -> Result<(), CommitError> {
    volume.join()?.push(DelayedRef::drop(extent));
    Ok(())
}

fn main() {}
