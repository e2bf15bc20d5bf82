//! A writer on another thread, led step by step by the replace.

#![allow(clippy::disallowed_types, reason = "threads of the system, which no engine explores")]

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blockgate_models::protocol::role::Role;
use blockgate_models::protocol::step::Step;

/// The last step that the writer has done (`None`: no step) when the replace begins, and when it has done each
/// of these steps. After the replace the writer goes on by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) before: Option<Step>,
    pub(crate) frozen: Option<Step>,
    pub(crate) copied: Option<Step>,
    pub(crate) thawed: Option<Step>,
}

/// A role that waits for the other longer than this has met a defect.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the roles are to call after each step, for one execution. `last` is the last step of the replace.
pub(crate) fn leading(schedule: Schedule, last: Step) -> impl Fn(Role, Option<Step>) + Send + Sync + 'static {
    let ((here, reached), (go_on, may_go_on)) = (channel(), channel());
    let writer = Mutex::new(Writer { here, may_go_on });
    let leader = Mutex::new(Leader { reached, go_on: Some(go_on), at: None, has_begun: false });
    move |role, step| match role {
        Role::Replace => {
            let mut leader = lock(&leader);
            leader.stand(schedule, step);
            if step == Some(last) {
                leader.go_on = None;
            }
        }
        _ => lock(&writer).stand(step),
    }
}

struct Writer {
    here: Sender<Option<Step>>,
    may_go_on: Receiver<()>,
}

impl Writer {
    fn stand(&self, step: Option<Step>) {
        self.here.send(step).expect("the replace leads");
        if !is_last(step) {
            let led = self.may_go_on.recv_timeout(PATIENCE);
            assert!(led != Err(RecvTimeoutError::Timeout), "nobody leads the writer on from {step:?}");
        }
    }
}

struct Leader {
    reached: Receiver<Option<Step>>,
    /// `None`: the replace is over.
    go_on: Option<Sender<()>>,
    /// The writer's last step.
    at: Option<Step>,
    has_begun: bool,
}

impl Leader {
    fn stand(&mut self, schedule: Schedule, step: Option<Step>) {
        match step {
            None => self.lead_to(schedule.before),
            Some(Step::SetReadOnly) => self.lead_to(schedule.frozen),
            Some(Step::Copy) => self.lead_to(schedule.copied),
            Some(Step::SetReadWrite) => self.lead_to(schedule.thawed),
            Some(_) => {}
        }
    }

    fn lead_to(&mut self, wanted: Option<Step>) {
        if !self.has_begun {
            self.has_begun = true;
            self.hear();
        }
        while place(self.at) < place(wanted) {
            self.go_on.as_ref().expect("it is not over").send(()).expect("the writer waits");
            self.hear();
        }
    }

    fn hear(&mut self) {
        self.at = self.reached.recv_timeout(PATIENCE).expect("the writer goes on");
    }
}

/// 0 before the first step.
fn place(step: Option<Step>) -> usize {
    step.map_or(0, |step| {
        1 + Role::Cow.program().iter().position(|own| *own == step).expect("a step of the writer")
    })
}

fn is_last(step: Option<Step>) -> bool {
    place(step) == Role::Cow.program().len()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
