//! Nobody is on the main thread.

use blockgate_models::stage::stage;

fn main() {
    stage(&[]).world(|| ()).role("other", |()| ()).end(drop);
}
