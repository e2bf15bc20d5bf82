//! A certificate against an earlier one, in the column of one engine.

use super::Certificate;
use crate::case::Long;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What is compared of a case: its fields by name.
type Fields = Map<String, Value>;

impl Certificate {
    /// What `now`, of a run of `engine`, has different. Seconds may be. Cases of a length that is not run now
    /// are left out.
    pub(crate) fn differences(&self, now: &Self, engine: &str, is_run: impl Fn(Long) -> bool) -> Vec<String> {
        let mut differences = Vec::new();
        let [before, after] = [self, now].map(|certificate| certificate.engines.get(engine));
        if before != after {
            let text = |version: Option<&String>| version.map_or("none", String::as_str).to_string();
            differences.push(format!("{engine}: {} -> {}", text(before), text(after)));
        }
        let models = [self, now].map(|certificate| fields_of(&certificate.models, engine, &is_run));
        compare(&mut differences, "model", &models);
        let twins = [self, now].map(|certificate| fields_of(&certificate.twins, engine, &is_run));
        compare(&mut differences, "twin", &twins);
        differences
    }
}

/// What the entries that have a column of `engine` say, that column included, and the seconds left out.
fn fields_of<T: Serialize>(
    entries: &BTreeMap<String, T>,
    engine: &str,
    is_run: impl Fn(Long) -> bool,
) -> BTreeMap<String, Fields> {
    let fields = entries.iter().filter_map(|(name, entry)| {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(entry) else { return None };
        let Some(Value::Object(mut columns)) = fields.remove("engines") else { return None };
        let Some(Value::Object(column)) = columns.remove(engine) else { return None };
        fields.extend(column);
        fields.remove("seconds");
        let long = fields.get("long").cloned().and_then(|long| serde_json::from_value(long).ok());
        is_run(long.unwrap_or_default()).then(|| (name.clone(), fields))
    });
    fields.collect()
}

fn compare(differences: &mut Vec<String>, kind: &str, [old, new]: &[BTreeMap<String, Fields>; 2]) {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(before), Some(after)) if before != after => {
                differences.push(format!("{kind} {name}: {}", changes(before, after)));
            }
            (Some(_), None) => differences.push(format!("{kind} {name}: in the file, but not in the suite")),
            (None, Some(_)) => differences.push(format!("{kind} {name}: not in the file")),
            _ => {}
        }
    }
}

/// The fields that differ: "executions 12 -> 14".
fn changes(before: &Fields, after: &Fields) -> String {
    let changed = before.iter().filter(|(field, value)| after.get(*field) != Some(value));
    let changed = changed.map(|(field, value)| format!("{field} {value} -> {}", after[field]));
    changed.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::entries::tests::{explored, one};
    use super::*;
    use crate::case::Model;

    fn short(executions: u64, seconds: f64) -> Certificate {
        let mut explored = explored(executions, &[]);
        explored.seconds = seconds;
        one(&Model::new("m"), &[("loom", explored)])
    }

    fn in_short(long: Long) -> bool {
        !long.is_for(true)
    }

    /// Of a run without any case.
    fn none() -> Certificate {
        Certificate { models: BTreeMap::new(), ..short(1, 1.0) }
    }

    #[test]
    fn counts_must_come_out_again_and_seconds_need_not() {
        let old = short(12, 1.0);
        assert!(old.differences(&short(12, 9.0), "loom", in_short).is_empty());
        assert_eq!(old.differences(&short(14, 1.0), "loom", in_short), ["model m: executions 12 -> 14"]);
        assert_eq!(
            old.differences(&none(), "loom", in_short),
            ["model m: in the file, but not in the suite"]
        );
        assert_eq!(none().differences(&old, "loom", in_short), ["model m: not in the file"]);
    }

    #[test]
    fn a_run_is_compared_with_its_own_engine() {
        let both = one(&Model::new("m"), &[("loom", explored(12, &[])), ("second", explored(5, &[]))]);
        assert!(both.differences(&short(12, 1.0), "loom", in_short).is_empty());
        let other = one(&Model::new("m"), &[("second", explored(6, &[]))]);
        assert_eq!(both.differences(&other, "second", in_short), ["model m: executions 5 -> 6"]);
        assert_eq!(short(12, 1.0).differences(&other, "second", in_short)[0], "second: none -> 1.0");
    }

    #[test]
    fn long_cases_that_were_not_run_are_not_missed() {
        let long = one(&Model::new("m").long(), &[("loom", explored(12, &[]))]);
        assert!(long.differences(&none(), "loom", in_short).is_empty());
        assert_eq!(long.differences(&none(), "loom", |_| true).len(), 1);
    }
}
