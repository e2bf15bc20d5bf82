#![cfg(any(loom, traceset))]
//! A package without models must not pass when it is asked to explore.

use std::path::Path;

#[test]
fn the_models_are_here_or_this_test_says_where_they_are() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("loom-tests/Cargo.toml");
    assert!(
        models.exists(),
        "nothing was explored: the published package has no models. They are in the folder `loom-tests` of \
         blockgate's repository; run this command there"
    );
}
