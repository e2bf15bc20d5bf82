//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use lexopt::prelude::{Long, Short, Value, ValueExt};

pub const USAGE: &str = "\
usage: cargo mutate-src [FILTER]... [options]

Tries the mutants of src whose name contains a FILTER and that were not tried since their function changed, and
keeps each result at once. Needs `cargo install cargo-mutants --locked --version 27.1.0`.

  --shard K/N       try every Nth, from the Kth (1 to N); shards have builds and results of their own
  --minutes M       begin no mutant after M minutes
  --survivors       try also what has survived
  --again           try also what was tried
  --long            show what survives to the models that take longest, too
  --results FILE    keep results there (default: target/mutate-src/SHARD/results.jsonl)
  --list            list the mutants, and try nothing
  --write [FILE]... take results in from FILEs, and write docs/mutants-of-src.jsonl and docs/mutants-of-src.md
  --check           fail when these two are stale, or a survivor has no argument
    --sample N      and when one of N killed mutants, taken by --seed, is not seen by what the page names
    --seed TEXT
    --changed REV   and when a mutant on a line that changed since REV survives (with --minutes: as many as fit)
";

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    #[default]
    Try,
    List,
    Write,
    Check,
    Help,
}

/// One part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub index: usize,
    pub count: usize,
}

#[derive(Debug, Default)]
pub struct Arguments {
    pub action: Action,
    pub filters: Vec<String>,
    pub shard: Option<Shard>,
    pub minutes: Option<u64>,
    pub again: bool,
    pub long: bool,
    pub survivors: bool,
    pub results: Option<PathBuf>,
    pub merge: Vec<PathBuf>,
    pub sample: usize,
    pub seed: String,
    pub changed: Option<String>,
}

impl Shard {
    pub fn has(self, index: usize) -> bool {
        index % self.count + 1 == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match parsed {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(format!("--shard {text}: give K/N, with K from 1 to N")),
        }
    }
}

impl Arguments {
    pub fn read() -> Result<Self, String> {
        Self::parse(lexopt::Parser::from_env()).map_err(|error| format!("{error}\n\n{USAGE}"))
    }

    fn parse(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut arguments = Self::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("shard") => arguments.shard = Some(parser.value()?.parse()?),
                Long("minutes") => arguments.minutes = Some(parser.value()?.parse()?),
                Long("survivors") => arguments.survivors = true,
                Long("long") => arguments.long = true,
                Long("again") => arguments.again = true,
                Long("results") => arguments.results = Some(parser.value()?.into()),
                Long("list") => arguments.action = Action::List,
                Long("write") => arguments.action = Action::Write,
                Long("check") => arguments.action = Action::Check,
                Long("sample") => arguments.sample = parser.value()?.parse()?,
                Long("seed") => arguments.seed = parser.value()?.string()?,
                Long("changed") => arguments.changed = Some(parser.value()?.string()?),
                Long("help") | Short('h') => arguments.action = Action::Help,
                Value(file) if arguments.action == Action::Write => arguments.merge.push(file.into()),
                Value(filter) => arguments.filters.push(filter.string()?),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(arguments)
    }

    /// Whether the time is up.
    pub fn is_over(&self, began: Instant) -> bool {
        self.minutes.is_some_and(|minutes| began.elapsed() >= Duration::from_secs(60 * minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
    }

    #[test]
    fn shards_are_all_mutants_each_once() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|text| text.parse().unwrap()).into();
        for index in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.has(index)).count(), 1);
        }
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b"] {
            assert!(parse(&["--shard", wrong]).unwrap_err().contains("K/N"), "{wrong}");
        }
    }

    #[test]
    fn files_to_take_in_follow_write_and_filters_do_not() {
        let arguments = parse(&["--write", "a.jsonl", "b.jsonl"]).unwrap();
        assert_eq!((arguments.merge.len(), arguments.filters.len()), (2, 0));
        assert_eq!(parse(&["src/gate", "--again"]).unwrap().filters, ["src/gate"]);
        assert!(parse(&["--frobnicate"]).unwrap_err().contains("--frobnicate"));
    }
}
