//! The command: runs everything, judges, and writes or compares the table.

use std::fs;
use std::process::ExitCode;

use loom_harness::binary::{self, Arguments, Check};
use loom_harness::{Case, Model, Twin};

use super::equivalent::{ORDERINGS, STEPS, Swap, WeakerOrdering};
use super::mutant::{Kind, Mutant, mutants_of};
use super::step_mutant;
use super::trial::{self, Outcome};
use super::verdict::{Result, Verdict, argument_for};
use super::{source, table};

const TABLE: &str = "docs/mutants.md";

/// The table is of the second engine. Loom must come to its verdicts, by models and executions of its own.
const WRITES_THE_TABLE: bool = cfg!(traceset);

const HELP: &str = "\
  --write                write what came of it to docs/mutants.md (second engine)
  --check                fail when that file says something else (loom: when it has other verdicts)
  --long                 show what survives to the large and the long models too
";

/// What is asked for beside the mutants themselves.
#[derive(Clone, Copy, Default)]
struct Options {
    write: bool,
    check: bool,
    long: bool,
}

/// The command: one check, which tries everything.
pub fn main(models: fn() -> Vec<Model>, twins: fn() -> Vec<Twin>) -> ExitCode {
    let mut options = Options::default();
    let arguments = Arguments::read(|option, _| {
        match option {
            "--write" => options.write = true,
            "--check" => options.check = true,
            "--long" => options.long = true,
            _ => return Ok(false),
        }
        Ok(true)
    });
    let check = Check::new("mutants", move || run(models(), twins(), options));
    binary::run_with("blockgate", HELP, arguments, vec![check])
}

/// Tries everything, and writes or compares the table.
fn run(models: Vec<Model>, twins: Vec<Twin>, options: Options) -> std::result::Result<(), String> {
    if options.write && !WRITES_THE_TABLE {
        return Err(format!("{TABLE} is of the second engine: cargo mutate --write"));
    }
    let is_for_this_engine = |case: &Case| cfg!(traceset) || !case.is_second_engine_only();
    let models: Vec<_> = models.into_iter().map(Case::from).filter(is_for_this_engine).collect();
    let twins: Vec<_> = twins.into_iter().map(Case::from).filter(is_for_this_engine).collect();
    let result = try_everything(&models, &twins, options.long);
    let text = table::render(&result);
    let mut defects = defects(&result);
    if options.write {
        fs::write(source::root().join(TABLE), text).map_err(|error| format!("{TABLE}: {error}"))?;
    } else if options.check {
        let there = fs::read_to_string(source::root().join(TABLE)).unwrap_or_default();
        defects.extend(differences(&there, &text));
    } else {
        println!("\n{text}");
    }
    conclude(&result, &defects)
}

/// Of the table that is there and the one that should be.
fn differences(there: &str, text: &str) -> Vec<String> {
    if WRITES_THE_TABLE {
        return (there != text)
            .then(|| format!("{TABLE} is stale: cargo mutate --write"))
            .into_iter()
            .collect();
    }
    let (there, here) = (table::verdicts(there), table::verdicts(text));
    let other =
        here.iter().filter(|row| !there.contains(row)).map(|row| format!("loom: {row}, not in {TABLE}"));
    let missing =
        there.iter().filter(|row| !here.contains(row)).map(|row| format!("{TABLE}: {row}, not by loom"));
    other.chain(missing).collect()
}

fn try_everything(models: &[Case], twins: &[Case], long: bool) -> Result {
    let light = trial::baseline(models);
    let is_last = |model: &&Case| trial::is_heavy(model) && (long || !model.is_long());
    let mut heavy: Vec<_> = models.iter().filter(is_last).cloned().collect();
    heavy.sort_by_key(Case::expected_cost);
    let sites = trial::sites_of(&light);
    let mutants = mutants_of(&sites);
    println!("{} models, {} operations, {} mutants", light.len(), sites.len(), mutants.len());
    let is_expected =
        |mutant: &Mutant| !long && (mutant.kind == Kind::Wait || argument_for(mutant).is_some());
    let mutants =
        trial::try_all(mutants, &light, &heavy, is_expected).into_iter().map(|(mutant, outcome)| {
            let verdict = Verdict::of(&mutant, &outcome);
            (mutant, outcome, verdict)
        });
    let steps = step_mutant::try_everything().into_iter().map(|(mutant, outcome)| {
        let verdict = Verdict::of_step(mutant, &outcome);
        (mutant, outcome, verdict)
    });
    Result { mutants: mutants.collect(), steps: steps.collect(), twins: trial::try_twins(twins), sites }
}

fn defects(result: &Result) -> Vec<String> {
    let unreached = source::unreached(&result.sites).into_iter();
    let mut defects: Vec<_> = unreached.map(|line| format!("no model comes to {line}")).collect();
    for (mutant, outcome, _) in result.mutants.iter().filter(|row| row.2 == Verdict::Unexplained) {
        defects.push(format!("unexplained: {mutant}: {outcome:?}"));
    }
    for (mutant, outcome, _) in result.steps.iter().filter(|row| row.2 == Verdict::Unexplained) {
        defects.push(format!("unexplained: {mutant}: {outcome:?}"));
    }
    for (twin, outcome) in &result.twins {
        let (_, expected) = twin.left_out().expect("a twin");
        if !matches!(outcome, Outcome::Killed { failed, .. } if failed.invariant == expected) {
            defects.push(format!("{}: expected {expected}, got {outcome:?}", twin.name()));
        }
    }
    defects.extend(stale(result));
    defects
}

/// Arguments for what is no survivor.
fn stale(result: &Result) -> Vec<String> {
    let is_used = |entry: &WeakerOrdering| {
        result.mutants.iter().any(|row| row.2 == Verdict::Equivalent && entry.explains(&row.0.place))
    };
    let orderings = ORDERINGS.iter().filter(|entry| !is_used(entry));
    let orderings = orderings.map(|entry| format!("{} {}, {}", entry.file, entry.function, entry.operation));
    let is_used =
        |entry: &Swap| result.steps.iter().any(|row| row.2 == Verdict::Equivalent && entry.mutant == row.0);
    let steps = STEPS.iter().filter(|entry| !is_used(entry)).map(|entry| entry.mutant.to_string());
    orderings.chain(steps).map(|what| format!("stale: {what} is argued, but is no survivor")).collect()
}

fn conclude(result: &Result, defects: &[String]) -> std::result::Result<(), String> {
    println!("{}", table::summary(result));
    for defect in defects {
        println!("{defect}");
    }
    let tried = result.mutants.len() + result.steps.len() + result.twins.len();
    println!("\n{tried} mutants and twins tried, {} not as they should be\n", defects.len());
    if defects.is_empty() { Ok(()) } else { Err("see above".into()) }
}
