//! Which model and which test comes to which function. A change in a function that one does not come to changes
//! nothing for it.
//!
//! It is found out by running each once with a note at the head of every function. All are assumed to come to what has none:
//! `const` functions, and what is in no function. What was found out of a target is kept, until `src` or it has changed.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::build::{Built, Target};
use crate::mutant::Mutant;
use crate::notes::{VARIABLE, id, with_notes};
use crate::run::{Ended, run};
use crate::source::{Source, hash};
use crate::tree::Tree;

/// So long a run without any change may take.
const LIMIT: Duration = Duration::from_secs(600);

/// What is run against a mutant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Of all that it is compiled of.
    of: String,
    /// As [`Target`] is called.
    pub target: String,
    /// Of a model or twin.
    pub model: Option<String>,
    pub is_twin: bool,
    /// Without any change.
    pub seconds: f64,
    /// Tests that fail without any change, on this machine as it is now: they say nothing of one.
    pub skipped: Vec<String>,
    /// The functions, or all.
    reached: Option<BTreeSet<String>>,
}

/// All cases in the order in which they are shown a mutant: models, twins, tests, and the quickest of each first; then the
/// documentation; and the models that take longest, where that is asked for.
#[derive(Serialize, Deserialize)]
pub struct Reach {
    cases: Vec<Case>,
}

impl Case {
    /// A command that runs it, by the executable of its target.
    pub fn command(&self, tree: &Tree, executable: Option<&Path>) -> Command {
        let Some(executable) = executable else { return Target::named(&self.target).cargo(tree) };
        let mut command = Command::new(executable);
        command.current_dir(tree.root());
        command.args(self.model.iter().flat_map(|name| ["--exact", name, "--test-threads", "1"]));
        command.args(self.skipped.iter().flat_map(|name| ["--skip", name]));
        command
    }

    pub fn is_model(&self) -> bool {
        self.model.is_some()
    }

    /// A model or twin of this name, or a test of this target, of which nothing else is known.
    pub fn unknown(target: &Target, model: Option<String>) -> Self {
        Self {
            of: String::new(),
            target: target.to_string(),
            model,
            is_twin: false,
            seconds: 3.0,
            skipped: Vec::new(),
            reached: None,
        }
    }
}

impl Reach {
    /// Runs each target, unless that was done with its sources.
    pub fn find(tree: &Tree) -> Result<Self, String> {
        let file = tree.work().with_file_name("reach.json");
        let known = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let mut cases = known.map_or_else(Vec::new, |known| known.cases);
        let targets = Target::all(tree);
        cases.retain(|case| case.of == sources(tree, &Target::named(&case.target)));
        let is_unknown = |target: &&Target| cases.iter().all(|case| case.target != target.to_string());
        let unknown: Vec<_> = targets.iter().filter(is_unknown).collect();
        if !unknown.is_empty() {
            let found = with_notes(tree, |ids| run_all(tree, &unknown, ids))?;
            let with_sources = |case: Case| Case { of: sources(tree, &Target::named(&case.target)), ..case };
            cases.extend(found.into_iter().map(with_sources));
        }
        cases.sort_by(|a, b| {
            (rank(a), a.seconds).partial_cmp(&(rank(b), b.seconds)).unwrap_or(Ordering::Equal)
        });
        let reach = Self { cases };
        let text = serde_json::to_vec(&reach).map_err(|error| error.to_string())?;
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(reach)
    }

    /// All cases, as if each came to each function: for a few mutants, where finding out takes longer.
    pub fn unknown(tree: &Tree) -> Result<Self, String> {
        let mut cases = Vec::new();
        for target in Target::all(tree) {
            if target == Target::Models {
                let names = models(tree, &executable(&target, tree)?)?;
                cases.extend(names.into_iter().map(|name| Case::unknown(&target, Some(name))));
            } else {
                cases.push(Case::unknown(&target, None));
            }
        }
        Ok(Self { cases })
    }

    /// Without the models that take longest.
    pub fn without_the_longest(mut self) -> Self {
        self.cases.retain(|case| rank(case) < LONGEST);
        self
    }

    /// Those that come to the function of a mutant, models first.
    pub fn cases_of(&self, mutant: &Mutant, source: &Source) -> Vec<&Case> {
        let function = source.around(mutant.at.start);
        let noted = function.filter(|&index| !source.functions()[index].is_const);
        let id = noted.map(|index| id(mutant.file(), index));
        let comes = |case: &&Case| match (&case.reached, &id) {
            (Some(reached), Some(id)) => reached.contains(id),
            _ => true,
        };
        let mut cases: Vec<_> = self.cases.iter().filter(comes).collect();
        cases.sort_by_key(|case| (rank(case), distance(case, mutant.file())));
        cases
    }
}

