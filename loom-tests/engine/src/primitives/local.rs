//! Values that each thread of an execution has for itself.

use crate::mutant::Mutant;
use crate::runtime::current::try_with;
use std::any::Any;
use std::fmt;
use std::rc::Rc;

/// As [`std::thread::LocalKey`], for the threads of an execution: each has its own value, made at first use,
/// and dropped by the thread at its end. Declared by [`thread_local!`](crate::thread_local).
#[derive(Debug)]
pub struct LocalKey<T: 'static> {
    initial: fn() -> T,
    /// Distinguishes keys: two statics of a size have two addresses.
    _address: u8,
}

/// There is no value: outside of an execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outside of an execution no thread has values of its own")
    }
}

impl std::error::Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    /// For [`thread_local!`](crate::thread_local).
    #[doc(hidden)]
    pub const fn new(initial: fn() -> T) -> Self {
        Self { initial, _address: 0 }
    }

    /// Calls `f` with the calling thread's value.
    ///
    /// # Panics
    /// Outside of an execution.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f).expect("in an execution")
    }

    /// Calls `f` with the calling thread's value.
    ///
    /// # Errors
    /// Outside of an execution.
    #[expect(clippy::missing_panics_doc, reason = "a key's values are of its own type")]
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let value = match self.find()? {
            Some(value) => value,
            // Not under the engine's borrow: to make the value may be any code.
            None => self.keep(Rc::new((self.initial)())),
        };
        let value = value.downcast::<T>().expect("a key has values of its own type");
        Ok(f(&value))
    }

    fn find(&'static self) -> Result<Option<Rc<dyn Any>>, AccessError> {
        let found = try_with(|execution| {
            let locals = &execution.role().locals;
            locals.iter().find(|local| local.0 == self.address()).map(|local| Rc::clone(&local.1))
        });
        found.ok_or(AccessError)
    }

    fn keep(&'static self, value: Rc<dyn Any>) -> Rc<dyn Any> {
        try_with(|execution| execution.role().locals.push((self.address(), Rc::clone(&value))));
        value
    }

    fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// Declares values that each thread of an execution has for itself.
///
/// ```
/// use std::cell::Cell;
///
/// traceset::thread_local! {
///     static SEEN: Cell<u64> = Cell::new(0);
/// }
///
/// let report = traceset::Search::new().run(|| {
///     SEEN.with(|seen| seen.set(1));
///     traceset::thread::spawn(|| assert_eq!(SEEN.with(Cell::get), 0));
/// });
/// assert!(report.failure.is_none());
/// ```
#[macro_export]
macro_rules! thread_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $initial:expr;)+) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::thread::LocalKey<$type> =
                $crate::thread::LocalKey::new(|| $initial);
        )+
    };
}

/// Numbers `address` by its first use by the calling thread in this execution, from 0 on; outside of an
/// execution it is 0.
///
/// What a program decides by an address it decides otherwise in the next execution, as the allocator likes.
/// Code that keeps something by an owner's address must keep it by this number instead.
pub fn number_of(address: usize) -> usize {
    let number = try_with(|execution| {
        if execution.trace.mutant == Some(Mutant::ByAddress) {
            return address / 16;
        }
        let addresses = &mut execution.role().addresses;
        addresses.iter().position(|known| *known == address).unwrap_or_else(|| {
            addresses.push(address);
            addresses.len() - 1
        })
    });
    number.unwrap_or(0)
}
