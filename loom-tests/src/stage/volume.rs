//! What must hold of any volume when all roles are over, by exclusive access alone.

use blockgate::{CommitRoot, Volume};

use crate::engine::violated;

/// What a check of counts and figures is called, wherever it is made.
pub const COUNTS: &str = "all counts are zero and all figures add up";

/// All counts are zero, and all figures add up.
pub fn check_volume(volume: &mut Volume) {
    if let Err(defect) = volume.check() {
        violated(COUNTS, defect.to_string());
    }
}

/// The extents that are live, queued references included, of a volume that is as it should be.
pub fn live(volume: &mut Volume) -> CommitRoot {
    check_volume(volume);
    let (root, pending) = volume.pending();
    match root.with(&pending.fold()) {
        Ok(live) => live,
        Err(error) => violated("each delayed ref is applied exactly once", error.to_string()),
    }
}
