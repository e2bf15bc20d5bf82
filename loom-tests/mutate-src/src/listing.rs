//! All mutants: those of cargo-mutants, and those by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::by_hand::{self, Change};
use crate::mutant::{Key, Mutant};
use crate::source::Source;

/// The version whose mutants are on the page: another may make others.
pub const VERSION: &str = "27.1.0";

/// What cargo-mutants says of a mutant, as far as it is used.
#[derive(Deserialize)]
struct Listed {
    file: String,
    name: String,
    replacement: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Place,
    end: Place,
}

#[derive(Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

/// All mutants in the order of the source, or those on the lines of a diff.
///
/// # Errors
/// When cargo-mutants is not there, or of another version; when a change by hand does not apply.
pub fn all(root: &Path, diff: Option<&Path>) -> Result<Vec<Mutant>, String> {
    let listed = by_machine(root, diff)?;
    let mut files = Files { root, read: BTreeMap::new() };
    let mut counts = BTreeMap::new();
    let mut mutants = Vec::new();
    for one in listed {
        let (text, source) = files.read(&one.file)?;
        let offset = |place: &Place| source.offset(place.line, place.column);
        let range = offset(&one.span.start).zip(offset(&one.span.end));
        let (start, end) = range.ok_or_else(|| format!("{}: not in the file", one.name))?;
        debug_assert!(text.is_char_boundary(end));
        let change = without_place(&one.name, &one.file);
        let nth = counts.entry((one.file.clone(), change.clone())).or_insert(0);
        *nth += 1;
        mutants.push(Mutant {
            key: Key { file: one.file, change, nth: *nth },
            fingerprint: source.fingerprint(start),
            line: source.line_text(start).to_owned(),
            at: start..end,
            replacement: one.replacement,
            breaks: None,
        });
    }
    for change in by_hand::changes() {
        mutants.push(of_change(&change, &mut files)?);
    }
    mutants.sort_by(|a, b| (&a.key.file, a.at.start).cmp(&(&b.key.file, b.at.start)));
    Ok(mutants)
}

struct Files<'root> {
    root: &'root Path,
    read: BTreeMap<String, (String, Source)>,
}

impl Files<'_> {
    fn read(&mut self, file: &str) -> Result<&(String, Source), String> {
        if !self.read.contains_key(file) {
            let text =
                fs::read_to_string(self.root.join(file)).map_err(|error| format!("{file}: {error}"))?;
            let source = Source::parse(&text).map_err(|error| format!("{file}: {error}"))?;
            self.read.insert(file.to_owned(), (text, source));
        }
        Ok(&self.read[file])
    }
}

fn by_machine(root: &Path, diff: Option<&Path>) -> Result<Vec<Listed>, String> {
    let install = format!("cargo install cargo-mutants --locked --version {VERSION}");
    let version = Command::new("cargo-mutants").args(["mutants", "--version"]).output();
    let version =
        version.map_err(|error| format!("cargo-mutants: {error}; the command is\n    {install}"))?;
    if String::from_utf8_lossy(&version.stdout).split_whitespace().last() != Some(VERSION) {
        return Err(format!("the mutants are those of cargo-mutants {VERSION}: {install}"));
    }
    let mut command = Command::new("cargo-mutants");
    command.current_dir(root).args(["mutants", "--list", "--json", "--package", "blockgate"]);
    if let Some(diff) = diff {
        command.arg("--in-diff").arg(diff);
    }
    let listed = command.output().map_err(|error| error.to_string())?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).into_owned());
    }
    // It says in words that a diff touches nothing.
    if listed.stdout.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&listed.stdout).map_err(|error| format!("cargo mutants --list: {error}"))
}

/// `src/a.rs:1:2: replace …` without what changes with the lines above.
fn without_place(name: &str, file: &str) -> String {
    let place = name.strip_prefix(file).and_then(|rest| rest.split_once(": "));
    place.map_or(name, |(_, change)| change).to_owned()
}

fn of_change(change: &Change, files: &mut Files<'_>) -> Result<Mutant, String> {
    let (text, source) = files.read(change.file)?;
    let mut found = text.match_indices(change.old).map(|(at, _)| at);
    let (Some(at), None) = (found.next(), found.next()) else {
        return Err(format!(
            "{} {:?}: what is replaced must be there once: bring it up to date",
            change.file, change.name
        ));
    };
    Ok(Mutant {
        key: Key { file: change.file.to_owned(), change: change.name.to_owned(), nth: 1 },
        fingerprint: source.fingerprint(at),
        line: source.line_text(at).to_owned(),
        at: at..at + change.old.len(),
        replacement: change.new.to_owned(),
        breaks: Some(change.breaks),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_mutant_survives_an_edit_above_it() {
        let name = "src/a.rs:12:9: replace + with - in A::b";
        assert_eq!(without_place(name, "src/a.rs"), "replace + with - in A::b");
    }

    #[test]
    fn each_change_by_hand_applies_and_has_a_name_of_its_own() {
        let root = crate::root();
        let mut files = Files { root, read: BTreeMap::new() };
        let mut names = std::collections::BTreeSet::new();
        for change in by_hand::changes() {
            let mutant = of_change(&change, &mut files).unwrap();
            assert_ne!(change.old, change.new);
            assert!(names.insert(mutant.to_string()), "{mutant} twice");
        }
    }

    #[test]
    fn twin_a_change_that_does_not_apply_is_an_error() {
        let mut files = Files { root: crate::root(), read: BTreeMap::new() };
        for old in ["of nothing", "fn "] {
            let change = Change { file: "src/gate/mod.rs", name: "a", old, new: "", breaks: "" };
            assert!(of_change(&change, &mut files).is_err_and(|why| why.contains("once")), "{old}");
        }
    }
}
