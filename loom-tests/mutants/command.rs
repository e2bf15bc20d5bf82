//! The command: runs everything, judges, and writes or compares the table.

use std::fs;

use blockgate::sync::mutation::Site;
use real_harness::Failed;

use crate::equivalent::{ORDERINGS, STEPS, Swap, WeakerOrdering};
use crate::hooked::Case;
use crate::mutant::{Kind, Mutant, mutants_of};
use crate::step_mutant::{self, StepMutant};
use crate::trial::{self, Outcome};
use crate::{source, table};

const TABLE: &str = "docs/mutants.md";

/// All that was found.
pub struct Result {
    pub sites: Vec<Site>,
    pub mutants: Vec<(Mutant, Outcome, Verdict)>,
    pub steps: Vec<(StepMutant, Outcome, Verdict)>,
    pub twins: Vec<(Case, Outcome)>,
}

/// What to think of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Killed,
    /// Not to be written in safe code over the types of the crate.
    Types,
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
            Self::Types => "types",
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

    fn of_step(mutant: StepMutant, outcome: &Outcome) -> Self {
        match outcome {
            // A panic says nothing of the protocol, unless it is an assertion of an invariant.
            Outcome::Killed { failed, .. } if failed.invariant == "panic" && cited(failed).is_none() => {
                Self::Unexplained
            }
            Outcome::Killed { .. } => Self::Killed,
            Outcome::Forbidden(_) => Self::Types,
            Outcome::Survived { .. } if argument_for_step(mutant).is_some() => Self::Equivalent,
            Outcome::Survived { .. } => Self::Unexplained,
        }
    }
}

/// The invariant that an assertion cites, as in `T2: the commit root is of …`.
pub fn cited(failed: &Failed) -> Option<&str> {
    let number = failed.detail.split_once(": ")?.0;
    let (letter, digits) = number.split_at_checked(1)?;
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    (is_number && letter.chars().all(|c| c.is_ascii_uppercase())).then_some(number)
}

/// Why `mutant` changes nothing, if that is written down.
pub fn argument_for(mutant: &Mutant) -> Option<&'static str> {
    ORDERINGS.iter().find(|entry| entry.explains(&mutant.place)).map(|entry| entry.argument)
}

/// The same, of a step.
pub fn argument_for_step(mutant: StepMutant) -> Option<&'static str> {
    STEPS.iter().find(|entry| entry.mutant == mutant).map(|entry| entry.argument)
}

/// Returns the exit code.
pub fn run(models: &[Case], twins: &[Case]) -> i32 {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let result = try_everything(models, twins, asked("--long"));
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

fn try_everything(models: &[Case], twins: &[Case], long: bool) -> Result {
    let light = trial::baseline(models);
    let is_last = |model: &&Case| trial::is_heavy(model) && (long || !model.is_long);
    let mut heavy: Vec<_> = models.iter().filter(is_last).cloned().collect();
    heavy.sort_by_key(|model| model.weight);
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
        if !matches!(outcome, Outcome::Killed { failed, .. } if failed.invariant == twin.expected) {
            defects.push(format!("{}: expected {}, got {outcome:?}", twin.name, twin.expected));
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

fn conclude(result: &Result, defects: &[String]) -> i32 {
    println!("{}", table::summary(result));
    for defect in defects {
        println!("{defect}");
    }
    let tried = result.mutants.len() + result.steps.len() + result.twins.len();
    let (word, failed) = if defects.is_empty() { ("ok", 0) } else { ("FAILED", defects.len()) };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out",
        tried.saturating_sub(failed)
    );
    i32::from(!defects.is_empty())
}
