//! Which model and which test comes to which function. A change in a function that one does not come to changes
//! nothing for it.
//!
//! It is found out by running each once with a note at the head of every function. (`const` functions have none: they
//! also run while compiling. All are assumed to come to them, and to what is in no function.)

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
use crate::run::{Ended, run};
use crate::source::{Source, hash};
use crate::tree::Tree;

/// So long a run without any change may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Where the notes go: a variable with the path of a file.
const VARIABLE: &str = "BLOCKGATE_REACHED";

/// What is run against a mutant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
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
/// documentation, and what takes longest.
#[derive(Serialize, Deserialize)]
pub struct Reach {
    /// Of all that was compiled.
    of: String,
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
    /// Runs everything, unless that was done with these sources.
    pub fn find(tree: &Tree) -> Result<Self, String> {
        let file = tree.work().with_file_name("reach.json");
        let of = sources(tree);
        let known = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        if let Some(known) = known.filter(|known| known.of == of) {
            return Ok(known);
        }
        let reach = Self { of, cases: with_notes(tree)? };
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
        Ok(Self { of: String::new(), cases })
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
        self.cases.iter().filter(comes).collect()
    }
}

fn id(file: &str, function: usize) -> String {
    format!("{file}#{function}")
}

/// A hash of all that is compiled.
fn sources(tree: &Tree) -> String {
    let mut text = String::new();
    let files = ["src/", "tests/", "loom-tests/", "Cargo", "build.rs"]
        .into_iter()
        .flat_map(|folder| tree.files(folder));
    for file in files {
        let _ = write!(text, "{file}\n{}", tree.read(file).unwrap_or_default());
    }
    format!("{:016x}", hash(text.bytes()))
}

/// With a note in every function.
fn with_notes(tree: &Tree) -> Result<Vec<Case>, String> {
    let files: Vec<_> = tree.files("src/").filter(|file| is_rust(file)).map(String::from).collect();
    let mut ids = Vec::new();
    let mut originals = Vec::new();
    for file in &files {
        let text = tree.read(file)?;
        let noted = add_notes(file, &text, &mut ids)?;
        let noted = if file == "src/lib.rs" { noted + "\n#[doc(hidden)]\npub mod reached;\n" } else { noted };
        tree.write(file, &noted)?;
        originals.push((file, text));
    }
    tree.write("src/reached.rs", &notes(ids.len()))?;
    let cases = run_all(tree, &ids);
    tree.remove("src/reached.rs")?;
    for (file, text) in originals {
        tree.write(file, &text)?;
    }
    cases
}

fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

fn add_notes(file: &str, text: &str, ids: &mut Vec<String>) -> Result<String, String> {
    let source = Source::parse(text).map_err(|error| format!("{file}: {error}"))?;
    let functions = source.functions().iter().enumerate().filter(|(_, function)| !function.is_const);
    let mut notes: Vec<_> = functions.map(|(index, function)| (function.body, id(file, index))).collect();
    notes.sort();
    let mut with_notes = text.to_owned();
    for (at, id) in notes.into_iter().rev() {
        with_notes.insert_str(at, &format!(" crate::reached::at({});", ids.len()));
        ids.push(id);
    }
    Ok(with_notes)
}

/// The module that takes the notes: each function once a process.
fn notes(count: usize) -> String {
    format!(
        "#![allow(warnings, clippy::all, clippy::pedantic)]
         use std::io::Write;
         use std::sync::atomic::{{AtomicBool, Ordering}};
         static SEEN: [AtomicBool; {count}] = [const {{ AtomicBool::new(false) }}; {count}];
         pub fn at(function: usize) {{
             if SEEN[function].load(Ordering::Relaxed) || SEEN[function].swap(true, Ordering::Relaxed) {{
                 return;
             }}
             let Some(path) = std::env::var_os({VARIABLE:?}) else {{ return }};
             let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
             file.write_all(format!(\"{{function}}\\n\").as_bytes()).unwrap();
         }}"
    )
}

fn run_all(tree: &Tree, ids: &[String]) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for target in Target::all(tree) {
        println!("finding out what {target} comes to");
        if target == Target::Models {
            let executable = executable(&target, tree)?;
            for name in models(tree, &executable)? {
                cases.extend(run_one(tree, Case::unknown(&target, Some(name)), Some(&executable), ids)?);
            }
        } else {
            let executable = (target != Target::Doc).then(|| executable(&target, tree)).transpose()?;
            cases.extend(run_one(tree, Case::unknown(&target, None), executable.as_deref(), ids)?);
        }
    }
    cases.sort_by(|a, b| (rank(a), a.seconds).partial_cmp(&(rank(b), b.seconds)).unwrap_or(Ordering::Equal));
    Ok(cases)
}

/// A model of so many seconds is shown what the tests have not seen.
const HEAVY: f64 = 3.0;

fn rank(case: &Case) -> u8 {
    match (case.is_model(), case.is_twin) {
        (true, _) if case.seconds >= HEAVY => 4,
        (true, false) => 0,
        (true, true) => 1,
        (false, _) if case.target == "documentation" => 3,
        (false, _) => 2,
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
    fn every_function_but_a_const_one_has_a_note() {
        let text = "fn a() { fn b() {} }\nconst fn c() {}\nimpl D { fn e(&self) -> u8 { 0 } }";
        let mut ids = Vec::new();
        let noted = add_notes("src/a.rs", text, &mut ids).unwrap();
        assert_eq!(
            noted,
            "fn a() { crate::reached::at(2); fn b() { crate::reached::at(1);} }\nconst fn c() {}\nimpl D { fn e(&self) -> u8 { crate::reached::at(0); 0 } }"
        );
        assert_eq!(ids, ["src/a.rs#3", "src/a.rs#1", "src/a.rs#0"]);
    }
}
