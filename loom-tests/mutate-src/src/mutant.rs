//! A change of one place of `src`.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a mutant is known by, whatever its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    pub file: String,
    /// With the function, as cargo-mutants says it.
    pub change: String,
    /// Of several that are called the same in one file, by their order.
    pub nth: usize,
}

/// A change of one place of `src`.
pub struct Mutant {
    /// What it is known by from one version of the source to the next.
    pub key: Key,
    /// Of the function that it is in, or of its line.
    pub fingerprint: String,
    /// The line where it begins.
    pub line: String,
    /// What is replaced, as bytes of the file.
    pub at: Range<usize>,
    pub replacement: String,
    /// What a change by hand breaks.
    pub breaks: Option<&'static str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.change)?;
        if self.nth > 1 { write!(f, " (no. {})", self.nth) } else { Ok(()) }
    }
}

impl Mutant {
    pub fn file(&self) -> &str {
        &self.key.file
    }

    /// The file with the change.
    pub fn apply(&self, text: &str) -> String {
        [&text[..self.at.start], &self.replacement, &text[self.at.end..]].concat()
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)
    }
}
