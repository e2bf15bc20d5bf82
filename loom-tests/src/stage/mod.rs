//! The stage of every model: a world, the roles that act in it, and the check at the end.
//!
//! ```text
//! stage(&groups)                                   // or `unjudged()`, in a red twin
//!     .waiving(&["O2"])                            // rules of the specification that cannot hold here
//!     .world(|| World::new())                      // made anew for each execution
//!     .main("closer", |world| world.close())       // on the main thread, when the others were started
//!     .role("writer", |world| world.write())       // each on a thread of its own, in this order
//!     .end(World::check)                           // by the last, when all are over
//! ```
//!
//! Each line takes what the line before returned, so a model that forgets one of them does not compile. The
//! names are those of the harness's roles. No role is joined: under loom that multiplies the interleavings.

mod device;
mod trace;
mod volume;

use std::sync::Arc;

use blockgate::LogicalRange;

pub use device::{FailsOnce, SECTOR, SectorDevice, check_copy, copy};
pub use trace::{Compare, observe, observe_none_running};
pub use volume::{COUNTS, check_volume, live};

use crate::engine;

/// The events of each execution must be a run of the specification of `groups`.
pub fn stage(groups: &[LogicalRange]) -> Stage {
    Stage { groups: groups.to_vec(), waived: &[], compare: Compare::AtOnce }
}

/// Nothing is compared. For a red twin, which is to fail by the model's own checks.
pub fn unjudged() -> Stage {
    stage(&[]).comparing(Compare::Nothing)
}

pub struct Stage {
    groups: Vec<LogicalRange>,
    waived: &'static [&'static str],
    compare: Compare,
}

impl Stage {
    /// Apart from these rules, by name: those that speak of what this model leaves out.
    pub fn waiving(self, waived: &'static [&'static str]) -> Self {
        Self { waived, ..self }
    }

    pub fn comparing(self, compare: Compare) -> Self {
        Self { compare, ..self }
    }

    /// What each execution begins with.
    pub fn world<W>(self, make: impl Fn() -> W + Send + Sync + 'static) -> Empty<W> {
        Empty { stage: self, make: Box::new(make) }
    }
}

type Make<W> = Box<dyn Fn() -> W + Send + Sync>;
type Act<W> = Box<dyn FnOnce(&W) + Send>;
type Main<W> = Box<dyn Fn(&W, Curtain<W>) -> Raised + Send + Sync>;
/// Of one execution: called on the main thread, just before the role is started.
type Prepare<W> = Box<dyn Fn(&W) -> Act<W> + Send + Sync>;
type End<W> = Arc<dyn Fn(W) + Send + Sync>;

/// A world in which nobody acts yet.
pub struct Empty<W> {
    stage: Stage,
    make: Make<W>,
}

impl<W: Send + Sync + 'static> Empty<W> {
    /// What the main thread does when all other roles were started.
    pub fn main(self, name: &'static str, act: impl Fn(&W) + Send + Sync + 'static) -> Cast<W> {
        self.main_around(name, move |world, curtain| {
            let raised = curtain.raise();
            act(world);
            raised
        })
    }

    /// The same, where the main thread does something before: it has to start the others itself.
    pub fn main_around(
        self,
        name: &'static str,
        act: impl Fn(&W, Curtain<W>) -> Raised + Send + Sync + 'static,
    ) -> Cast<W> {
        Cast { stage: self.stage, make: self.make, main: Box::new(act), roles: Vec::new(), names: vec![name] }
    }
}

/// The roles behind it are to be started.
pub struct Curtain<W> {
    roles: Arc<[Prepare<W>]>,
    world: Arc<W>,
    end: End<W>,
}

/// They were.
pub struct Raised(());

impl<W: Send + Sync + 'static> Curtain<W> {
    /// Starts them, in their order.
    pub fn raise(self) -> Raised {
        for prepare in self.roles.iter() {
            let (act, world, end) = (prepare(&self.world), Arc::clone(&self.world), Arc::clone(&self.end));
            engine::spawn(move || {
                act(&world);
                give_up(world, &end);
            });
        }
        Raised(())
    }
}

/// A world, and the roles that act in it.
pub struct Cast<W> {
    stage: Stage,
    make: Make<W>,
    main: Main<W>,
    roles: Vec<Prepare<W>>,
    names: Vec<&'static str>,
}

impl<W: Send + Sync + 'static> Cast<W> {
    /// One more role, on a thread of its own.
    pub fn role(self, name: &'static str, act: impl Fn(&W) + Send + Sync + 'static) -> Self {
        let act = Arc::new(act);
        self.role_given(name, move |_| Arc::clone(&act), |world, act| act(world))
    }

    /// One more, for which the main thread prepares something just before it is started.
    pub fn role_given<P: Send + 'static>(
        mut self,
        name: &'static str,
        prepare: impl Fn(&W) -> P + Send + Sync + 'static,
        act: impl Fn(&W, P) + Send + Sync + 'static,
    ) -> Self {
        let act = Arc::new(act);
        self.names.push(name);
        self.roles.push(Box::new(move |world| {
            let (prepared, act) = (prepare(world), Arc::clone(&act));
            Box::new(move |world| act(world, prepared))
        }));
        self
    }

    /// What the last role does with the world when all are over: the model's checks. Which role is the last is chance, so
    /// `end` looks by exclusive access alone: an operation here would belong to one trace in one order, and to
    /// another in another.
    pub fn end(self, end: impl Fn(W) + Send + Sync + 'static) -> Play {
        let Self { stage, make, main, roles, names } = self;
        let (end, roles): (End<W>, Arc<[Prepare<W>]>) = (Arc::new(end), roles.into());
        let body = move || {
            trace::begin(&stage.groups, stage.waived, stage.compare);
            let world = Arc::new(make());
            let (roles, shared) = (Arc::clone(&roles), Arc::clone(&world));
            let Raised(()) = main(&world, Curtain { roles, world: shared, end: Arc::clone(&end) });
            give_up(world, &end);
        };
        Play { names, body: Arc::new(body) }
    }
}

/// Gives up a share of the world, and ends it, and the execution, if that was the last one.
fn give_up<W>(world: Arc<W>, end: &End<W>) {
    if let Some(world) = Arc::into_inner(world) {
        end(world);
        trace::end();
    }
}

/// What an engine runs.
#[derive(Clone)]
pub struct Play {
    names: Vec<&'static str>,
    body: Arc<dyn Fn() + Send + Sync>,
}

impl Play {
    /// The names of the roles, in the order of their threads.
    pub fn roles(&self) -> &[&'static str] {
        &self.names
    }

    /// One execution.
    pub fn run(&self) {
        (self.body)();
    }
}
