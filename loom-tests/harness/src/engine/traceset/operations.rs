//! The operations of an execution, to be compared with those of another run of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use traceset::Operation;

#[derive(Clone, Default)]
pub(super) struct Operations(Rc<RefCell<Vec<Seen>>>);

struct Seen {
    /// `None`: of nothing that the program made.
    thread: Option<usize>,
    text: String,
}

impl Operations {
    /// Adds what it is called with.
    pub(super) fn observer(&self) -> impl FnMut(&Operation) + 'static {
        let all = Rc::clone(&self.0);
        move |done| {
            let thread = done.made.is_some().then_some(done.thread);
            all.borrow_mut().push(Seen { thread, text: done.to_string() });
        }
    }

    /// How many threads do something to an object of the program.
    pub(super) fn threads(&self) -> usize {
        let threads: BTreeSet<_> = self.0.borrow().iter().filter_map(|seen| seen.thread).collect();
        threads.len()
    }

    /// Where the first execution was something else than it is `now`.
    pub(super) fn difference(&self, now: &Self) -> Option<String> {
        let (before, now) = (self.0.borrow(), now.0.borrow());
        let text = |all: &[Seen], step: usize| all.get(step).map_or("its end", |seen| &seen.text).to_string();
        (0..before.len().max(now.len())).find_map(|step| {
            let (before, now) = (text(&before, step), text(&now, step));
            (before != now).then(|| {
                format!(
                    "execution 1 does not come out again: operation {} was \"{before}\", and is now \"{now}\". Does \
                     something survive an execution, such as a static or a HashMap's order?",
                    step + 1
                )
            })
        })
    }
}
