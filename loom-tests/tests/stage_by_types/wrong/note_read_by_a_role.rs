//! A role reads a note while the others run.

use blockgate_models::engine::Note;
use blockgate_models::stage::stage;

fn main() {
    let cast = stage(&[]).world(Note::<u64>::default).main("main", |note| note.set(1));
    cast.role("other", |note| drop(note.take())).end(drop);
}
