//! What to think of each mutant: what came of it, and what is argued.

use crate::equivalent::Argument;
use crate::mutant::Mutant;
use crate::record::{Outcome, Record, Records};

/// What to think of a mutant.
pub enum Verdict<'a> {
    ByModels(&'a Record),
    ByTests(&'a Record),
    Unviable(&'a Record),
    Equivalent(&'a Record, &'static Argument),
    Unexplained(&'a Record),
    NotTried,
}

/// All mutants, in the order of the source.
pub struct Verdicts<'a> {
    pub rows: Vec<(&'a Mutant, Verdict<'a>)>,
    arguments: &'static [Argument],
}

impl Argument {
    fn explains(&self, record: &Record) -> bool {
        let name = record.key.to_string();
        let is_named = |change: &&str| {
            name.strip_prefix(self.file).is_some_and(|rest| rest.strip_prefix(": ") == Some(change))
        };
        self.of == record.of && self.changes.iter().any(is_named)
    }
}

impl<'a> Verdict<'a> {
    fn of(mutant: &Mutant, records: &'a Records, arguments: &'static [Argument]) -> Self {
        let Some(record) = records.of(mutant) else { return Self::NotTried };
        match record.outcome {
            Outcome::Models => Self::ByModels(record),
            Outcome::Tests => Self::ByTests(record),
            Outcome::Unviable => Self::Unviable(record),
            Outcome::Survived => arguments
                .iter()
                .find(|argument| argument.explains(record))
                .map_or(Self::Unexplained(record), |argument| Self::Equivalent(record, argument)),
        }
    }

    pub fn record(&self) -> Option<&'a Record> {
        match self {
            Self::ByModels(record)
            | Self::ByTests(record)
            | Self::Unviable(record)
            | Self::Equivalent(record, _)
            | Self::Unexplained(record) => Some(record),
            Self::NotTried => None,
        }
    }
}

impl<'a> Verdicts<'a> {
    pub fn of(mutants: &'a [Mutant], records: &'a Records, arguments: &'static [Argument]) -> Self {
        let verdict = |mutant| (mutant, Verdict::of(mutant, records, arguments));
        Self { rows: mutants.iter().map(verdict).collect(), arguments }
    }

    pub fn count(&self, is_it: impl Fn(&Verdict<'a>) -> bool) -> usize {
        self.rows.iter().filter(|(_, verdict)| is_it(verdict)).count()
    }

    /// One line.
    pub fn summary(&self) -> String {
        format!(
            "mutants of src: {}, {} killed by models, {} by tests, {} equivalent, {} unexplained; {} unviable, {} not tried yet",
            self.rows.len(),
            self.count(|verdict| matches!(verdict, Verdict::ByModels(_))),
            self.count(|verdict| matches!(verdict, Verdict::ByTests(_))),
            self.count(|verdict| matches!(verdict, Verdict::Equivalent(..))),
            self.count(|verdict| matches!(verdict, Verdict::Unexplained(_))),
            self.count(|verdict| matches!(verdict, Verdict::Unviable(_))),
            self.count(|verdict| matches!(verdict, Verdict::NotTried)),
        )
    }

    /// Survivors without an argument, and arguments that explain none.
    pub fn defects(&self) -> Vec<String> {
        let unexplained = self.rows.iter().filter_map(|(mutant, verdict)| match verdict {
            Verdict::Unexplained(record) => {
                Some(format!("unexplained: {mutant} [{}]: `{}`", record.of, mutant.line))
            }
            _ => None,
        });
        let is_used = |argument: &Argument, change: &str| {
            self.rows.iter().any(|(mutant, verdict)| {
                matches!(verdict, Verdict::Equivalent(_, by) if std::ptr::eq(*by, argument))
                    && mutant.to_string() == format!("{}: {change}", argument.file)
            })
        };
        let stale = self.arguments.iter().flat_map(|argument| {
            let unused = argument.changes.iter().filter(move |change| !is_used(argument, change));
            unused.map(|change| {
                format!(
                    "{}: {change}: is argued, but no survivor of the function as it is now",
                    argument.file
                )
            })
        });
        unexplained.chain(stale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutant::Key;

    const ARGUMENTS: &[Argument] =
        &[Argument { file: "src/a.rs", changes: &["replace + with - in b (no. 2)"], of: "f", why: "it is" }];

    fn mutant(nth: usize, fingerprint: &str) -> Mutant {
        Mutant {
            key: Key { file: "src/a.rs".into(), change: "replace + with - in b".into(), nth },
            fingerprint: fingerprint.into(),
            line: "c + d".into(),
            at: 0..0,
            replacement: String::new(),
            breaks: None,
        }
    }

    /// What is wrong with the outcomes of these mutants.
    fn defects(mutants: &[Mutant], outcome: Outcome) -> Vec<String> {
        let records: Records = mutants
            .iter()
            .map(|mutant| Record::of(mutant, outcome, "1 models, 1 tests".into()).expect("there is a day"))
            .collect();
        Verdicts::of(mutants, &records, ARGUMENTS).defects()
    }

    #[test]
    fn a_survivor_with_an_argument_is_no_defect() {
        assert_eq!(defects(&[mutant(2, "f")], Outcome::Survived), Vec::<String>::new());
    }

    #[test]
    fn twin_what_is_not_argued_or_argued_in_vain_is_one() {
        let first = |defects: Vec<String>| defects.into_iter().next().unwrap_or_default();
        // Another of the same name; the same one after its function changed.
        assert!(first(defects(&[mutant(1, "f")], Outcome::Survived)).contains("unexplained"));
        assert!(first(defects(&[mutant(2, "g")], Outcome::Survived)).contains("unexplained"));
        assert!(first(defects(&[mutant(2, "f")], Outcome::Models)).contains("is argued"));
    }
}
