//! A mutex with "wait until this holds".
//!
//! The hard part: no wake-up may be lost between a look at the value and the sleep, and none may reach a
//! thread that no longer waits here. The code is the same in every backend, over `park` and `unpark`:
//!
//! 1. A waiter looks at the value, and registers itself, under one lock: a thread that changes the value
//!    afterwards finds it registered. (No wake-up is lost.)
//! 2. [`MonitorGuard::notify_all`] unregisters and unparks under the lock: a thread that returned from
//!    [`Monitor::wait_until`] is registered nowhere, so no late `unpark` reaches it.
//! 3. A woken waiter looks again before it returns. (A wake-up for nothing does no harm.)
//!
//! # Rejected
//!
//! - *A condition variable*, in production or everywhere. Loom never wakes one spuriously, so a model of an
//!   `if` in the place of the `while` passes; and with one in production alone, the wake-up that loom
//!   explores would not be the one that ships.
//! - *Unparking after the lock is released*, so that the woken thread does not meet the lock. The waiter may
//!   have left by then, and the late `unpark` would be a token for whatever the thread parks for next.

use super::backend::{self, Mutex, MutexGuard, Thread};

/// A mutex whose holder can wake the threads that wait until something holds of the value.
///
/// ```
/// use blockgate::sync::Monitor;
///
/// let queue = Monitor::new(Vec::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut queue = queue.lock();
///         queue.push("a job");
///         queue.notify_all(); // still under the lock
///     });
///     assert_eq!(queue.wait_until(|queue| queue.pop()), "a job");
/// });
/// ```
#[derive(Debug)]
pub struct Monitor<T> {
    state: Mutex<Watched<T>>,
}

#[derive(Debug)]
struct Watched<T> {
    value: T,
    /// Made by the first thread that waits: there are many monitors, and at most of them no thread ever does.
    #[expect(clippy::box_collection, reason = "a third as large as the list itself")]
    waiting: Option<Box<Vec<Thread>>>,
}

impl<T> Watched<T> {
    fn register(&mut self, thread: Thread) {
        self.waiting.get_or_insert_default().push(thread);
    }

    fn unregister(&mut self, thread: &Thread) {
        if let Some(waiting) = &mut self.waiting {
            waiting.retain(|other| other.id() != thread.id());
        }
    }
}

impl<T> Monitor<T> {
    /// A monitor over `value`.
    pub fn new(value: T) -> Self {
        Self { state: Mutex::new(Watched { value, waiting: None }) }
    }

    /// Locks the value. Blocks while another thread holds the lock.
    #[track_caller]
    pub fn lock(&self) -> MonitorGuard<'_, T> {
        MonitorGuard { state: self.state.lock() }
    }

    /// Blocks until `ready` returns `Some`. It is called under the lock, at the start and after each wake-up.
    ///
    /// `ready` must look only at the value and at words whose writers call [`MonitorGuard::notify_all`]
    /// after they wrote.
    ///
    /// ```
    /// use blockgate::sync::Monitor;
    ///
    /// let left = Monitor::new(3_u32);
    /// std::thread::scope(|scope| {
    ///     for _ in 0..3 {
    ///         scope.spawn(|| {
    ///             let mut left = left.lock();
    ///             *left -= 1;
    ///             left.notify_all();
    ///         });
    ///     }
    ///     left.wait_until(|left| (*left == 0).then_some(()));
    /// });
    /// assert_eq!(*left.lock(), 0);
    /// ```
    #[track_caller]
    pub fn wait_until<R>(&self, mut ready: impl FnMut(&mut T) -> Option<R>) -> R {
        let me = backend::current_thread();
        let mut is_first = true;
        loop {
            let mut state = self.state.lock();
            // A thread that woke without being unparked is still registered.
            state.unregister(&me);
            if let Some(result) = ready(&mut state.value) {
                return result;
            }
            state.register(me.clone());
            drop(state);
            // An `unpark` between the two leaves a token, and `park` returns at once.
            backend::park(is_first);
            is_first = false;
        }
    }

    /// The value, where exclusive access proves that no other thread is using it.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.state.get_mut().value
    }
}

/// A locked [`Monitor`].
///
/// ```
/// use blockgate::sync::Monitor;
///
/// let idle = Monitor::new(2_usize);
/// let mut count = idle.lock();
/// *count -= 1;
/// if *count == 0 {
///     count.notify_all(); // wakes the threads that wait for zero
/// }
/// drop(count);
/// assert_eq!(*idle.lock(), 1);
/// ```
pub struct MonitorGuard<'a, T> {
    state: MutexGuard<'a, Watched<T>>,
}

impl<T> MonitorGuard<'_, T> {
    /// Wakes every thread in [`Monitor::wait_until`]. Each looks again once this guard is gone.
    #[track_caller]
    pub fn notify_all(&mut self) {
        if let Some(waiting) = &mut self.state.waiting {
            backend::unpark_all(waiting);
        }
    }
}

impl<T> std::ops::Deref for MonitorGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state.value
    }
}

impl<T> std::ops::DerefMut for MonitorGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state.value
    }
}
