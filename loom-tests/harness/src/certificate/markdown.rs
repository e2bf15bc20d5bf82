//! The certificate as a page.

use super::Certificate;
use super::entries::{ModelEntry, TwinEntry};
use crate::case::Long;
use std::fmt::Write as _;

impl Certificate {
    pub(super) fn markdown(&self) -> String {
        let parts = [self.heading(), self.models_table(), self.theorems(), self.twins_table()];
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
