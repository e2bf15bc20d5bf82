//! Where in the program a role is: loom's events do not say, the stack does.

use super::event;
use backtrace::{Backtrace, BacktraceFrame, BacktraceSymbol};
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// A stack, not looked at yet: names cost some time, and a role has little stack of its own.
pub(super) struct Place(Backtrace);

/// The place of the running role.
pub(super) fn here() -> Place {
    Place(Backtrace::new_unresolved())
}

impl Place {
    /// The same for the same place.
    pub(super) fn key(&self) -> Vec<usize> {
        self.0.frames().iter().map(|frame| frame.ip() as usize).collect()
    }

    /// Whether a panic here would be caught by the program, and not by what carries its roles.
    ///
    /// Names are looked up once a place, and on another thread: a role has little stack.
    pub(super) fn would_be_caught(self) -> bool {
        static KNOWN: Mutex<BTreeMap<Vec<usize>, bool>> = Mutex::new(BTreeMap::new());
        let key = self.key();
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&key).copied();
        found.unwrap_or_else(|| {
            let is_caught = thread::spawn(move || self.has_catch()).join().unwrap_or(false);
            known().insert(key, is_caught);
            is_caught
        })
    }

    fn has_catch(mut self) -> bool {
        let names = self.symbols().filter_map(|symbol| symbol.name().map(|name| name.to_string()));
        let mut of_the_role = names.take_while(|name| !name.contains("generator::"));
        of_the_role.any(|name| name.contains("catch_unwind") || name.contains("__rust_try"))
    }

    /// Whether a function is under way whose name contains `name`.
    pub(super) fn is_in(&mut self, name: &str) -> bool {
        self.symbols().any(|symbol| symbol.name().is_some_and(|known| known.to_string().contains(name)))
    }

    /// The innermost line that is neither loom's nor this crate's nor std's, such as `src/lib.rs:12`.
    pub(super) fn line(mut self) -> Option<String> {
        let line = |symbol: &BacktraceSymbol| {
            let file = symbol.filename().filter(|file| !is_below(file))?;
            Some(format!("{}:{}", shown(file).display(), symbol.lineno()?))
        };
        self.symbols().find_map(line)
    }

    fn symbols(&mut self) -> impl Iterator<Item = &BacktraceSymbol> {
        self.0.resolve();
        self.0.frames().iter().flat_map(BacktraceFrame::symbols)
    }
}

/// Whether a file is of the engine, of what carries it, or of this crate.
fn is_below(file: &Path) -> bool {
    let root = |source: &Path| source.ancestors().find(|path| path.ends_with("src")).map(Path::to_path_buf);
    let of_loom = event::source().and_then(|source| root(Path::new(source)));
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let carries = ["/rustc/", "/rustlib/", "/backtrace-", "/generator-", "/scoped-tls-", "/tracing-"];
    let text = file.to_string_lossy();
    of_loom.is_some_and(|root| file.starts_with(root))
        || file.starts_with(own)
        || carries.iter().any(|carrier| text.contains(carrier))
}

/// As panics show it: from the root of the workspace, or of the registry.
fn shown(file: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join("Cargo.lock").exists()).unwrap_or(&here);
    if let Ok(inside) = file.strip_prefix(root) {
        return inside.into();
    }
    let mut parts = file.components();
    let is_registry = parts.by_ref().any(|part| part.as_os_str() == "registry");
    if is_registry { parts.skip(2).collect() } else { file.into() }
}
