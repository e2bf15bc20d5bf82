//! The objects of one sort, by the thread that made them.

use crate::event::{Object, Sort};
use crate::threads::MOST_THREADS;

/// Objects are made anew in each execution, so their memory is kept for the next one.
pub(crate) struct Table<T> {
    by_creator: [Vec<T>; MOST_THREADS],
    used: [usize; MOST_THREADS],
}

/// What is kept for the next execution.
pub(crate) trait Reset {
    /// To be as new, without giving memory back.
    fn reset(&mut self);
}

impl<T: Default + Reset> Table<T> {
    pub(crate) fn new() -> Self {
        Self { by_creator: Default::default(), used: [0; MOST_THREADS] }
    }

    pub(crate) fn clear(&mut self) {
        self.used = [0; MOST_THREADS];
    }

    pub(crate) fn make(&mut self, sort: Sort, creator: usize) -> (Object, &mut T) {
        let (index, made) = (self.used[creator], &mut self.by_creator[creator]);
        self.used[creator] += 1;
        match made.get_mut(index) {
            Some(old) => old.reset(),
            None => made.push(T::default()),
        }
        (Object::new(sort, creator, index), &mut made[index])
    }

    pub(crate) fn get(&self, object: Object) -> &T {
        &self.by_creator[object.creator()][object.index()]
    }

    pub(crate) fn get_mut(&mut self, object: Object) -> &mut T {
        &mut self.by_creator[object.creator()][object.index()]
    }
}
