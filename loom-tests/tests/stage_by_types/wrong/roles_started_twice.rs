//! The main thread starts the others twice.

use blockgate_models::stage::stage;

fn main() {
    let cast = stage(&[]).world(|| ()).main_around("main", |(), curtain| {
        curtain.raise();
        curtain.raise()
    });
    cast.role("other", |()| ()).end(drop);
}
