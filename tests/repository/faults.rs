//! The page of faults: each item has a model or test that shows it, and a twin, and all of them are there.

use std::collections::BTreeSet;

use super::declared::Declared;
use super::markdown::{Cell, Element, Page};
use super::{Finding, exists, items, none_of, read};

const PAGE: &str = "docs/faults.md";
const HEAD: [&str; 4] = ["item", "what holds now", "model or test", "twin"];

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Test,
    Bench,
}

/// The names of a cell in the last two columns, or what is wrong with them.
fn names(cell: &Cell, is_twin: bool, declared: &Declared) -> Result<Vec<(Kind, String)>, String> {
    if cell.text.chars().any(|c| !matches!(c, ',' | ' ')) {
        return Err(format!("{:?}: only names in backticks stand here, with commas between", cell.text));
    }
    if cell.code.is_empty() {
        return Err(format!("no {} is named", if is_twin { "twin" } else { "model or test" }));
    }
    cell.code.iter().map(|name| Ok((kind(name, is_twin, declared)?, name.clone()))).collect()
}

fn kind(name: &str, is_twin: bool, declared: &Declared) -> Result<Kind, String> {
    let Some((path, item)) = name.split_once(": ") else { return model(name, is_twin, declared) };
    if !exists(path) {
        return Err(format!("there is no {path}"));
    }
    let file = items::parse(path, &read(path));
    if path.starts_with("benches/") {
        let has = items::names(&file).contains(item);
        return if has { Ok(Kind::Bench) } else { Err(format!("{path} has no {item}")) };
    }
    if !items::tests(&file).contains(item) {
        return Err(format!("{path} has no test {item} that the plain run calls"));
    }
    if item.starts_with("twin_") != is_twin {
        return Err(format!("{item}: a twin, and nothing else, begins with twin_"));
    }
    Ok(Kind::Test)
}

fn model(name: &str, is_twin: bool, declared: &Declared) -> Result<Kind, String> {
    let (all, what) = if is_twin { (&declared.twins, "red twin") } else { (&declared.models, "model") };
    if all.contains(name) { Ok(Kind::Model) } else { Err(format!("there is no {what} {name}")) }
}

/// What the page comes to.
#[derive(Default)]
struct Tally {
    items: usize,
    /// Items with a model or test.
    shown: usize,
    /// Models and tests that must fail, each once.
    twins: BTreeSet<String>,
    /// Of each item that has nothing else, its first bench.
    benches: Vec<String>,
    wrong: Vec<Finding>,
}

impl Tally {
    fn of(page: &Page, declared: &Declared) -> Self {
        let mut tally = Self::default();
        for located in &page.elements {
            if let Element::Row(cells) = &located.element {
                let added = tally.add(cells, declared);
                tally.wrong.extend(added.err().map(|what| Finding::new(&page.path, located.line, what)));
            }
        }
        tally
    }

    fn add(&mut self, cells: &[Cell], declared: &Declared) -> Result<(), String> {
        let texts: Vec<_> = cells.iter().map(|cell| cell.text.trim()).collect();
        if texts == HEAD {
            return Ok(());
        }
        let [item, holds, shown, twins] = cells else { return Err(format!("its columns are not {HEAD:?}")) };
        self.items += 1;
        if [item, holds].iter().any(|cell| cell.text.trim().is_empty() && cell.code.is_empty()) {
            return Err("it does not say what was wrong, and what holds now".to_owned());
        }
        let (shown, twins) = (names(shown, false, declared)?, names(twins, true, declared)?);
        let is_bench = |(kind, _): &(Kind, String)| *kind == Kind::Bench;
        match (shown.iter().all(is_bench), twins.iter().all(is_bench)) {
            (true, true) => self.benches.extend(shown.into_iter().map(|(_, name)| name).next()),
            (false, false) => self.shown += 1,
            _ => return Err("a bench is the twin of a bench, and of nothing else".to_owned()),
        }
        self.twins.extend(twins.into_iter().filter(|twin| !is_bench(twin)).map(|(_, name)| name));
        Ok(())
    }
}

/// Prints the line that begins with `faults:`, and finds every name.
///
/// # Errors
/// The rows in which something is missing.
pub fn inspect() -> Result<(), String> {
    let tally = Tally::of(&Page::open(PAGE), &Declared::read());
    println!(
        "faults: {} items, {} with a model or test, {} twins red, {} by a bench alone: {}",
        tally.items,
        tally.shown,
        tally.twins.len(),
        tally.benches.len(),
        tally.benches.join("; ")
    );
    none_of(&tally.wrong)
}

/// Rows that lack something are noticed, and whole ones are counted.
///
/// # Errors
/// The rows with which it is otherwise.
pub fn test() -> Result<(), String> {
    const TEST: &str = "`tests/gate.rs: no_wake_up_is_lost`";
    const TWIN: &str = "`tests/gate.rs: twin_without_the_wait_somebody_is_inside`";
    let row = |shown: &str, twin: &str| format!("| it broke | it holds | {shown} | {twin} |");
    let wrong = [
        row("", TWIN),
        row(TEST, ""),
        row(TEST, "in the same test: without"),
        row(&format!("the test {TEST}"), TWIN),
        row("`gate/of-nothing`", TWIN),
        row("`gate/no-wait`", TWIN),          // a twin
        row(TEST, "`gate/2-writers+closer`"), // a model
        row("`tests/gate.rs: of_nothing`", TWIN),
        row("`tests/gate.rs: enter_once`", TWIN), // no test
        row("`tests/of_nothing.rs: no_wake_up_is_lost`", TWIN),
        row(TWIN, TWIN),
        row(TEST, TEST),
        row("`benches/refs/look.rs: of_nothing`", "`benches/refs/look.rs: scan`"),
        row("`benches/refs/look.rs: look`", TWIN),
        row(TEST, "`benches/refs/look.rs: scan`"),
        "| | it holds | `gate/2-writers+closer` | `gate/no-wait` |".to_owned(),
        "| it broke | `gate/2-writers+closer` | `gate/no-wait` |".to_owned(),
    ];
    let right = [
        row(TEST, TWIN),
        row(&format!("`gate/2-writers+closer`, {TEST}"), &format!("{TWIN}, `gate/no-wait`")),
        row("`benches/refs/look.rs: look`", "`benches/refs/look.rs: scan`"),
    ];
    let declared = Declared::read();
    let tally = |rows: &[String]| {
        let text = format!("| {} |\n|---|---|---|---|\n{}\n", HEAD.join(" | "), rows.join("\n"));
        Tally::of(&Page::parse("a page", &text), &declared)
    };
    let passed: Vec<_> = wrong.iter().filter(|row| tally(&[(*row).clone()]).wrong.is_empty()).collect();
    let whole = tally(&right);
    none_of(&whole.wrong)?;
    let counts = (whole.items, whole.shown, whole.twins.len(), whole.benches.len());
    let is_right = passed.is_empty() && counts == (3, 2, 2, 1);
    if is_right { Ok(()) } else { Err(format!("not noticed: {passed:#?}; counted {counts:?}")) }
}
