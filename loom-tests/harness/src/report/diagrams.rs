//! The diagrams of all twins as files: written by one command, and checked for staleness by another.

use super::{html, lines, timeline};
use crate::case::Case;
use crate::engine::Explore;
use crate::judge::{Report, Verdict, draw};
use crate::search::{Failure, Limits};
use crate::suite::Suite;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The files, by name. The same code gives the same files: no time, no path, no machine.
pub(crate) type Files = BTreeMap<String, String>;

/// Draws every twin in `reports`.
///
/// # Errors
/// When a twin is not red, or is not red again in the replay.
pub(crate) fn files(
    suite: &Suite,
    explorer: &dyn Explore,
    reports: &[(&Case, Report)],
) -> Result<Files, String> {
    let mut files = Files::new();
    let mut index = String::from(
        "# Red twins\n\nGenerated, do not edit. Each is a model with one step left out, and the failing execution \
         that needs the fewest\npreemptions.\n\n| twin | left out | violates | preemptions | diagram |\n|---|---|---|---|---|\n",
    );
    for (case, report) in reports {
        let stem = stem(&case.name);
        let (text, page, row) = draw_twin(suite, explorer, case, report, &stem)?;
        index += &row;
        if files.insert(format!("{stem}.txt"), text).is_some() {
            return Err(format!("two twins would be called {stem}"));
        }
        files.insert(format!("{stem}.html"), page);
    }
    files.insert("index.md".into(), index);
    Ok(files)
}

fn draw_twin(
    suite: &Suite,
    explorer: &dyn Explore,
    case: &Case,
    report: &Report,
    stem: &str,
) -> Result<(String, String, String), String> {
    let (Some(expected), Verdict::Red(at)) = (&case.twin, &report.verdict) else {
        return Err(format!("{} is not a red twin", case.name));
    };
    let shown = draw(explorer, case, &Failure::new(&expected.invariant, ""), at.clone(), &Limits::default())?;
    let mut diagram = lines::diagram(suite, case, &shown);
    // A line would be stale after each edit above it.
    diagram.rows.iter_mut().for_each(|row| row.located = None);
    let preemptions = shown.at.preemptions.map_or("unknown".into(), |number| number.to_string());
    let mut row = String::new();
    let _ = writeln!(
        row,
        "| `{}` | {} | {} | {preemptions} | [text]({stem}.txt), [page]({stem}.html) |",
        case.name, expected.left_out, expected.invariant,
    );
    Ok((timeline::text(&diagram), html::page(&diagram, &suite.links), row))
}

fn stem(name: &str) -> String {
    name.chars().map(|char| if char.is_alphanumeric() || char == '_' { char } else { '-' }).collect()
}

pub(crate) fn write(dir: &Path, files: &Files) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", dir.display());
    fs::create_dir_all(dir).map_err(failed)?;
    for (name, content) in files {
        fs::write(dir.join(name), content).map_err(failed)?;
    }
    Ok(())
}

/// What differs between `dir` and what would be written now.
pub(crate) fn stale(dir: &Path, files: &Files) -> Vec<String> {
    let mut stale = Vec::new();
    for (name, content) in files {
        match fs::read_to_string(dir.join(name)) {
            Ok(old) if old == *content => {}
            Ok(_) => stale.push(format!("{name} is stale")),
            Err(_) => stale.push(format!("{name} is missing")),
        }
    }
    let present = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = present.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut orphans: Vec<_> = names.filter(|name| !files.contains_key(name)).collect();
    orphans.sort();
    stale.extend(orphans.into_iter().map(|name| format!("{name} belongs to no twin")));
    stale
}
