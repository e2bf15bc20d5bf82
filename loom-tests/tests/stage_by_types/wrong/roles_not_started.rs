//! The main thread forgets to start the others.

use blockgate_models::stage::stage;

fn main() {
    let cast = stage(&[]).world(|| ()).main_around("main", |(), _curtain| ());
    cast.role("other", |()| ()).end(drop);
}