/// A hash of all that a target is compiled of.
fn sources(tree: &Tree, target: &Target) -> String {
    let own = match target {
        Target::Unit | Target::Doc => Vec::new(),
        Target::Test { package: "blockgate", name } => {
            ["tests/support/".into(), format!("tests/{name}")].into()
        }
        Target::Models | Target::Test { .. } => vec!["loom-tests/".to_owned()],
    };
    let common = ["src/", "Cargo.lock", "build.rs"].map(String::from);
    let mut text = String::new();
    for folder in common.iter().chain(&own) {
        for file in tree.files(folder).filter(|file| !file.starts_with("loom-tests/mutate-src")) {
            let _ = write!(text, "{file}\n{}", tree.read(file).unwrap_or_default());
        }
    }
    format!("{:016x}", hash(text.bytes()))
}

fn run_all(tree: &Tree, targets: &[&Target], ids: &[String]) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for target in targets {
        println!("finding out what {target} comes to");
        if **target == Target::Models {
            let executable = executable(target, tree)?;
            for name in models(tree, &executable)? {
                cases.extend(run_one(tree, Case::unknown(target, Some(name)), Some(&executable), ids)?);
            }
        } else {
            let executable = (**target != Target::Doc).then(|| executable(target, tree)).transpose()?;
            cases.extend(run_one(tree, Case::unknown(target, None), executable.as_deref(), ids)?);
        }
    }
    Ok(cases)
}

/// A model of so many seconds is shown only what the tests have not seen, and in a long run alone: the others see what
/// they see, with fewer threads.
const HEAVY: f64 = 3.0;

const LONGEST: u8 = 4;

fn rank(case: &Case) -> u8 {
    match (case.is_model(), case.is_twin) {
        (true, _) if case.seconds >= HEAVY => LONGEST,
        (true, false) => 0,
        (true, true) => 1,
        (false, _) if case.target == "documentation" => 3,
        (false, _) => 2,
    }
}

/// The tests of the changed file itself are built and shown it before others.
fn distance(case: &Case, file: &str) -> u8 {
    let name = case.target.trim_start_matches("tests/").trim_end_matches(".rs");
    let is_of_file = file.split(['/', '.']).any(|part| part == name);
    match case.target.as_str() {
        "models" | "documentation" => 0,
        "src" => 1,
        _ if is_of_file => 2,
        _ => 3,
    }
}

fn executable(target: &Target, tree: &Tree) -> Result<PathBuf, String> {
    match target.build(tree)? {
        Built::Executable(path) => Ok(path),
        Built::Refused => Err(format!("{target} does not compile without any change")),
    }
}

/// The names of all models and twins.
fn models(tree: &Tree, executable: &Path) -> Result<Vec<String>, String> {
    let listed = Command::new(executable).current_dir(tree.root()).arg("--list").output();
    let listed = listed.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(String::from).collect())
}

/// None for what a plain run leaves out.
fn run_one(
    tree: &Tree,
    mut case: Case,
    executable: Option<&Path>,
    ids: &[String],
) -> Result<Option<Case>, String> {
    let notes = tree.work().join("reached.txt");
    // Of the one before, if there was one.
    let _ = fs::remove_file(&notes);
    let (ended, printed) = loop {
        let mut command = case.command(tree, executable);
        command.env(VARIABLE, &notes);
        let began = Instant::now();
        let (ended, printed) = run(&command, LIMIT)?;
        case.seconds = began.elapsed().as_secs_f64();
        match ended {
            Ended::Failed(Some(test)) if !case.is_model() && executable.is_some() => {
                println!("{}: {test} fails without any change, and is left out", case.target);
                case.skipped.push(test);
            }
            ended => break (ended, printed),
        }
    };
    let line =
        |kind: &str| case.model.as_ref().is_some_and(|name| printed.contains(&format!("\n{kind} {name}:")));
    case.is_twin = line("twin");
    if case.is_model() && !case.is_twin && !line("model") {
        return Ok(None);
    }
    if ended != Ended::Passed {
        return Err(format!("{} {} fails without any change", case.target, case.model.unwrap_or_default()));
    }
    let text = fs::read_to_string(&notes).unwrap_or_default();
    let reached = text.lines().filter_map(|line| ids.get(line.parse::<usize>().ok()?).cloned()).collect();
    case.reached = Some(reached);
    Ok(Some(case))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_a_file_come_first() {
        let distance = |target: &str, file| distance(&Case::unknown(&Target::named(target), None), file);
        let targets = ["src", "tests/volume.rs", "tests/gate.rs"];
        assert_eq!(targets.map(|target| distance(target, "src/volume/write.rs")), [1, 2, 3]);
        assert_eq!(targets.map(|target| distance(target, "src/gate/mod.rs")), [1, 3, 2]);
    }
}
