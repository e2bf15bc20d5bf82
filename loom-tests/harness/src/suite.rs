//! All models and twins of one test binary, and which engine explores them.

use crate::case::{Case, Model, Twin};
use crate::engine::Engine;
use std::path::PathBuf;

/// All models and twins of one test binary.
pub struct Suite {
    pub(crate) prefix: String,
    pub(crate) command: String,
    pub(crate) links: String,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) cases: Vec<Case>,
    engine: Option<Engine>,
}

impl Suite {
    /// An empty suite. Its environment variables are named after `project`: `Suite::new("my-lib")` reads
    /// `MY_LIB_REPLAY`, `MY_LIB_LONG` and `MY_LIB_EXPLORE` ([`asked`](crate::binary::asked)).
    #[must_use]
    pub fn new(project: &str) -> Self {
        Self {
            prefix: project.to_uppercase().replace('-', "_"),
            command: "cargo test".into(),
            links: "../../".into(),
            certificate: None,
            cases: Vec::new(),
            engine: None,
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

    /// Where `--certificate`, `--check-certificate` and `--compare` look when no file follows them: the path
    /// without its ending.
    #[must_use]
    pub fn certificate(mut self, base: impl Into<PathBuf>) -> Self {
        self.certificate = Some(base.into());
        self
    }

    /// Explores with `engine`, and not with the one that this build is for.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
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

    /// The engine that explores.
    ///
    /// # Errors
    /// When this crate was built without any.
    pub(crate) fn explored_by(&self) -> Result<Engine, String> {
        self.engine.map_or_else(Engine::of_this_build, Ok)
    }

    /// Whether this suite's engine explores `case`: some are too large for loom.
    pub(crate) fn explores(&self, case: &Case) -> bool {
        self.is_second() || !case.second_engine_only
    }

    /// Whether the plain run of this suite's engine leaves `case` out.
    pub(crate) fn is_long(&self, case: &Case) -> bool {
        case.long.is_for(self.is_second())
    }

    fn is_second(&self) -> bool {
        self.explored_by().is_ok_and(|engine| engine.explorer().is_second())
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
