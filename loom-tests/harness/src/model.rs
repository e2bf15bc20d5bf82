//! What a user declares: models, red twins, and the suite that holds them.

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
    pub(crate) may_reach: Vec<String>,
    pub(crate) body: Option<Body>,
    pub(crate) long: bool,
    pub(crate) weight: u64,
    pub(crate) max_branches: usize,
    pub(crate) twin: Option<Expected>,
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
            may_reach: Vec::new(),
            body: None,
            long: false,
            weight: 1,
            max_branches: MAX_BRANCHES,
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

    /// Whether it runs only in the long run.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.long
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
            self.0.long = true;
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

/// A model: must hold in every execution that loom can produce.
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

/// All models and twins of one test binary.
pub struct Suite {
    pub(crate) prefix: String,
    pub(crate) command: String,
    pub(crate) links: String,
    pub(crate) cases: Vec<Case>,
}

impl Suite {
    /// An empty suite. Its environment variables are named after `project`: `Suite::new("my-lib")` reads
    /// `MY_LIB_REPLAY` and `MY_LIB_LONG`.
    #[must_use]
    pub fn new(project: &str) -> Self {
        Self {
            prefix: project.to_uppercase().replace('-', "_"),
            command: "cargo test".into(),
            links: "../../".into(),
            cases: Vec::new(),
        }
    }

    /// The command that runs this suite, as shown beside replay tokens (default `cargo test`).
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// What precedes a source path in the links of HTML diagrams (default `../../`).
    #[must_use]
    pub fn source_links(mut self, prefix: impl Into<String>) -> Self {
        self.links = prefix.into();
        self
    }

    /// Adds a model.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.cases.push(model.0);
        self
    }

    /// Adds a twin.
    #[must_use]
    pub fn twin(mut self, twin: Twin) -> Self {
        self.cases.push(twin.0);
        self
    }

    /// Adds several models.
    #[must_use]
    pub fn models(self, models: impl IntoIterator<Item = Model>) -> Self {
        models.into_iter().fold(self, Self::model)
    }

    /// Adds several twins.
    #[must_use]
    pub fn twins(self, twins: impl IntoIterator<Item = Twin>) -> Self {
        twins.into_iter().fold(self, Self::twin)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.name == name)
    }

    /// What is wrong with the declarations themselves.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        let mut mistakes = Vec::new();
        for case in &self.cases {
            if !seen.insert(&case.name) {
                mistakes.push(format!("{}: declared twice", case.name));
            }
            mistakes.extend(self.mistake(case).map(|what| format!("{}: {what}", case.name)));
        }
        mistakes
    }

    fn mistake(&self, case: &Case) -> Option<String> {
        if case.body.is_none() {
            return Some("has no body".into());
        }
        let expected = case.twin.as_ref()?;
        if expected.invariant.is_empty() {
            return Some("a twin must say what it violates (`expect`)".into());
        }
        let of = expected.of.as_ref()?;
        match self.find(of) {
            Some(model) if model.twin.is_none() => None,
            _ => Some(format!("is a twin of {of}, which is not a model of this suite")),
        }
    }
}
