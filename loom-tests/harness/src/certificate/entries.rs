//! The certificate as data. An engine is deterministic, so everything but the seconds must come out again.

use crate::case::{Case, Long};
use crate::engine::Explore;
use crate::judge::{Located, Report, Verdict};
use crate::suite::Suite;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// By the name of an engine.
pub(super) type Columns<T> = BTreeMap<String, T>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// Which version of each engine explored.
    pub(super) engines: Columns<String>,
    pub(super) models: BTreeMap<String, ModelEntry>,
    pub(super) twins: BTreeMap<String, TwinEntry>,
}

/// What is declared of a model, and what each engine found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ModelEntry {
    pub(super) theorem: String,
    pub(super) roles: Vec<String>,
    pub(super) long: Long,
    pub(super) litmus: bool,
    pub(super) second_engine_only: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) combines: Vec<String>,
    pub(super) engines: Columns<Explored>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Explored {
    pub(super) executions: u64,
    /// Begun beside these, and left: an engine's price, and no part of its result.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) blocked: u64,
    pub(super) exhaustive: bool,
    pub(super) threads: u64,
    /// Scheduling points of the longest execution.
    pub(super) deepest: u64,
    /// In how many executions each outcome was reached.
    pub(super) outcomes: BTreeMap<String, u64>,
    /// The sets of outcomes that one execution reached: what engines must agree on.
    pub(super) combinations: BTreeSet<String>,
    pub(super) seconds: f64,
}

/// What is declared of a twin, and how it fails on each engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TwinEntry {
    pub(super) of: Option<String>,
    pub(super) left_out: String,
    pub(super) violates: String,
    pub(super) long: Long,
    pub(super) litmus: bool,
    pub(super) engines: Columns<Broken>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Broken {
    pub(super) execution: u64,
    pub(super) preemptions: Option<u8>,
}

impl Certificate {
    /// Of a run in which nothing is wrong and nothing was left open, by the engine that explored.
    ///
    /// # Errors
    /// When something was.
    pub(crate) fn of(explorer: &dyn Explore, reports: &[(&Case, Report)]) -> Result<Self, String> {
        let engine = explorer.name();
        let mut certificate = Self::default();
        certificate.engines.insert(engine.into(), explorer.version());
        for (case, report) in reports {
            match &report.verdict {
                Verdict::Held(_) if case.twin.is_none() => {
                    let column = Explored::of(report, report.is_exhaustive());
                    certificate.model(case).engines.insert(engine.into(), column);
                }
                Verdict::Red(at) if case.twin.is_some() => {
                    certificate.twin(case).engines.insert(engine.into(), Broken::of(report, at));
                }
                _ => return Err(format!("{} is not as it should be: no certificate", case.name)),
            }
        }
        Ok(certificate)
    }

    fn model(&mut self, case: &Case) -> &mut ModelEntry {
        self.models.entry(case.name.clone()).or_insert_with(|| ModelEntry::of(case))
    }

    fn twin(&mut self, case: &Case) -> &mut TwinEntry {
        self.twins.entry(case.name.clone()).or_insert_with(|| TwinEntry::of(case))
    }

