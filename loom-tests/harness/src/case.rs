//! What a user declares: models and red twins.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(crate) type Body = Arc<dyn Fn() + Send + Sync>;

/// Branch points loom reserves room for in one execution. Loom's own default, 1,000, is too small for a
/// protocol; the room is allocated once per search, so this costs a megabyte or two and not time.
const MAX_BRANCHES: usize = 10_000;

/// A model or a twin: something to explore, and what must come of it.
///
/// What a program with a report of its own, such as a table of mutants, asks a [`Model`] or a [`Twin`] for.
#[derive(Clone)]
pub struct Case {
    pub(crate) name: String,
    pub(crate) theorem: String,
    pub(crate) roles: Vec<String>,
    pub(crate) must_reach: Vec<String>,
    pub(crate) combines: Vec<String>,
    pub(crate) may_reach: Vec<String>,
    pub(crate) body: Option<Body>,
    pub(crate) long: Long,
    pub(crate) second_engine_only: bool,
    pub(crate) litmus: bool,
    pub(crate) sequential: bool,
    pub(crate) weight: u64,
    pub(crate) max_branches: usize,
    /// How many executions it has, by the suite's certificate.
    pub(crate) total: Option<u64>,
    pub(crate) twin: Option<Expected>,
}

/// Whose plain run leaves a case out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Long {
    #[default]
    Never,
    UnderLoom,
    Always,
}

impl Long {
    /// Whether it is long for the second engine, or for loom.
    pub(crate) fn is_for(self, is_second: bool) -> bool {
        match self {
            Self::Never => false,
            Self::UnderLoom => !is_second,
            Self::Always => true,
        }
    }
}

/// What a twin must fail with.
#[derive(Clone, Default)]
pub(crate) struct Expected {
    pub(crate) invariant: String,
    pub(crate) of: Option<String>,
    pub(crate) left_out: String,
}

impl Case {
    fn new(name: String, twin: Option<Expected>) -> Self {
        assert!(
            !name.is_empty() && !name.contains(['@', ' ']),
            "{name:?}: a name has no space and no '@' (it is part of the replay token)"
        );
        Self {
            name,
            theorem: String::new(),
            roles: Vec::new(),
            must_reach: Vec::new(),
            combines: Vec::new(),
            may_reach: Vec::new(),
            body: None,
            long: Long::Never,
            second_engine_only: false,
            litmus: false,
            sequential: false,
            weight: 1,
            max_branches: MAX_BRANCHES,
            total: None,
            twin,
        }
    }

    /// Its name, such as `"queue/2-producers"`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is expected to cost beside the others: see [`Model::weight`].
    #[must_use]
    pub fn expected_cost(&self) -> u64 {
        self.weight
    }

    /// Whether it is too large for loom: see [`Model::second_engine_only`].
    #[must_use]
    pub fn is_second_engine_only(&self) -> bool {
        self.second_engine_only
    }

    /// Of a twin: the step that was left out, and the invariant that must be violated.
    #[must_use]
    pub fn left_out(&self) -> Option<(&str, &str)> {
        self.twin.as_ref().map(|expected| (expected.left_out.as_str(), expected.invariant.as_str()))
    }

    /// The same, with `prologue` run at the beginning of each execution, before the body. It must do nothing
    /// that the engine sees.
    #[must_use]
    pub fn preceded_by(mut self, prologue: impl Fn() + Send + Sync + 'static) -> Self {
        let body = self.body();
        self.body = Some(Arc::new(move || {
            prologue();
            body();
        }));
        self
    }

    /// The body, which `Suite` has checked to be there.
    pub(crate) fn body(&self) -> Body {
        self.body.clone().expect("a suite holds only cases with a body")
    }
}

