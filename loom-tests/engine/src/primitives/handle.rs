//! How a primitive names the object that the engine keeps for it.

use crate::event::{Object, Place};
use crate::failure::FailureKind;
use crate::runtime::current;
use crate::runtime::execution::Execution;
use crate::runtime::point::foreign;
use crate::runtime::role::{Pending, Wait};

/// An object, and the execution it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    execution: u64,
    object: Object,
}

/// Executions are numbered from 1 on.
const NO_EXECUTION: u64 = 0;

impl Handle {
    /// Makes an object in the current execution. Outside there is none: the primitive then has a value and
    /// nothing else, and is refused in an execution.
    pub(crate) fn new(make: impl FnOnce(&mut Execution, usize) -> Object) -> Self {
        let handle = current::try_with(|execution| {
            let creator = execution.current;
            Self { execution: execution.number, object: make(execution, creator) }
        });
        handle.unwrap_or(Self { execution: NO_EXECUTION, object: Object::SPAWNS })
    }

    /// For what is said of the object where it is not used.
    pub(crate) fn object(self) -> Object {
        self.object
    }

    /// An operation on it.
    #[inline]
    pub(crate) fn pending(self, wait: Wait, place: Place) -> Pending {
        Pending { object: self.object, made_in: Some(self.execution), wait, place }
    }

    /// The object, for what is no step.
    ///
    /// # Errors
    /// In another execution than the one it was made in.
    #[inline]
    pub(crate) fn check(self, execution: &Execution) -> Result<Object, FailureKind> {
        if self.execution == execution.number { Ok(self.object) } else { Err(foreign()) }
    }
}
