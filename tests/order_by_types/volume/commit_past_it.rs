//! A commit past the volume, which would neither flush the devices nor book the space.

use blockgate::{CommitError, Volume};

fn commit(volume: &Volume) -> Result<(), CommitError> {
    volume.join()?.commit()?;
    Ok(())
}

fn main() {}
