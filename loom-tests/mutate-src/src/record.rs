//! What came of each mutant, as it is kept: one line of JSON each.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::mutant::{Key, Mutant};

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A model or a twin is not as it should be.
    Models,
    /// A test fails.
    Tests,
    /// The compiler refuses it.
    Unviable,
    Survived,
}

/// What came of one mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    #[serde(flatten)]
    pub key: Key,
    /// Of the function as it was then. A record of another one says nothing.
    pub of: String,
    pub outcome: Outcome,
    /// Which model or test; for a survivor, how many of them it was shown to.
    pub by: String,
    /// The day.
    pub on: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Outcome::Models | Outcome::Tests => write!(f, "{}: killed by {}", self.key, self.by),
            Outcome::Unviable => write!(f, "{}: unviable", self.key),
            Outcome::Survived => write!(f, "{}: SURVIVED {}", self.key, self.by),
        }
    }
}

impl Record {
    pub fn of(mutant: &Mutant, outcome: Outcome, by: String) -> Result<Self, String> {
        Ok(Self { key: mutant.key.clone(), of: mutant.fingerprint.clone(), outcome, by, on: today()? })
    }

    /// Keeps it, whatever happens next.
    pub fn append_to(&self, file: &Path) -> Result<(), String> {
        let line = serde_json::to_string(self).map_err(|error| error.to_string())? + "\n";
        let opened = File::options().create(true).append(true).open(file);
        let written = opened.and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|error| format!("{}: {error}", file.display()))
    }
}

fn today() -> Result<String, String> {
    let date = Command::new("date").args(["-u", "+%F"]).output().map_err(|error| format!("date: {error}"))?;
    Ok(String::from_utf8_lossy(&date.stdout).trim().to_owned())
}

/// Records by what they are of.
#[derive(Default)]
pub struct Records(BTreeMap<Key, Record>);

impl FromIterator<Record> for Records {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        Self(records.into_iter().map(|record| (record.key.clone(), record)).collect())
    }
}

impl Records {
    /// Reads a file; none is as one without lines. The last of several records of one mutant counts.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| format!("{}: {error}", file.display()))?,
        };
        let parse =
            |line: &str| serde_json::from_str::<Record>(line).map_err(|error| format!("{line}: {error}"));
        text.lines().map(parse).collect()
    }

    pub fn write(&self, file: &Path) -> Result<(), String> {
        let mut text = String::new();
        for record in self.0.values() {
            let line = serde_json::to_string(record).map_err(|error| error.to_string())?;
            let _ = writeln!(text, "{line}");
        }
        fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
    }

    pub fn extend(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }

    /// What came of this mutant, of the function as it is now.
    pub fn of(&self, mutant: &Mutant) -> Option<&Record> {
        self.0.get(&mutant.key).filter(|record| record.of == mutant.fingerprint)
    }

    /// Without those of mutants that are no more, or of functions that have changed.
    pub fn only_of(&self, mutants: &[Mutant]) -> Self {
        mutants.iter().filter_map(|mutant| self.of(mutant).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(fingerprint: &str) -> Mutant {
        Mutant {
            key: Key { file: "src/a.rs".into(), change: "replace + with - in b".into(), nth: 2 },
            fingerprint: fingerprint.into(),
            line: String::new(),
            at: 0..0,
            replacement: String::new(),
            breaks: None,
        }
    }

    #[test]
    fn a_record_is_of_the_function_as_it_was() {
        let record = Record::of(&mutant("1"), Outcome::Models, "a/b".into()).unwrap();
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        let records: Records = [record].into_iter().collect();
        assert!(records.of(&mutant("1")).is_some());
        assert!(records.of(&mutant("2")).is_none(), "the function has changed");
        assert!(records.only_of(&[mutant("2")]).0.is_empty());
    }
}
