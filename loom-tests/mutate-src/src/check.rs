//! What CI asks. Whole: is the page that of the sources and the results, and every survivor argued? Then, as far as the
//! time goes: do a sample of the killed mutants, and those on changed lines, fail what the page names?

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::build::{Builds, Target};
use crate::equivalent::ARGUMENTS;
use crate::listing;
use crate::mutant::Mutant;
use crate::page;
use crate::reach::Case;
use crate::record::{Outcome, Record, Records};
use crate::run::{Ended, run};
use crate::tree::Tree;
use crate::trial::{DID_NOT_END, Trial};
use crate::verdict::Verdicts;
use crate::{PAGE, RECORDS};

pub fn check(arguments: &Arguments, root: &Path, work: &Path) -> Result<(), String> {
    let began = Instant::now();
    let mutants = listing::all(root, None)?;
    let records = Records::read(&root.join(RECORDS))?;
    let verdicts = Verdicts::of(&mutants, &records, ARGUMENTS);
    println!("{}", verdicts.summary());
    let mut defects = verdicts.defects();
    if fs::read_to_string(root.join(PAGE)).unwrap_or_default() != page::render(&verdicts, root)? {
        defects.push(format!("{PAGE} is stale: cargo mutate-src --write"));
    }
    let asked = Asked { arguments, root, records: &records, began };
    let changed = asked.changed()?;
    let is_changed = |mutant: &&Mutant| changed.iter().any(|other| other.key == mutant.key);
    let sample = asked.sample(&mutants);
    let (on_changed_lines, sampled) =
        (mutants.iter().filter(is_changed), sample.into_iter().filter(|one| !is_changed(one)));
    defects.extend(asked.try_all(&on_changed_lines.chain(sampled).collect::<Vec<_>>(), work)?);
    if defects.is_empty() { Ok(()) } else { Err(defects.join("\n")) }
}

struct Asked<'a> {
    arguments: &'a Arguments,
    root: &'a Path,
    records: &'a Records,
    began: Instant,
}

impl Asked<'_> {
    /// Mutants on lines that changed since a revision.
    fn changed(&self) -> Result<Vec<Mutant>, String> {
        let Some(revision) = &self.arguments.changed else { return Ok(Vec::new()) };
        let diff = Command::new("git").current_dir(self.root).args(["diff", revision, "--", "src"]).output();
        let diff = diff.map_err(|error| format!("git diff: {error}"))?;
        if !diff.status.success() {
            return Err(format!("git diff {revision}: {}", String::from_utf8_lossy(&diff.stderr)));
        }
        if diff.stdout.is_empty() {
            return Ok(Vec::new());
        }
        let file = self.root.join("target/mutate-src/changed.diff");
        let written = fs::create_dir_all(self.root.join("target/mutate-src"))
            .and_then(|()| fs::write(&file, &diff.stdout));
        written.map_err(|error| format!("{}: {error}", file.display()))?;
        listing::all(self.root, Some(&file))
    }

    /// Some of the killed ones.
    fn sample<'m>(&self, mutants: &'m [Mutant]) -> Vec<&'m Mutant> {
        let is_killed = |mutant: &&Mutant| {
            let record = self.records.of(mutant);
            record.is_some_and(|record| {
                matches!(record.outcome, Outcome::Models | Outcome::Tests)
                    && !record.by.ends_with(DID_NOT_END)
            })
        };
        let mut killed: Vec<_> = mutants.iter().filter(is_killed).collect();
        let seed = self
            .arguments
            .seed
            .bytes()
            .fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        fastrand::Rng::with_seed(seed).shuffle(&mut killed);
        killed.truncate(self.arguments.sample);
        killed
    }

    /// What is not as the page says.
    fn try_all(&self, mutants: &[&Mutant], work: &Path) -> Result<Vec<String>, String> {
        if mutants.is_empty() {
            return Ok(Vec::new());
        }
        let tree = Tree::copy(self.root, work)?;
        let mut trial = None;
        let mut defects = Vec::new();
        for (done, mutant) in mutants.iter().enumerate() {
            if self.arguments.is_over(self.began) {
                println!("{} of {} are left: the time is over", mutants.len() - done, mutants.len());
                break;
            }
            let began = Instant::now();
            let defect = if let Some(record) = self.records.of(mutant) {
                again(mutant, record, &tree)?
            } else {
                let trial = match &mut trial {
                    Some(trial) => trial,
                    none => none.insert(Trial::unprepared(&tree)?),
                };
                let record = trial.of(mutant)?;
                println!("{record}");
                (record.outcome == Outcome::Survived).then(|| format!("{mutant} survives: `{}`", mutant.line))
            };
            println!(
                "{mutant}: {}, {:.1} s",
                if defect.is_some() { "NOT so" } else { "as the page says" },
                began.elapsed().as_secs_f64()
            );
            defects.extend(defect);
        }
        Ok(defects)
    }
}

/// Shows a mutant to what has killed it.
fn again(mutant: &Mutant, record: &Record, tree: &Tree) -> Result<Option<String>, String> {
    let Some((case, one)) = named(record) else { return Ok(None) };
    let target = Target::named(&case.target);
    let text = tree.read(mutant.file())?;
    tree.with(mutant.file(), &mutant.apply(&text), || {
        let executable = if target == Target::Doc { None } else { Builds::default().of(&target, tree)? };
        if target != Target::Doc && executable.is_none() {
            return Ok(Some(format!("{mutant}: the page says that it was killed, but it does not compile")));
        }
        let mut command = case.command(tree, executable.as_deref());
        command.args(one.iter().filter(|_| executable.is_some()).flat_map(|test| ["--exact", test]));
        let survives = run(&command, std::time::Duration::from_secs(60))?.0 == Ended::Passed;
        Ok(survives.then(|| format!("{mutant}: {} does not see it any more: `{}`", record.by, mutant.line)))
    })
}

/// What a killed mutant was killed by: the case, and the test in it.
fn named(record: &Record) -> Option<(Case, Option<String>)> {
    let by = record.by.trim_end_matches(DID_NOT_END);
    match record.outcome {
        Outcome::Models => Some((Case::unknown(&Target::Models, Some(by.to_owned())), None)),
        Outcome::Tests => {
            let (target, test) =
                by.split_once(": ").map_or((by, None), |(target, test)| (target, Some(test.to_owned())));
            Some((Case::unknown(&Target::named(target), None), test))
        }
        Outcome::Unviable | Outcome::Survived => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutant::Key;

    #[test]
    fn what_has_killed_a_mutant_is_found_by_its_name() {
        let named = |outcome, by: &str| {
            let key = Key { file: "src/a.rs".into(), change: "b".into(), nth: 1 };
            let record = Record { key, of: "f".into(), outcome, by: by.into(), on: "2026-11-25".into() };
            named(&record).map(|(case, test)| (case.target, case.model, test))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(named(Outcome::Models, "gate/a"), Some(("models".into(), some("gate/a"), None)));
        let test = named(Outcome::Tests, "tests/volume.rs: a_test");
        assert_eq!(test, Some(("tests/volume.rs".into(), None, some("a_test"))));
        assert_eq!(named(Outcome::Tests, "src (did not end)"), Some(("src".into(), None, None)));
        assert_eq!(named(Outcome::Survived, "1 models, 1 tests"), None);
    }
}
