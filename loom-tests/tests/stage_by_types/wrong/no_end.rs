//! Nothing is checked at the end.

use blockgate_models::stage::stage;

fn main() {
    stage(&[]).world(|| ()).main("main", |()| ()).role("other", |()| ()).run();
}
