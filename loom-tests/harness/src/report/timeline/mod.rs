//! The counterexample as a diagram in plain text: one column a role, time downwards, 100 columns at most.

use crate::search::{Failure, Row};
use std::borrow::Cow;
use textwrap::{Options, WordSeparator, WordSplitter, core::display_width, wrap};

const WIDTH: usize = 100;
const GAP: usize = 4;

/// Everything a rendering needs; nothing in it depends on the time or the machine.
#[derive(Clone, Debug)]
pub(crate) struct Diagram {
    pub(crate) title: String,
    /// What was left out, or the theorem.
    pub(crate) about: String,
    pub(crate) roles: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// `None`: an execution that holds.
    pub(crate) failure: Option<Failure>,
    pub(crate) preemptions: Option<u8>,
    /// The command that shows this again.
    pub(crate) replay: String,
}

impl Diagram {
    /// Roles that have a column, by loom's index: those that do something.
    pub(crate) fn columns(&self) -> Vec<usize> {
        let last = self.rows.iter().map(|row| row.role).max().unwrap_or(0);
        (0..=last).filter(|role| self.rows.iter().any(|row| row.role == *role)).collect()
    }

    pub(crate) fn role(&self, index: usize) -> String {
        self.roles.get(index).cloned().unwrap_or_else(|| format!("role {index}"))
    }

    pub(crate) fn is_marked(&self, row: &Row) -> bool {
        let mark = self.failure.as_ref().and_then(|failure| failure.highlight.as_deref());
        mark.is_some_and(|mark| row.text.contains(mark))
    }

    /// "1 preemption", when that is known.
    pub(crate) fn preemptions(&self) -> Option<String> {
        self.preemptions.map(preemptions)
    }
}

/// "1 preemption", "2 preemptions".
pub(crate) fn preemptions(number: u8) -> String {
    format!("{number} preemption{}", if number == 1 { "" } else { "s" })
}

/// Renders `diagram` as text. Ends with a newline.
pub(crate) fn text(diagram: &Diagram) -> String {
    let columns = diagram.columns();
    let width = (WIDTH - GAP * columns.len().saturating_sub(1)) / columns.len().max(1);
    let mut lines = heading(diagram);
    if columns.is_empty() {
        lines.push("(no step was recorded)".into());
    } else {
        lines.extend(header(diagram, &columns, width));
    }
    let mut before = None;
    for row in &diagram.rows {
        // A change of role is a change of column; an empty line makes it easy to follow.
        if before.is_some_and(|role| role != row.role) {
            lines.push(String::new());
        }
        before = Some(row.role);
        let column = columns.iter().position(|role| *role == row.role).unwrap_or(0);
        let left = " ".repeat(column * (width + GAP));
        lines.extend(step(row, width).into_iter().map(|line| format!("{left}{line}")));
    }
    lines.push(String::new());
    lines.extend(outcome(diagram));
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn heading(diagram: &Diagram) -> Vec<String> {
    let title = if diagram.about.is_empty() {
        diagram.title.clone()
    } else {
        format!("{}: {}", diagram.title, diagram.about)
    };
    let mut lines = fill(&title, "", "  ", WIDTH);
    lines.push(String::new());
    lines
}

fn header(diagram: &Diagram, columns: &[usize], width: usize) -> Vec<String> {
    let names: Vec<_> = columns.iter().map(|role| fill(&diagram.role(*role), "", "", width)).collect();
    let height = names.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines: Vec<_> = (0..height)
        .map(|line| side_by_side(names.iter().map(|name| name.get(line).map_or("", String::as_str)), width))
        .collect();
    let rules: Vec<_> = names.iter().map(|name| "-".repeat(widest(name))).collect();
    lines.push(side_by_side(rules.iter().map(String::as_str), width));
    lines.push(String::new());
    lines
}

/// One line of the header, each cell in the middle of its column.
fn side_by_side<'a>(cells: impl Iterator<Item = &'a str>, width: usize) -> String {
    let centred = cells.map(|cell| {
        let space = width - display_width(cell);
        format!("{}{cell}{}", " ".repeat(space / 2), " ".repeat(space - space / 2))
    });
    centred.collect::<Vec<_>>().join(&" ".repeat(GAP))
}

fn step(row: &Row, width: usize) -> Vec<String> {
    let said = row.located.as_ref().unwrap_or(&row.text);
    let text = said.trim_start();
    // An indent that eats the column would leave no room for the words.
    let indent = " ".repeat((said.len() - text.len()).min(width / 3));
    fill(text, &indent, &format!("{indent}  "), width)
}

fn outcome(diagram: &Diagram) -> Vec<String> {
    let said = match &diagram.failure {
        Some(failure) => failure.to_string(),
        None => "this execution holds".into(),
    };
    let replay = format!("replay: {}", diagram.replay);
    let mut lines = fill(&said, "=> ", "   ", WIDTH);
    match diagram.preemptions() {
        Some(preemptions) if display_width(&replay) + preemptions.len() + 5 <= WIDTH => {
            lines.push(format!("   {preemptions}; {replay}"));
        }
        preemptions => lines.extend(preemptions.into_iter().chain([replay]).map(|line| format!("   {line}"))),
    }
    lines
}

fn fill(text: &str, first: &str, rest: &str, width: usize) -> Vec<String> {
    // Break at spaces only: "read-only" and "[64K,68K)" are one word.
    let options = Options::new(width)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .initial_indent(first)
        .subsequent_indent(rest);
    wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

fn widest(lines: &[String]) -> usize {
    lines.iter().map(|line| display_width(line)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
