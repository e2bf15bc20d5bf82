//! The source, retired while a replace reads it.

use blockgate::{DeviceReplace, ReplaceError, Volume};

fn retire(volume: &mut Volume, start: impl Fn(&Volume) -> DeviceReplace<'_>) -> Result<(), ReplaceError> {
    let mut replace = start(volume);
    let _source = volume.retire_source();
    replace.finish()
}

fn main() {}