macro_rules! shared_builders {
    () => {
        /// Names the roles by loom's thread index: first the main thread, which runs the body, then the
        /// spawned ones in the order in which they are spawned.
        #[must_use]
        pub fn roles(mut self, roles: &[&str]) -> Self {
            self.0.roles = owned(roles);
            self
        }

        /// What is explored. Called once per execution, on the model's own OS thread.
        ///
        /// Everything in it must be deterministic: no time, no randomness, no `HashMap` iteration, and no
        /// state that survives an execution.
        #[must_use]
        pub fn body(mut self, body: impl Fn() + Send + Sync + 'static) -> Self {
            self.0.body = Some(Arc::new(body));
            self
        }

        /// Runs only in the long run (`--long`, `--include-ignored`).
        #[must_use]
        pub fn long(mut self) -> Self {
            self.0.long = Long::Always;
            self
        }

        /// Runs only in loom's long run, and in the second engine's plain one.
        #[must_use]
        pub fn long_under_loom(mut self) -> Self {
            self.0.long = Long::UnderLoom;
            self
        }

        /// Says something of the engine that explores it, and nothing of the code under test: other engines
        /// have nothing to compare it with. It runs searches of its own, so that it has one execution, which a
        /// run does not count.
        #[must_use]
        pub fn litmus(mut self) -> Self {
            self.0.litmus = true;
            self
        }

        /// Too large for loom: loom's run lists it as `second engine only`, and leaves it out.
        #[must_use]
        pub fn second_engine_only(mut self) -> Self {
            self.0.second_engine_only = true;
            self
        }

        /// Expected cost, in any unit; the heaviest start first so that all cores end at the same time.
        #[must_use]
        pub fn weight(mut self, weight: u64) -> Self {
            self.0.weight = weight;
            self
        }

        /// Branch points allowed in one execution (default 10,000). More is reported as a failure,
        /// never as an end of the search.
        #[must_use]
        pub fn max_branches(mut self, branches: usize) -> Self {
            self.0.max_branches = branches;
            self
        }
    };
}

/// A model: must hold in every execution that the engine can produce.
#[derive(Clone)]
pub struct Model(pub(crate) Case);

impl Model {
    /// A model called `name`, such as `"queue/2-producers"`.
    ///
    /// # Panics
    /// When the name is empty or contains a space or `@`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Case::new(name.into(), None))
    }

    /// What the model proves, in one sentence.
    #[must_use]
    pub fn theorem(mut self, theorem: impl Into<String>) -> Self {
        self.0.theorem = theorem.into();
        self
    }

    /// Outcomes ([`reached`](crate::reached)) that must be seen in at least one execution. A model in
    /// which the interesting case never happens proves nothing, so it fails.
    #[must_use]
    pub fn must_reach(mut self, outcomes: &[&str]) -> Self {
        self.0.must_reach = owned(outcomes);
        self
    }

    /// Outcomes that are counted, and listed even when they are never seen.
    #[must_use]
    pub fn may_reach(mut self, outcomes: &[&str]) -> Self {
        self.0.may_reach = owned(outcomes);
        self
    }

    /// Nothing in it is concurrent, and that is meant: a model of one thread, or of threads that only take turns.
    /// Any other model in which nothing is concurrent fails: it explores nothing.
    #[must_use]
    pub fn sequential(mut self) -> Self {
        self.0.sequential = true;
        self
    }

    /// Which ingredients of the suite it puts together, such as roles, in any order: the certificate has a table of every
    /// two and three of them, with what was left out.
    #[must_use]
    pub fn combines(mut self, ingredients: &[&str]) -> Self {
        self.0.combines = owned(ingredients);
        self.0.combines.sort_unstable();
        self
    }

    /// What it puts together, sorted.
    #[must_use]
    pub fn combination(&self) -> &[String] {
        &self.0.combines
    }

    shared_builders!();
}

/// A red twin: a model with one step left out, which must fail for the reason it names.
#[derive(Clone)]
pub struct Twin(pub(crate) Case);

impl Twin {
    /// A twin called `name`, such as `"queue/no-notify"`.
    ///
    /// # Panics
    /// When the name is empty or contains a space or `@`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Case::new(name.into(), Some(Expected::default())))
    }

    /// The invariant that must be violated ([`violated`](crate::violated)), or one of `"deadlock"`,
    /// `"race"`, `"leak"`, `"panic"`, `"branch limit"`.
    #[must_use]
    pub fn expect(mut self, invariant: impl Into<String>) -> Self {
        self.expected().invariant = invariant.into();
        self
    }

    /// The model of which this is the twin. It must be in the same suite.
    #[must_use]
    pub fn of(mut self, model: impl Into<String>) -> Self {
        self.expected().of = Some(model.into());
        self
    }

    /// What was left out, in one phrase that can follow "without": `"the wake-up after a pop"`.
    #[must_use]
    pub fn left_out(mut self, step: impl Into<String>) -> Self {
        self.expected().left_out = step.into();
        self
    }

    fn expected(&mut self) -> &mut Expected {
        self.0.twin.get_or_insert_default()
    }

    shared_builders!();
}

impl From<Model> for Case {
    fn from(model: Model) -> Self {
        model.0
    }
}

impl From<Twin> for Case {
    fn from(twin: Twin) -> Self {
        twin.0
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
