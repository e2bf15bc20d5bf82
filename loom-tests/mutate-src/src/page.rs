//! `docs/mutants-of-src.md`. No line numbers in it: it changes when a verdict does.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::equivalent::Argument;
use crate::listing::VERSION;
use crate::mutant::Mutant;
use crate::verdict::{Verdict, Verdicts};

const CONFIGURATION: &str = ".cargo/mutants.toml";

const HEAD: &str = "\
<!-- Written by `cargo mutate-src --write`; `cargo mutate-src --check` fails when this file is stale. -->

# Can anything in `src` change unnoticed?

Each row is the crate with one place changed: an operator, a condition, a returned value, a statement, by
[cargo-mutants][tool]; and [by hand](#by-hand) what it has no operator for. The models whose executions come to the
function explore the changed crate with the [second engine][engine], the quickest first, until one is not as it should
be; then the red twins; then the tests that come there. (Models that take more than three seconds are shown a survivor
only by `--long`.) What none of them notices is equivalent, with the argument why,
or unexplained. An argument is of the function as it was: when that changes, the mutant is tried, and argued, anew. So is
every other verdict: what is *not tried yet* is new, or its function has changed since.
";

const HOW: &str = "
It is continued by `cargo mutate-src`, whole or in parts (`--shard K/N`, on several machines), and `cargo mutate-src
--write FILE…` takes the results in. CI tries a sample of what is killed, and what is on changed lines, and fails where
that is not as this page says.
";

const LINKS: &str = "
[tool]: https://mutants.rs
[engine]: engine.md
";

pub fn render(verdicts: &Verdicts<'_>, root: &Path) -> Result<String, String> {
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "\n**{}**", verdicts.summary());
    days(&mut text, verdicts);
    text += HOW;
    exclusions(&mut text, root)?;
    unexplained(&mut text, verdicts);
    equivalent(&mut text, verdicts);
    by_hand(&mut text, verdicts);
    by_machine(&mut text, verdicts);
    Ok(text + LINKS)
}

fn days(text: &mut String, verdicts: &Verdicts<'_>) {
    let days: BTreeSet<_> =
        verdicts.rows.iter().filter_map(|(_, verdict)| Some(verdict.record()?.on.as_str())).collect();
    let when = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("from {first} to {last}"),
        (Some(day), _) => format!("on {day}"),
        _ => "never".into(),
    };
    let _ =
        writeln!(text, "\nTried {when}, by `cargo mutate-src`, with the mutants of cargo-mutants {VERSION}.");
}

/// What the configuration leaves out, and its comments.
fn exclusions(text: &mut String, root: &Path) -> Result<(), String> {
    let configuration =
        fs::read_to_string(root.join(CONFIGURATION)).map_err(|error| format!("{CONFIGURATION}: {error}"))?;
    *text += "\n## Not changed\n\n";
    for line in configuration.lines() {
        if let Some((what, why)) = line.trim().strip_prefix('"').and_then(|line| line.split_once("\", # ")) {
            let _ = writeln!(text, "- `{what}`: {why}");
        }
    }
    Ok(())
}

fn unexplained(text: &mut String, verdicts: &Verdicts<'_>) {
    *text += "\n## Unexplained\n\nWhat nothing notices, and nobody has argued yet.\n\n";
    let mut rows = Vec::new();
    for (mutant, verdict) in &verdicts.rows {
        if let Verdict::Unexplained(record) = verdict {
            rows.push(format!(
                "| {} | {} | {} | {} |",
                code(mutant.file()),
                change(mutant),
                code(&mutant.line),
                record.by
            ));
        }
    }
    table(text, "file | change | line | shown to", &rows);
}

fn equivalent(text: &mut String, verdicts: &Verdicts<'_>) {
    *text += "\n## Equivalent\n\nWhat nothing can notice, and why it is no gap.\n\n";
    if verdicts.count(|verdict| matches!(verdict, Verdict::Equivalent(..))) == 0 {
        *text += "None.\n";
    }
    let mut before: Option<&Argument> = None;
    for (mutant, verdict) in &verdicts.rows {
        if let Verdict::Equivalent(_, argument) = verdict {
            if before.is_none_or(|before| !std::ptr::eq(before, *argument)) {
                let changes =
                    argument.changes.iter().map(|change| code(change)).collect::<Vec<_>>().join("; ");
                let _ = writeln!(text, "- {}: {changes}. {}", code(mutant.file()), argument.why);
            }
            before = Some(*argument);
        }
    }
}

fn by_hand(text: &mut String, verdicts: &Verdicts<'_>) {
    *text += "\n## By hand\n\nStatements swapped, a wrong index, shard or bit, a forgotten element: what breaks one thing \
              that is claimed, and no operator makes (`loom-tests/mutate-src/src/by_hand`).\n\n";
    let rows: Vec<_> = verdicts
        .rows
        .iter()
        .filter_map(|(mutant, verdict)| {
            Some(format!(
                "| {} | {} | {} | {} |",
                code(mutant.file()),
                change(mutant),
                mutant.breaks?,
                came_of(verdict)
            ))
        })
        .collect();
    table(text, "file | change | what it breaks | verdict", &rows);
}

fn by_machine(text: &mut String, verdicts: &Verdicts<'_>) {
    let files: BTreeSet<_> = verdicts.rows.iter().map(|(mutant, _)| mutant.file()).collect();
    *text += "\n## By machine\n";
    for file in files {
        let of_file =
            verdicts.rows.iter().filter(|(mutant, _)| mutant.file() == file && mutant.breaks.is_none());
        let (tried, others): (Vec<_>, Vec<_>) = of_file.partition(|(_, verdict)| verdict.record().is_some());
        if tried.is_empty() && others.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n### `{file}`\n");
        let rows: Vec<_> = tried
            .iter()
            .map(|(mutant, verdict)| {
                format!("| {} | {} | {} |", change(mutant), code(&mutant.line), came_of(verdict))
            })
            .collect();
        if !rows.is_empty() {
            table(text, "change | line | verdict", &rows);
        }
        if !others.is_empty() {
            let lines: Vec<_> = others.iter().map(|(mutant, _)| change(mutant)).collect();
            let _ = writeln!(text, "\nNot tried yet ({}): {}.", lines.len(), lines.join("; "));
        }
    }
}

fn table(text: &mut String, columns: &str, rows: &[String]) {
    if rows.is_empty() {
        *text += "None.\n";
        return;
    }
    let line = "---|".repeat(columns.split('|').count());
    let _ = writeln!(text, "| {columns} |\n|{line}\n{}", rows.join("\n"));
}

fn change(mutant: &Mutant) -> String {
    let name = mutant.to_string();
    let name = name.strip_prefix(mutant.file()).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&name);
    if mutant.breaks.is_some() { name.to_owned() } else { code(name) }
}

fn came_of(verdict: &Verdict<'_>) -> String {
    match verdict {
        Verdict::ByModels(record) | Verdict::ByTests(record) => format!("killed by {}", code(&record.by)),
        Verdict::Unviable(_) => "unviable".into(),
        Verdict::Equivalent(..) => "equivalent".into(),
        Verdict::Unexplained(_) => "**unexplained**".into(),
        Verdict::NotTried => "not tried yet".into(),
    }
}

/// A code span, which may be in a table.
fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", text.replace('|', "\\|"))
}
