//! The command: runs everything, judges, and writes or compares the table.

use std::fs;

use blockgate::sync::mutation::Site;

use crate::equivalent::EQUIVALENT;
use crate::hooked::Case;
use crate::mutant::{Kind, Mutant, mutants_of};
use crate::trial::{self, Outcome};
use crate::{source, table};

const TABLE: &str = "docs/mutants.md";

/// All that was found.
pub struct Result {
    pub sites: Vec<Site>,
    pub mutants: Vec<(Mutant, Outcome, Verdict)>,
    pub steps: Vec<(Case, Outcome)>,
}

/// What to think of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Killed,
    /// Survived, as argued.
    Equivalent,
    /// Survived, as it should.
    Tolerated,
    /// Survived, or killed where it should not be.
    Unexplained,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Equivalent => "equivalent",
            Self::Tolerated => "tolerated",
            Self::Unexplained => "**unexplained**",
        }
    }

    fn of(mutant: &Mutant, outcome: &Outcome) -> Self {
        match (mutant.kind, outcome) {
            (Kind::Wait, Outcome::Survived { .. }) => Self::Tolerated,
            (Kind::Ordering | Kind::WakeUp, Outcome::Killed { .. }) => Self::Killed,
            (Kind::Ordering | Kind::WakeUp, _) if argument_for(mutant).is_some() => Self::Equivalent,
            _ => Self::Unexplained,
        }
    }
}

/// Why `mutant` changes nothing, if that is written down.
pub fn argument_for(mutant: &Mutant) -> Option<&'static str> {
    EQUIVALENT.iter().find(|entry| entry.explains(&mutant.place)).map(|entry| entry.argument)
}

/// Returns the exit code.
pub fn run(models: &[Case], steps: &[Case]) -> i32 {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let result = try_everything(models, steps, asked("--long"));
    let text = table::render(&result);
    let mut defects = defects(&result);
    if asked("--write") {
        fs::write(source::root().join(TABLE), text).expect("the table can be written");
    } else if asked("--check") {
        let there = fs::read_to_string(source::root().join(TABLE)).unwrap_or_default();
        defects.extend((there != text).then(|| format!("{TABLE} is stale: cargo mutate -- --write")));
    } else {
        println!("\n{text}");
    }
    conclude(&result, &defects)
}

fn try_everything(models: &[Case], steps: &[Case], long: bool) -> Result {
    let light = trial::baseline(models);
    let is_last = |model: &&Case| trial::is_heavy(model) && (long || !model.is_long);
    let mut heavy: Vec<_> = models.iter().filter(is_last).cloned().collect();
    heavy.sort_by_key(|model| model.weight);
    let sites = trial::sites_of(&light);
    let mutants = mutants_of(&sites);
    println!("{} models, {} operations, {} mutants", light.len(), sites.len(), mutants.len());
    let judged = trial::try_all(mutants, &light, &heavy).into_iter().map(|(mutant, outcome)| {
        let verdict = Verdict::of(&mutant, &outcome);
        (mutant, outcome, verdict)
    });
    Result { mutants: judged.collect(), steps: trial::try_steps(steps), sites }
}

fn defects(result: &Result) -> Vec<String> {
    let unreached = source::unreached(&result.sites).into_iter();
    let mut defects: Vec<_> = unreached.map(|line| format!("no model comes to {line}")).collect();
    for (mutant, outcome, _) in result.mutants.iter().filter(|row| row.2 == Verdict::Unexplained) {
        defects.push(format!("unexplained: {mutant}: {outcome:?}"));
    }
    for (step, outcome) in &result.steps {
        if !matches!(outcome, Outcome::Killed { failed, .. } if failed.invariant == step.expected) {
            defects.push(format!("{}: expected {}, got {outcome:?}", step.name, step.expected));
        }
    }
    let is_used = |verdict: &(Mutant, Outcome, Verdict), entry: &crate::equivalent::Equivalent| {
        verdict.2 == Verdict::Equivalent && entry.explains(&verdict.0.place)
    };
    let stale = EQUIVALENT.iter().filter(|entry| !result.mutants.iter().any(|row| is_used(row, entry)));
    defects.extend(stale.map(|entry| {
        format!("stale: {} {}, {} is argued, but is no survivor", entry.file, entry.function, entry.operation)
    }));
    defects
}

fn conclude(result: &Result, defects: &[String]) -> i32 {
    println!("{}", table::summary(result));
    for defect in defects {
        println!("{defect}");
    }
    let tried = result.mutants.len() + result.steps.len();
    let (word, failed) = if defects.is_empty() { ("ok", 0) } else { ("FAILED", defects.len()) };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out",
        tried.saturating_sub(failed)
    );
    i32::from(!defects.is_empty())
}
