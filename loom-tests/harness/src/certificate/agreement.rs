//! Two engines, one verdict: each must come to the same sets of outcomes, and find every twin red.

use super::Certificate;
use super::entries::{Explored, ModelEntry, TwinEntry};
use crate::plural::count;
use std::collections::BTreeSet;
use std::fmt;

/// What two engines say of the models that both must explore.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    models: usize,
    agree: usize,
    second_engine_only: usize,
    /// In the long run of the one engine, and not in the plain run of the other, or not run there.
    not_compared: Vec<String>,
    twins: usize,
    /// What is different, one line each.
    pub(crate) differences: Vec<String>,
}

impl Certificate {
    /// Another engine than `engine`.
    ///
    /// # Errors
    /// When there is none here.
    pub(crate) fn other_engine(&self, engine: &str) -> Result<&str, String> {
        let other = self.engines.keys().find(|other| *other != engine).map(String::as_str);
        other.ok_or_else(|| {
            format!("no engine but {engine} wrote there; --certificate with the other one does")
        })
    }

    /// Compares `now`, of a run of the first of `engines`, with what this certificate has of the other one.
    pub(crate) fn agreement(&self, now: &Self, engines: [&str; 2], is_second: bool) -> Agreement {
        let mut agreement = Agreement::default();
        for (name, entry) in now.models.iter().filter(|(_, entry)| !entry.litmus) {
            let there = self.models.get(name).and_then(|there| there.engines.get(engines[1]));
            if there.is_none() && !entry.second_engine_only && entry.long.is_for(!is_second) {
                agreement.not_compared.push(name.clone());
            } else {
                agreement.model(name, entry, engines, there);
            }
        }
        for (name, entry) in &self.models {
            let is_there = entry.engines.contains_key(engines[1]) && !entry.litmus;
            if is_there && !entry.long.is_for(is_second) && !now.models.contains_key(name) {
                agreement.differences.push(format!("model {name}: only {} explored it", engines[1]));
            }
        }
        for (name, entry) in now.twins.iter().filter(|(_, entry)| !entry.litmus) {
            agreement.twin(name, entry, self.twins.get(name), engines[1]);
        }
        agreement
    }
}

impl Agreement {
    fn model(&mut self, name: &str, entry: &ModelEntry, engines: [&str; 2], there: Option<&Explored>) {
        let [engine, other] = engines;
        match (entry.engines.get(engine), there) {
            (_, None) if entry.second_engine_only => self.second_engine_only += 1,
            (Some(here), Some(there)) => {
                self.models += 1;
                match difference(here, there, engines) {
                    None => self.agree += 1,
                    Some(what) => self.differences.push(format!("model {name}: {what}")),
                }
            }
            _ => {
                self.models += 1;
                self.differences.push(format!("model {name}: nothing there of {other}"));
            }
        }
    }

    fn twin(&mut self, name: &str, entry: &TwinEntry, there: Option<&TwinEntry>, other: &str) {
        self.twins += 1;
        let what = twin_difference(entry, there, other);
        self.differences.extend(what.map(|what| format!("twin {name}: {what}")));
    }
}

/// How the other engine did not find the twin red as this one did.
fn twin_difference(entry: &TwinEntry, there: Option<&TwinEntry>, other: &str) -> Option<String> {
    match there.filter(|there| there.engines.contains_key(other)) {
        None => Some(format!("not found red by {other}")),
        Some(there) if there.violates != entry.violates => {
            Some(format!("violates {}, and with {other} {}", entry.violates, there.violates))
        }
        Some(_) => None,
    }
}

fn difference(here: &Explored, there: &Explored, [engine, other]: [&str; 2]) -> Option<String> {
    if !(here.exhaustive && there.exhaustive) {
        return Some("not explored exhaustively by both".into());
    }
    let only = |whose: &str, one: &BTreeSet<String>, two: &BTreeSet<String>| {
        let sets: Vec<_> = one.difference(two).map(|set| format!("{{{set}}}")).collect();
        (!sets.is_empty()).then(|| format!("only {whose} reaches {}", sets.join(" ")))
    };
    let sides = [
        only(engine, &here.combinations, &there.combinations),
        only(other, &there.combinations, &here.combinations),
    ];
    let sides: Vec<_> = sides.into_iter().flatten().collect();
    (!sides.is_empty()).then(|| sides.join("; "))
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (models, differ) = (count(self.models as u64, "model"), self.differences.len());
        writeln!(f, "engines: {models}, {} agree, {differ} differ", self.agree)?;
        let (alone, twins) =
            (count(self.second_engine_only as u64, "model"), count(self.twins as u64, "twin"));
        write!(f, "{alone} second engine only; {twins} compared")?;
        match self.not_compared.as_slice() {
            [] => Ok(()),
            names => write!(f, "; long, and not there: {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entries::tests::{explored, one};
    use super::*;
    use crate::case::Model;

    fn agreement(there: &[&str], here: &[&str]) -> Agreement {
        let file = one(&Model::new("m"), &[("loom", explored(12, there))]);
        let now = one(&Model::new("m"), &[("second", explored(5, here))]);
        file.agreement(&now, ["second", "loom"], true)
    }

    #[test]
    fn the_same_sets_of_outcomes_agree_whatever_the_counts() {
        let agreement = agreement(&["", "a, b"], &["", "a, b"]);
        assert!(agreement.to_string().starts_with("engines: 1 model, 1 agree, 0 differ\n"), "{agreement}");
    }

    #[test]
    fn a_set_that_one_engine_alone_reaches_is_a_difference() {
        let agreement = agreement(&["a", "b"], &["a", "a, b"]);
        assert_eq!(agreement.differences, ["model m: only second reaches {a, b}; only loom reaches {b}"]);
        assert!(agreement.to_string().contains("1 model, 0 agree, 1 differ"));
    }

    #[test]
    fn what_is_not_there_is_a_difference_unless_it_is_declared() {
        let loom = one(&Model::new("other"), &[("loom", explored(12, &[]))]);
        let now = one(&Model::new("m"), &[("second", explored(5, &[]))]);
        let found = loom.agreement(&now, ["second", "loom"], true).differences;
        assert_eq!(found, ["model m: nothing there of loom", "model other: only loom explored it"]);
        let alone = one(&Model::new("m").second_engine_only(), &[("second", explored(5, &[]))]);
        let loom = one(&Model::new("l").litmus(), &[("loom", explored(12, &[]))]);
        let found = loom.agreement(&alone, ["second", "loom"], true);
        assert_eq!((found.differences, found.second_engine_only), (vec![], 1));
        assert!(now.other_engine("second").is_err());
        assert_eq!(loom.other_engine("second"), Ok("loom"));
    }
}
