//! How a primitive names the object that the engine keeps for it.

use crate::event::Object;
use crate::failure::FailureKind;
use crate::runtime::current;
use crate::runtime::execution::Execution;

/// An object, and the execution it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    execution: u64,
    object: Object,
}

impl Handle {
    /// Makes an object in the current execution. Outside there is none: the primitive then has a value and
    /// nothing else, and is refused in an execution.
    pub(crate) fn new(make: impl FnOnce(&mut Execution, usize) -> Object) -> Self {
        let made = current::try_with(|execution| {
            let creator = execution.current;
            Self { execution: execution.number, object: make(execution, creator) }
        });
        made.unwrap_or(Self { execution: 0, object: Object::SPAWNS })
    }

    /// For what is said of the object where it is not used.
    pub(crate) fn object(self) -> Object {
        self.object
    }

    /// The object.
    ///
    /// # Errors
    /// In another execution than the one it was made in.
    #[inline]
    pub(crate) fn check(self, execution: &Execution) -> Result<Object, FailureKind> {
        if self.execution == execution.number { Ok(self.object) } else { Err(foreign()) }
    }
}

#[cold]
fn foreign() -> FailureKind {
    FailureKind::Refused(
        "traceset: an atomic, mutex or cell that was not made in this execution (perhaps in a static): \
         its state would depend on the executions before. Make it in the body"
            .into(),
    )
}
