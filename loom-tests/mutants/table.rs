//! `docs/mutants.md`. No line numbers and no times in it: it changes when a verdict does.

use std::fmt::Write;

use blockgate::sync::Ordering;
use blockgate::sync::mutation::Site;

use crate::command::{Result, Verdict};
use crate::hooked::Case;
use crate::mutant::{Kind, Mutant, Place};
use crate::trial::Outcome;

const HEAD: &str = "\
<!-- Written by `cargo mutate -- --write`; `cargo mutate -- --check` fails when this file is stale. -->

# Is every ordering and every wake-up needed?

Each row is the crate with one operation changed, explored by the models that come to the operation: the
smallest first, until one fails. The operations are found while the models run
(`src/sync/mutation.rs`, compiled only for this), so none is listed by hand; an ordering in `src` that no
model comes to fails the run.

*Execution* is the number of the first failing one in the unbounded search; *preemptions* is the smallest
number with which the model fails in the same way.
";

pub fn render(result: &Result) -> String {
    let mut text = HEAD.to_string();
    score(&mut text, result);
    text +=
        "\n## Orderings\n\nEach weakened one level: Acquire and Release to Relaxed, `AcqRel` to either.\n\n";
    mutants(&mut text, result, Kind::Ordering);
    text += "\n## Wake-ups\n\nEach notification dropped.\n\n";
    mutants(&mut text, result, Kind::WakeUp);
    text += "\n## Waits\n\nEach woken once for nothing, the first time it parks. That must do no harm.\n\n";
    mutants(&mut text, result, Kind::Wait);
    steps(&mut text, &result.steps);
    survivors(&mut text, result);
    text
}

/// One line: it is also printed.
pub fn summary(result: &Result) -> String {
    let count = |verdict| result.mutants.iter().filter(|row| row.2 == verdict).count();
    let killed_steps = result.steps.iter().filter(|(_, outcome)| is_killed(outcome)).count();
    let waits = result.mutants.iter().filter(|row| row.0.kind == Kind::Wait).count();
    format!(
        "{} of {} mutants killed, {} equivalent, {} unexplained; {} of {waits} waits tolerate a wake-up for \
         nothing; {killed_steps} of {} steps needed",
        count(Verdict::Killed),
        result.mutants.len() - waits,
        count(Verdict::Equivalent),
        count(Verdict::Unexplained),
        count(Verdict::Tolerated),
        result.steps.len(),
    )
}

fn is_killed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Killed { .. })
}

fn score(text: &mut String, result: &Result) {
    let relaxed = |site: &&Site| site.ordering == Some(Ordering::Relaxed);
    let relaxed = result.sites.iter().filter(relaxed).count();
    let _ = writeln!(
        text,
        "\n**Score: {}.**\n\n{} operations were found; {relaxed} are Relaxed already.",
        summary(result),
        result.sites.len()
    );
}

fn mutants(text: &mut String, result: &Result, kind: Kind) {
    *text += "| operation | mutant | verdict | model | how | execution | preemptions |\n";
    *text += "|---|---|---|---|---|---|---|\n";
    for (mutant, outcome, verdict) in result.mutants.iter().filter(|row| row.0.kind == kind) {
        let (operation, change) = (place(&mutant.place), mutant.change());
        let _ = writeln!(text, "| {operation} | {change} | {} | {} |", verdict.word(), columns(outcome));
    }
}

fn place(Place { file, function, operation }: &Place) -> String {
    format!("`{file}` `{function}`: {operation}")
}

fn columns(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Killed { model, execution, failed } => {
            let preemptions = failed.preemptions.map_or("not known".into(), |count| count.to_string());
            format!("`{model}` | {} | {execution} | {preemptions}", failed.invariant)
        }
        Outcome::Survived { models, executions } => format!("{models} models | | all {executions} |"),
    }
}

fn steps(text: &mut String, steps: &[(Case, Outcome)]) {
    *text += "\n## Steps\n\nEach left out, or swapped with the next: the red twins, drawn in \
              [counterexamples](counterexamples/).\n\n";
    *text += "| without | verdict | twin | how | execution | preemptions |\n|---|---|---|---|---|---|\n";
    for (step, outcome) in steps {
        let verdict = if is_killed(outcome) { "killed" } else { "survived" };
        let _ = writeln!(text, "| {} | {verdict} | {} |", step.left_out, columns(outcome));
    }
}

fn survivors(text: &mut String, result: &Result) {
    *text += "\n## Equivalent\n\nWhat no model notices, and why it is no gap.\n\n";
    let argued: Vec<&(Mutant, Outcome, Verdict)> =
        result.mutants.iter().filter(|row| row.2 == Verdict::Equivalent).collect();
    if argued.is_empty() {
        *text += "None.\n";
    }
    for (mutant, ..) in argued {
        let argument = crate::command::argument_for(mutant).unwrap_or_default();
        let _ = writeln!(text, "- {}, {}. {argument}", place(&mutant.place), mutant.change());
    }
}
