//! `docs/mutants.md`. No line numbers and no times in it: it changes when a verdict does.

use std::fmt::Write;

use blockgate::sync::Ordering;
use blockgate::sync::mutation::Site;
use loom_harness::Case;

use super::mutant::{Kind, Place};
use super::mutation::ROLES;
use super::trial::{self, Outcome};
use super::verdict::{Result, Verdict, argument_for, argument_for_step, cited};
use crate::protocol::role::Role;

const HEAD: &str = "\
<!-- Written by `cargo mutate -- --write`; `cargo mutate -- --check` fails when this file is stale. -->

# Is every ordering, every wake-up and every step needed?

Each row is the crate with one operation changed, or the protocol with one step left out or two swapped. The
models that reach it explore it, the smallest first, until one fails. Nothing in the table is listed by hand:
the operations are found while the models run (`src/sync/mutation.rs`, compiled only for this), and an
ordering in `src` that no model reaches fails the run; the steps are the programs of the models by hand
(`loom-tests/src/protocol/role.rs`).

The models, executions and preemptions are those of the [second engine][engine]. `cargo mutate-loom` does the
same with loom, where both numbers are others, and `-- --check` fails where a verdict is another one.
*Execution* is the number of the first failing one in the unbounded search; *preemptions* is the smallest
number with which the model fails in the same way.

Every other place of `src` (operators, conditions, values, statements) is changed by [cargo mutate-src][src].
";

const LINKS: &str =
    "\n[engine]: engine.md\n[counterexamples]: counterexamples/index.md\n[src]: mutants-of-src.md\n";

const STEPS: &str = "
## Steps

What each role does, in that order. Each step is left out together with the step that undoes it; each undoing
is left out alone, so that what it should give up is leaked; and each two neighbours are swapped. *Types*
marks what safe code over the types of this crate cannot express: the named step needs a token that no step
before it has taken. It is computed from what each step needs and takes, and the run fails if the models
disagree. A killed mutant whose violation is `specification` lost nothing, but broke a rule.
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
    text += STEPS;
    for role in ROLES {
        steps(&mut text, result, role);
    }
    twins(&mut text, &result.twins);
    survivors(&mut text, result);
    text + LINKS
}

/// The rows of a table's text without the columns that depend on the engine: the last four.
pub fn verdicts(text: &str) -> Vec<&str> {
    const ENGINES_OWN: usize = 4;
    let rows = text.lines().filter(|line| line.starts_with('|'));
    rows.filter_map(|line| line.rsplitn(ENGINES_OWN + 2, '|').nth(ENGINES_OWN + 1)).map(str::trim).collect()
}

/// One line: it is also printed.
pub fn summary(result: &Result) -> String {
    let count = |verdict| result.mutants.iter().filter(|row| row.2 == verdict).count();
    let count_steps = |verdict| result.steps.iter().filter(|row| row.2 == verdict).count();
    let killed_twins = result.twins.iter().filter(|(_, outcome)| is_killed(outcome)).count();
    let waits = result.mutants.iter().filter(|row| row.0.kind == Kind::Wait).count();
    format!(
        "{} of {} orderings and wake-ups killed, {} equivalent; {} of {waits} waits tolerate a wake-up for \
         nothing; {} of {} steps left out or swapped killed, {} forbidden by types, {} equivalent; {} \
         unexplained; {killed_twins} of {} red twins red",
        count(Verdict::Killed),
        result.mutants.len() - waits,
        count(Verdict::Equivalent),
        count(Verdict::Tolerated),
        count_steps(Verdict::Killed),
        result.steps.len(),
        count_steps(Verdict::Types),
        count_steps(Verdict::Equivalent),
        count(Verdict::Unexplained) + count_steps(Verdict::Unexplained),
        result.twins.len(),
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
        "\n**Score: {}.**\n\n{} operations were found; {relaxed} are Relaxed already. What is expected to \
         survive (a wait, or an\nordering that is argued at the end) was shown only to models of at most {} \
         executions; `--long` shows it to\nall.",
        summary(result),
        result.sites.len(),
        trial::FEW_EXECUTIONS,
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
            let cited = cited(failed).filter(|_| failed.invariant == "panic");
            let cited = cited.map_or(String::new(), |number| format!(" ({number})"));
            format!("`{model}` | {}{cited} | {execution} | {preemptions}", failed.invariant)
        }
        Outcome::Survived { models, executions } => {
            let plural = if *models == 1 { "" } else { "s" };
            format!("{models} model{plural} | | all {executions} |")
        }
        Outcome::Forbidden(missing) => format!("| {missing} | |"),
    }
}

fn steps(text: &mut String, result: &Result, role: Role) {
    let program: Vec<_> = role.program().iter().map(ToString::to_string).collect();
    let count = |verdict| result.steps.iter().filter(|row| row.0.role == role && row.2 == verdict).count();
    let _ = writeln!(
        text,
        "\n### Steps of the {}\n\n{}.\n\n{} killed, {} forbidden by types, {} equivalent.\n",
        role.name(),
        program.join("; "),
        count(Verdict::Killed),
        count(Verdict::Types),
        count(Verdict::Equivalent)
    );
    *text += "| mutant | verdict | model | how | execution | preemptions |\n|---|---|---|---|---|---|\n";
    for (mutant, outcome, verdict) in result.steps.iter().filter(|row| row.0.role == role) {
        let words = mutant.mutation.words(role);
        let _ = writeln!(text, "| {words} | {} | {} |", verdict.word(), columns(outcome));
    }
}

fn twins(text: &mut String, twins: &[(Case, Outcome)]) {
    *text += "\n## Red twins\n\nWhat is left out or moved by name, some of it several steps at once; drawn in \
              [counterexamples].\n\n";
    *text += "| without | verdict | twin | how | execution | preemptions |\n|---|---|---|---|---|---|\n";
    for (twin, outcome) in twins {
        let (left_out, _) = twin.left_out().unwrap_or_default();
        let verdict = if is_killed(outcome) { "killed" } else { "survived" };
        let _ = writeln!(text, "| {left_out} | {verdict} | {} |", columns(outcome));
    }
}

fn survivors(text: &mut String, result: &Result) {
    *text += "\n## Equivalent\n\nWhat no model notices, and why it is no gap.\n\n";
    for (mutant, ..) in result.mutants.iter().filter(|row| row.2 == Verdict::Equivalent) {
        let argument = argument_for(mutant).unwrap_or_default();
        let _ = writeln!(text, "- {}, {}. {argument}", place(&mutant.place), mutant.change());
    }
    for (mutant, ..) in result.steps.iter().filter(|row| row.2 == Verdict::Equivalent) {
        let argument = argument_for_step(*mutant).unwrap_or_default();
        let _ = writeln!(text, "- {mutant}. {argument}");
    }
}
