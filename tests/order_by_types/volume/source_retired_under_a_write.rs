//! The source, retired while a write holds the volume.

use blockgate::{Volume, WriteError};

fn retire(mut volume: Volume) -> Result<(), WriteError> {
    let write = volume.begin_cow(4096)?;
    let _source = volume.retire_source();
    write.write_at(0, &[1])
}

fn main() {}
