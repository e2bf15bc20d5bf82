//! What the tests of the repository read it with: `docs` (is what the pages say there?) and `house` (the
//! rules of the whole tree).
#![allow(dead_code, unreachable_pub, reason = "each of the two uses a part")]

pub mod circles;
pub mod declared;
pub mod faults;
pub mod items;
pub mod markdown;
pub mod ways;
pub mod words;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the crate's own manifest.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file, by its path from the root.
///
/// # Panics
/// If it cannot be read.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether there is a file or a folder at a path from the root.
pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Every file below `folder` whose name ends in one of `extensions`, by its path from the root, sorted.
/// Without what is built (`target`) and what git keeps.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(folder), extensions, &mut found);
    let from_root = |path: PathBuf| {
        let path = path.strip_prefix(root()).expect("below the root");
        path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let mut found: Vec<_> = found.into_iter().map(from_root).collect();
    found.sort();
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && name != ".git" {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|e| extension == *e)) {
            found.push(path);
        }
    }
}

/// Something that breaks a rule, where it is, and what to do.
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub what: String,
}

impl Finding {
    pub fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Nothing if there are no findings; otherwise all of them, a line each.
///
/// # Errors
/// The lines.
pub fn none_of(findings: &[Finding]) -> Result<(), String> {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    if lines.is_empty() { Ok(()) } else { Err(format!("\n{}", lines.join("\n"))) }
}
