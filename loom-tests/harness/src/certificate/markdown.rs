//! The certificate as a page.

use super::Certificate;
use super::entries::{ModelEntry, TwinEntry};
use crate::case::Long;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

impl Certificate {
    pub(super) fn markdown(&self) -> String {
        let parts =
            [self.heading(), self.models_table(), self.combinations(), self.theorems(), self.twins_table()];
        parts.concat()
    }

    fn engines(&self) -> impl Iterator<Item = &str> {
        self.engines.keys().map(String::as_str)
    }

    fn heading(&self) -> String {
        let mut out = String::from(
            "# Certificate\n\nGenerated, do not edit. A number of executions says how much there is to explore, and \
             no more:\na change of the code that leaves it as it was may still have changed what the code does. \
             Explored\n\n",
        );
        for (engine, version) in &self.engines {
            let columns = self.models.values().filter_map(|model| model.engines.get(engine));
            let (models, executions) = columns
                .fold((0, 0), |(models, executions), column| (models + 1, executions + column.executions));
            let twins = self.twins.values().filter(|twin| twin.engines.contains_key(engine)).count();
            let _ = writeln!(
                out,
                "- with {engine} {version}: {models} models, {executions} executions; {twins} red twins."
            );
        }
        out
    }

    fn models_table(&self) -> String {
        let mut out = String::from("\n| model | roles |");
        for engine in self.engines() {
            let _ = write!(out, " {engine} executions | explored | threads | deepest | seconds |");
        }
        let _ = writeln!(out, "\n|---|---|{}", "---|---|---|---|---|".repeat(self.engines.len()));
        for (name, model) in &self.models {
            let cells: String = self.engines().map(|engine| model.cells(engine)).collect();
            let _ = writeln!(out, "| `{name}` | {} |{cells}", model.roles.join(", "));
        }
        out + "\nDeepest is the number of scheduling points of the longest execution.\n"
    }

    /// Which two and three of its ingredients a suite combines, each with its executions: what is left out shows.
    fn combinations(&self) -> String {
        let Some(engine) = self.engines().last() else { return String::new() };
        let combined: BTreeMap<_, _> =
            self.models.values().filter_map(|model| model.combination(engine)).collect();
        let ingredients: BTreeSet<_> = combined.keys().flatten().copied().collect();
        if ingredients.is_empty() {
            return String::new();
        }
        let cell = |of: &[&str]| {
            let mut of = of.to_vec();
            of.sort_unstable();
            combined.get(&of).map_or("left out".into(), u64::to_string)
        };
        let mut out = format!(
            "\n## Combinations\n\nExecutions of each two and each three, with {engine}.\n\n| | alone |"
        );
        for third in &ingredients {
            let _ = write!(out, " + {third} |");
        }
        let _ = writeln!(out, "\n|---|---|{}", "---|".repeat(ingredients.len()));
        for (index, one) in ingredients.iter().enumerate() {
            for other in ingredients.iter().skip(index) {
                let _ = write!(out, "| {one} + {other} | {} |", cell(&[one, other]));
                for third in &ingredients {
                    let _ = write!(out, " {} |", cell(&[one, other, third]));
                }
                out.push('\n');
            }
        }
        out
    }

    fn theorems(&self) -> String {
        let mut out = String::from("\n## Theorems and outcomes\n\n");
        for (name, model) in &self.models {
            let _ = writeln!(out, "- `{name}`: {}{}", model.theorem, model.reached());
        }
        out
    }

    fn twins_table(&self) -> String {
        let mut out = String::from("\n## Red twins\n\n| twin | of | left out | violates |");
        for engine in self.engines() {
            let _ = write!(out, " {engine} execution | preemptions |");
        }
        let _ = writeln!(out, "\n|---|---|---|---|{}", "---|---|".repeat(self.engines.len()));
        for (name, twin) in &self.twins {
            let of = twin.of.as_ref().map(|of| format!("`{of}`")).unwrap_or_default();
            let cells: String = self.engines().map(|engine| twin.cells(engine)).collect();
            let _ = writeln!(out, "| `{name}` | {of} | {} | {} |{cells}", twin.left_out, twin.violates);
        }
        out
    }
}

impl ModelEntry {
    /// What it combines, and its executions with `engine`.
    fn combination(&self, engine: &str) -> Option<(Vec<&str>, u64)> {
        let combines: Vec<_> = self.combines.iter().map(String::as_str).collect();
        let column = self.engines.get(engine).filter(|_| !combines.is_empty())?;
        Some((combines, column.executions))
    }

    fn cells(&self, engine: &str) -> String {
        let Some(column) = self.engines.get(engine) else {
            let why = match self.long {
                _ if self.second_engine_only => "second engine only",
                Long::Never => "",
                Long::UnderLoom | Long::Always => "long, not run",
            };
            return format!(" {why} | | | | |");
        };
        let explored = if column.exhaustive { "exhaustive" } else { "not exhaustive" };
        format!(
            " {} | {explored} | {} | {} | {:.2} |",
            column.executions, column.threads, column.deepest, column.seconds
        )
    }

    /// By the first engine: the others agree on which, and count their own executions.
    fn reached(&self) -> String {
        let outcomes = self.engines.values().next().into_iter().flat_map(|column| &column.outcomes);
        let counts: Vec<_> = outcomes.map(|(outcome, count)| format!("{outcome} {count}")).collect();
        if counts.is_empty() { String::new() } else { format!(" Reached: {}.", counts.join(", ")) }
    }
}

impl TwinEntry {
    fn cells(&self, engine: &str) -> String {
        let Some(column) = self.engines.get(engine) else {
            return " | | ".into();
        };
        let preemptions = column.preemptions.map_or("unknown".into(), |number| number.to_string());
        format!(" {} | {preemptions} |", column.execution)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entries::tests::{explored, one};
    use crate::case::Model;

    #[test]
    fn a_combination_that_was_left_out_shows() {
        let pair = Model::new("roles/a+b").combines(&["b", "a"]);
        let page = one(&pair, &[("second", explored(12, &[]))]).combinations();
        assert!(page.contains("| a + b | 12 | left out | left out |"), "{page}");
        assert!(page.contains("| a + a | left out | left out | left out |"), "{page}");
    }

    #[test]
    fn a_suite_that_combines_nothing_has_no_table() {
        assert_eq!(one(&Model::new("m"), &[("second", explored(12, &[]))]).combinations(), "");
    }
}
