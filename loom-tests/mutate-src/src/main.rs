//! `cargo mutate-src`: `src` with one place changed at a time, against the models and the tests. What came of it is kept
//! in `docs/mutants-of-src.jsonl`, and `docs/mutants-of-src.md` is made of that.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `mutant` | a change of a file: by machine (`listing`, which asks cargo-mutants) or by hand (`by_hand`) |
//! | `source` | where in a file its functions are |
//! | `tree` | the copy of the repository that is changed |
//! | `build`, `run` | cargo and the processes |
//! | `notes`, `reach` | which model and which test comes to which function |
//! | `trial` | the stages of one mutant |
//! | `record`, `equivalent`, `verdict` | what came of it, what is argued, and both together |
//! | `page` | the page |
//! | `check` | what CI asks: is the page current, and are a sample and the changed lines as it says? |
//!
//! cargo-mutants makes the mutants and does not run them: it runs one command a mutant, so it cannot say whether a
//! model or a test has seen it, nor try what it did not make; and it does not know which models come to a function,
//! which makes a trial take seconds instead of a minute.

#![allow(unreachable_pub, reason = "nothing here is anyone's library")]

mod arguments;
mod build;
mod by_hand;
mod check;
mod equivalent;
mod listing;
mod mutant;
mod notes;
mod page;
mod reach;
mod record;
mod run;
mod source;
mod tree;
mod trial;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use arguments::{Action, Arguments, USAGE};
use equivalent::ARGUMENTS;
use mutant::Mutant;
use record::{Outcome, Record, Records};
use tree::Tree;
use trial::Trial;
use verdict::Verdicts;

/// What came of all mutants, one a line.
const RECORDS: &str = "docs/mutants-of-src.jsonl";
/// What is made of it.
const PAGE: &str = "docs/mutants-of-src.md";

fn main() -> ExitCode {
    match Arguments::read().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    match arguments.action {
        Action::Help => println!("{USAGE}"),
        Action::List => {
            selected(arguments, &listing::all(root(), None)?).for_each(|mutant| println!("{mutant}"));
        }
        Action::Try => try_all(arguments)?,
        Action::Write => write(arguments)?,
        Action::Check => check::check(arguments, root(), &work(arguments))?,
    }
    Ok(())
}

/// The repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where copies, builds and results are. A shard has its own.
fn work(arguments: &Arguments) -> PathBuf {
    let shard = arguments.shard.map_or("all".into(), |shard| format!("{}-of-{}", shard.index, shard.count));
    root().join("target/mutate-src").join(shard)
}

fn selected<'a>(arguments: &'a Arguments, mutants: &'a [Mutant]) -> impl Iterator<Item = &'a Mutant> {
    let is_named = |mutant: &&Mutant| {
        let name = mutant.to_string();
        arguments.filters.is_empty() || arguments.filters.iter().any(|filter| name.contains(filter))
    };
    let in_shard = |index: usize| arguments.shard.is_none_or(|shard| shard.has(index));
    mutants
        .iter()
        .filter(is_named)
        .enumerate()
        .filter(move |(index, _)| in_shard(*index))
        .map(|(_, mutant)| mutant)
}

/// Tries what is selected and was not tried yet, and keeps each result at once.
fn try_all(arguments: &Arguments) -> Result<(), String> {
    let work = work(arguments);
    let mutants = listing::all(root(), None)?;
    let results = arguments.results.clone().unwrap_or_else(|| work.join("results.jsonl"));
    let mut known = Records::read(&root().join(RECORDS))?;
    known.extend(Records::read(&results)?);
    let is_due = |mutant: &&Mutant| {
        let survived = |record: &Record| record.outcome == Outcome::Survived;
        arguments.again || known.of(mutant).is_none_or(|record| arguments.survivors && survived(record))
    };
    let mut due: Vec<_> = selected(arguments, &mutants).filter(is_due).collect();
    // Those by hand first: each breaks something that is claimed.
    due.sort_by_key(|mutant| mutant.breaks.is_none());
    println!("{} mutants, {} of them selected and not tried yet", mutants.len(), due.len());
    if due.is_empty() {
        return Ok(());
    }
    let tree = Tree::copy(root(), &work)?;
    let trial = Trial::prepare(&tree, arguments.long)?;
    let began = Instant::now();
    for (done, mutant) in due.iter().enumerate() {
        if arguments.is_over(began) {
            println!("{} are left", due.len() - done);
            break;
        }
        let record = trial.of(mutant)?;
        println!("{}/{} {:.0} s: {record}", done + 1, due.len(), began.elapsed().as_secs_f64());
        record.append_to(&results)?;
    }
    Ok(())
}

/// Takes results in, and makes the page.
fn write(arguments: &Arguments) -> Result<(), String> {
    let mutants = listing::all(root(), None)?;
    let mut records = Records::read(&root().join(RECORDS))?;
    for results in &arguments.merge {
        records.extend(Records::read(results)?);
    }
    let records = records.only_of(&mutants);
    records.write(&root().join(RECORDS))?;
    let verdicts = Verdicts::of(&mutants, &records, ARGUMENTS);
    let page = page::render(&verdicts, root())?;
    std::fs::write(root().join(PAGE), page).map_err(|error| format!("{PAGE}: {error}"))?;
    println!("{}", verdicts.summary());
    Ok(())
}
