//! All of a stage.

use blockgate_models::engine::Note;
use blockgate_models::stage::stage;

fn main() {
    let play = stage(&[])
        .waiving(&["O2"])
        .world(Note::<u64>::default)
        .main_around("main", |note, curtain| {
            let raised = curtain.raise();
            note.set(1);
            raised
        })
        .role("other", |_| ())
        .end(|mut note| assert_eq!(note.take(), Some(1)));
    assert_eq!(play.roles(), ["main", "other"]);
    blockgate_models::engine::run(|| play.run());
}
