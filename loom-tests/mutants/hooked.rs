//! A model as the model files declare it, kept so that it can be searched with a hook in it.

use std::sync::Arc;

use blockgate::sync::mutation::{Effect, Site, set_hook};

/// What becomes of each operation.
pub type Hook = Arc<dyn Fn(Site) -> Effect + Send + Sync>;

/// Stands in for `Model` and `Twin` of the harness, with the same builder.
#[derive(Clone)]
#[must_use]
pub struct Case {
    pub name: String,
    pub weight: u64,
    pub is_long: bool,
    /// Of a twin: the step.
    pub left_out: String,
    /// Of a twin: the invariant that is violated without it.
    pub expected: String,
    roles: Vec<String>,
    body: Arc<dyn Fn() + Send + Sync>,
}

impl Case {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            weight: 1,
            is_long: false,
            left_out: String::new(),
            expected: String::new(),
            roles: Vec::new(),
            body: Arc::new(|| ()),
        }
    }

    pub fn theorem(self, _theorem: impl Into<String>) -> Self {
        self
    }

    pub fn must_reach(self, _outcomes: &[&str]) -> Self {
        self
    }

    pub fn of(self, _model: impl Into<String>) -> Self {
        self
    }

    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.roles = roles.iter().map(ToString::to_string).collect();
        self
    }

    pub fn body(mut self, body: impl Fn() + Send + Sync + 'static) -> Self {
        self.body = Arc::new(body);
        self
    }

    pub fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    pub fn weight(mut self, weight: u64) -> Self {
        self.weight = weight;
        self
    }

    pub fn expect(mut self, invariant: impl Into<String>) -> Self {
        self.expected = invariant.into();
        self
    }

    pub fn left_out(mut self, step: impl Into<String>) -> Self {
        self.left_out = step.into();
        self
    }

    /// Searches the model with `hook` at every operation.
    pub fn search(&self, hook: &Hook) -> real_harness::Found {
        let (body, hook) = (Arc::clone(&self.body), Arc::clone(hook));
        let roles: Vec<_> = self.roles.iter().map(String::as_str).collect();
        let model = real_harness::Model::new(self.name.as_str()).roles(&roles).body(move || {
            let hook = Arc::clone(&hook);
            set_hook(Box::new(move |site| hook(site)));
            body();
        });
        model.search()
    }
}