    /// # Errors
    /// When the file cannot be read as a certificate.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        serde_json::from_str(&text).map_err(|error| failed(&error))
    }

    /// How many executions a model has with an engine.
    pub(crate) fn executions(&self, model: &str, engine: &str) -> Option<u64> {
        Some(self.models.get(model)?.engines.get(engine)?.executions)
    }

    /// Takes over from `old` what this run cannot know, as far as it is of cases that are still in the suite: the
    /// columns of the other engines, and cases that were not run now: long ones, or any where `is_all` is false. A
    /// litmus test of another engine need not be in the suite.
    pub(crate) fn keep(&mut self, old: Self, suite: &Suite, engine: &str, is_all: bool) {
        let stays = |case, is_litmus, column: &str| {
            let may_be_old = |case| column != engine || !is_all || suite.is_long(case);
            match case {
                Some(case) => may_be_old(case),
                None => is_litmus && column != engine,
            }
        };
        for (name, entry) in old.models {
            let case = suite.find(&name);
            for (column, found) in entry.engines.clone() {
                if stays(case, entry.litmus, &column) {
                    let kept = self.models.entry(name.clone());
                    let declared = || match case {
                        Some(case) => ModelEntry::of(case),
                        None => ModelEntry { engines: Columns::new(), ..entry.clone() },
                    };
                    kept.or_insert_with(declared).engines.entry(column).or_insert(found);
                }
            }
        }
        for (name, entry) in old.twins {
            let case = suite.find(&name);
            for (column, found) in entry.engines.clone() {
                if stays(case, entry.litmus, &column) {
                    let kept = self.twins.entry(name.clone());
                    let declared = || match case {
                        Some(case) => TwinEntry::of(case),
                        None => TwinEntry { engines: Columns::new(), ..entry.clone() },
                    };
                    kept.or_insert_with(declared).engines.entry(column).or_insert(found);
                }
            }
        }
        for (name, version) in old.engines {
            self.engines.entry(name).or_insert(version);
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
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl ModelEntry {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            theorem: case.theorem.clone(),
            roles: case.roles.clone(),
            long: case.long,
            litmus: case.litmus,
            second_engine_only: case.second_engine_only,
            combines: case.combines.clone(),
            engines: Columns::new(),
        }
    }
}

impl TwinEntry {
    fn of(case: &Case) -> Self {
        let expected = case.twin.clone().unwrap_or_default();
        Self {
            of: expected.of,
            left_out: expected.left_out,
            violates: expected.invariant,
            long: case.long,
            litmus: case.litmus,
            engines: Columns::new(),
        }
    }
}

impl Explored {
    fn of(report: &Report, exhaustive: bool) -> Self {
        Self {
            executions: report.executions,
            blocked: report.blocked,
            exhaustive,
            threads: report.threads,
            deepest: report.deepest,
            outcomes: report.reached.iter().cloned().collect(),
            combinations: report.combinations.clone(),
            // Two digits: what a reader wants, and fewer needless changes of the file.
            seconds: (report.elapsed.as_secs_f64() * 100.0).round() / 100.0,
        }
    }
}

impl Broken {
    fn of(report: &Report, at: &Located) -> Self {
        Self { execution: report.executions, preemptions: at.preemptions }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::case::Model;

    pub(in super::super) fn explored(executions: u64, combinations: &[&str]) -> Explored {
        Explored {
            executions,
            blocked: 0,
            exhaustive: true,
            threads: 2,
            deepest: 9,
            outcomes: BTreeMap::from([("refused".into(), 3)]),
            combinations: combinations.iter().map(ToString::to_string).collect(),
            seconds: 1.0,
        }
    }

    /// A certificate of one model, `m`.
    pub(in super::super) fn one(model: &Model, columns: &[(&str, Explored)]) -> Certificate {
        let mut certificate = Certificate::default();
        for (engine, explored) in columns {
            certificate.engines.insert((*engine).into(), "1.0".into());
            certificate.model(&model.0).engines.insert((*engine).into(), explored.clone());
        }
        certificate
    }

    #[test]
    fn a_run_keeps_the_other_engines_columns_and_the_long_cases() {
        let old = || {
            let columns = [("loom", explored(12, &[])), ("second", explored(5, &[]))];
            one(&Model::new("m").long(), &columns)
        };
        let short = Suite::new("s").model(Model::new("m"));
        let long = Suite::new("s").model(Model::new("m").long());
        let kept_of = |suite: &Suite, is_all| {
            let mut now = Certificate::default();
            now.keep(old(), suite, "loom", is_all);
            now.models.get("m").map(|entry| entry.engines.keys().cloned().collect::<Vec<_>>())
        };
        let (both, second) = (vec!["loom".to_string(), "second".to_string()], vec!["second".to_string()]);
        assert_eq!(kept_of(&short, true), Some(second));
        assert_eq!(kept_of(&long, true), Some(both.clone()));
        assert_eq!(kept_of(&short, false), Some(both), "a filter left it out");
        assert_eq!(kept_of(&Suite::new("s"), false), None);
    }
}
