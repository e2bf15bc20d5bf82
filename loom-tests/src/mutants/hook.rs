//! A model with something changed in it: a hook at every operation of the facade.

use std::sync::Arc;

use blockgate::sync::mutation::{Effect, Site, set_hook};
use loom_harness::{Case, Found};

/// What becomes of each operation.
pub type Hook = Arc<dyn Fn(Site) -> Effect + Send + Sync>;

/// The hook that changes nothing.
pub fn as_written() -> Hook {
    Arc::new(|_| Effect::AsWritten)
}

/// Searches `case` with `hook` at every operation.
pub fn search(case: &Case, hook: &Hook) -> Found {
    let hook = Arc::clone(hook);
    let install = move || {
        let hook = Arc::clone(&hook);
        set_hook(Box::new(move |site| hook(site)));
    };
    case.clone().preceded_by(install).search()
}
