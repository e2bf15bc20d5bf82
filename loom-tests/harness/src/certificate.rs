//! What was explored, exactly, in a form that a review reads and a machine compares.
//!
//! Loom is deterministic, so everything but the seconds must come out again.

use crate::judge::{Report, Verdict};
use crate::model::{Case, Suite};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The version that `Cargo.toml` pins.
const LOOM: &str = "0.7.2";

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Certificate {
    loom: String,
    models: BTreeMap<String, ModelEntry>,
    twins: BTreeMap<String, TwinEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ModelEntry {
    theorem: String,
    roles: Vec<String>,
    threads: u64,
    executions: u64,
    exhaustive: bool,
    /// Scheduling points of the longest execution.
    deepest: u64,
    outcomes: BTreeMap<String, u64>,
    long: bool,
    seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TwinEntry {
    of: Option<String>,
    left_out: String,
    violates: String,
    execution: u64,
    preemptions: Option<u8>,
    long: bool,
}

impl Certificate {
    /// Of a run in which nothing is wrong and nothing was left open.
    ///
    /// # Errors
    /// When something was.
    pub(crate) fn of(reports: &[(&Case, Report)]) -> Result<Self, String> {
        let mut certificate = Self { loom: LOOM.into(), ..Self::default() };
        for (case, report) in reports {
            let name = case.name.clone();
            match (&report.verdict, &case.twin) {
                (Verdict::Held(coverage), None) => {
                    certificate.models.insert(name, ModelEntry::of(case, report, coverage.is_exhaustive()));
                }
                (Verdict::Red(at), Some(expected)) => {
                    let entry = TwinEntry {
                        of: expected.of.clone(),
                        left_out: expected.left_out.clone(),
                        violates: expected.invariant.clone(),
                        execution: report.executions,
                        preemptions: at.preemptions,
                        long: case.long,
                    };
                    certificate.twins.insert(name, entry);
                }
                _ => return Err(format!("{name} is not as it should be: no certificate")),
            }
        }
        Ok(certificate)
    }

    /// # Errors
    /// When the file cannot be read as a certificate.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        serde_json::from_str(&text).map_err(|error| failed(&error))
    }

    /// Takes over the long cases of `old` that are still in the suite and were not run now.
    pub(crate) fn keep_long(&mut self, old: Self, suite: &Suite) {
        let kept = |name: &str| suite.find(name).is_some_and(|case| case.long);
        for (name, entry) in old.models.into_iter().filter(|(name, entry)| entry.long && kept(name)) {
            self.models.entry(name).or_insert(entry);
        }
        for (name, entry) in old.twins.into_iter().filter(|(name, entry)| entry.long && kept(name)) {
            self.twins.entry(name).or_insert(entry);
        }
    }

    /// Writes `base.md` and `base.json`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn write(&self, base: &Path) -> Result<(), String> {
        let json = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        for (ending, content) in [("json", json + "\n"), ("md", self.markdown())] {
            let path = base.with_extension(ending);
            fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// What is different in `now`. Seconds may be. Long cases that were not run now are left out.
    pub(crate) fn differences(&self, now: &Self, with_long: bool) -> Vec<String> {
        let mut differences = Vec::new();
        if self.loom != now.loom {
            differences.push(format!("loom: {} -> {}", self.loom, now.loom));
        }
        let timeless = |entry: &ModelEntry| {
            (with_long || !entry.long).then(|| ModelEntry { seconds: 0.0, ..entry.clone() })
        };
        compare(&mut differences, "model", &self.models, &now.models, timeless);
        let twin = |entry: &TwinEntry| (with_long || !entry.long).then(|| entry.clone());
        compare(&mut differences, "twin", &self.twins, &now.twins, twin);
        differences
    }

    fn markdown(&self) -> String {
        let executions: u64 = self.models.values().map(|model| model.executions).sum();
        let mut out = format!(
            "# Certificate\n\nGenerated, do not edit. Explored with loom {}: {} models, {executions} executions; {} red twins.\n\n\
             | model | roles | threads | executions | explored | deepest | seconds |\n|---|---|---|---|---|---|---|\n",
            self.loom,
            self.models.len(),
            self.twins.len(),
        );
        for (name, model) in &self.models {
            let explored = if model.exhaustive { "exhaustive" } else { "not exhaustive" };
            let _ = writeln!(
                out,
                "| `{name}` | {} | {} | {} | {explored} | {} | {:.1} |",
                model.roles.join(", "),
                model.threads,
                model.executions,
                model.deepest,
                model.seconds,
            );
        }
        out += "\nDeepest is the number of scheduling points of the longest execution.\n\n## Theorems and outcomes\n\n";
        for (name, model) in &self.models {
            let outcomes: Vec<_> =
                model.outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
            let reached = if outcomes.is_empty() {
                String::new()
            } else {
                format!(" Reached: {}.", outcomes.join(", "))
            };
            let _ = writeln!(out, "- `{name}`: {}{reached}", model.theorem);
        }
        out += "\n## Red twins\n\n| twin | of | left out | violates | execution | preemptions |\n|---|---|---|---|---|---|\n";
        for (name, twin) in &self.twins {
            let of = twin.of.as_ref().map(|of| format!("`{of}`")).unwrap_or_default();
            let preemptions = twin.preemptions.map_or("unknown".into(), |number| number.to_string());
            let _ = writeln!(
                out,
                "| `{name}` | {of} | {} | {} | {} | {preemptions} |",
                twin.left_out, twin.violates, twin.execution,
            );
        }
        out
    }
}

impl ModelEntry {
    fn of(case: &Case, report: &Report, exhaustive: bool) -> Self {
        Self {
            theorem: case.theorem.clone(),
            roles: case.roles.clone(),
            threads: report.threads,
            executions: report.executions,
            exhaustive,
            deepest: report.deepest,
            outcomes: report.reached.iter().cloned().collect(),
            long: case.long,
            // Two digits: what a reader wants, and fewer needless changes of the file.
            seconds: (report.elapsed.as_secs_f64() * 100.0).round() / 100.0,
        }
    }
}

fn compare<T: PartialEq + Serialize>(
    differences: &mut Vec<String>,
    kind: &str,
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    relevant: impl Fn(&T) -> Option<T>,
) {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let [before, after] = [old, new].map(|entries| entries.get(name).and_then(&relevant));
        match (before, after) {
            (Some(before), Some(after)) if before != after => {
                differences.push(format!("{kind} {name}: {}", fields(&before, &after)));
            }
            (Some(_), None) => differences.push(format!("{kind} {name}: in the file, but not in the suite")),
            (None, Some(_)) => differences.push(format!("{kind} {name}: not in the file")),
            _ => {}
        }
    }
}

/// The fields that differ: "executions 12 -> 14".
fn fields<T: Serialize>(before: &T, after: &T) -> String {
    let [before, after] = [before, after].map(|entry| serde_json::to_value(entry).unwrap_or_default());
    let Some(object) = before.as_object() else { return String::new() };
    let changed = object.iter().filter(|(field, value)| after.get(field.as_str()) != Some(value));
    let changed = changed.map(|(field, value)| format!("{field} {value} -> {}", after[field.as_str()]));
    changed.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(executions: u64, seconds: f64, long: bool) -> Certificate {
        let entry = ModelEntry {
            theorem: "It holds.".into(),
            roles: vec!["a".into()],
            threads: 2,
            executions,
            exhaustive: true,
            deepest: 9,
            outcomes: BTreeMap::from([("refused".into(), 3)]),
            long,
            seconds,
        };
        Certificate {
            loom: LOOM.into(),
            models: BTreeMap::from([("m".into(), entry)]),
            twins: BTreeMap::new(),
        }
    }

    #[test]
    fn counts_must_come_out_again_and_seconds_need_not() {
        let old = certificate(12, 1.0, false);
        assert!(old.differences(&certificate(12, 9.0, false), false).is_empty());
        assert_eq!(old.differences(&certificate(14, 1.0, false), false), ["model m: executions 12 -> 14"]);
        assert_eq!(
            old.differences(&Certificate { loom: LOOM.into(), ..Certificate::default() }, false).len(),
            1
        );
    }

    #[test]
    fn long_cases_that_were_not_run_are_not_missed() {
        let none = Certificate { loom: LOOM.into(), ..Certificate::default() };
        assert!(certificate(12, 1.0, true).differences(&none, false).is_empty());
        assert_eq!(certificate(12, 1.0, true).differences(&none, true).len(), 1);
    }
}
