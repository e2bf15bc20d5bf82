//! Nothing begins anew with each execution.

use blockgate_models::stage::stage;

fn main() {
    stage(&[]).main("main", |()| ()).end(drop);
}
