//! The command line: what cargo and libtest's users pass, and the harness's own modes.

use crate::model::{Case, Suite};
use crate::token::Token;
use lexopt::prelude::{Long, Short, Value, ValueExt};
use std::env;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: [FILTER]... [options]     (after `cargo test … --`)

  FILTER                 run the cases whose name contains it
  --exact                run the cases whose name is it
  --skip FILTER          leave out the cases whose name contains it
  --list                 list the cases
  --long                 run the long ones too (also: --include-ignored, <PROJECT>_LONG=1)
  --only-long            run the long ones only (also: --ignored)
  --test-threads N       search N models at once (default: one a core)
  --replay TOKEN         replay one execution and draw it (also: <PROJECT>_REPLAY=TOKEN)
  --write-diagrams DIR   draw all twins into DIR, as text and HTML, with an index
  --check-diagrams DIR   fail when DIR is not what would be written
  --certificate BASE     run everything, then write BASE.md and BASE.json
  --check-certificate F  run everything, then fail when F.json says something else (seconds aside)

libtest's --nocapture, --quiet, --show-output, --color and --format are accepted and change nothing.";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Run,
    List,
    Help,
    Replay(Token),
    WriteDiagrams(PathBuf),
    CheckDiagrams(PathBuf),
    WriteCertificate(PathBuf),
    CheckCertificate(PathBuf),
}

/// Which of the long cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongCases {
    Not,
    Too,
    Only,
}

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    pub(crate) long: LongCases,
    pub(crate) workers: Option<usize>,
}

impl Options {
    /// Reads the process's arguments and the suite's variables.
    pub(crate) fn from_env(suite: &Suite) -> Result<Self, String> {
        let set =
            |name: &str| env::var(format!("{}_{name}", suite.prefix)).ok().filter(|value| !value.is_empty());
        let mut options = Self::parse(lexopt::Parser::from_env()).map_err(|error| error.to_string())?;
        if set("LONG").is_some_and(|value| value != "0") && options.long == LongCases::Not {
            options.long = LongCases::Too;
        }
        if let Some(token) = set("REPLAY").filter(|_| options.mode == Mode::Run) {
            options.mode = Mode::Replay(token.parse()?);
        }
        Ok(options)
    }

    fn parse(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            mode: Mode::Run,
            filters: Vec::new(),
            skip: Vec::new(),
            exact: false,
            long: LongCases::Not,
            workers: None,
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Value(filter) => options.filters.push(filter.string()?),
                Long("list") => options.mode = Mode::List,
                Long("help") | Short('h') => options.mode = Mode::Help,
                Long("replay") => options.mode = Mode::Replay(parser.value()?.parse()?),
                Long("write-diagrams") => options.mode = Mode::WriteDiagrams(parser.value()?.into()),
                Long("check-diagrams") => options.mode = Mode::CheckDiagrams(parser.value()?.into()),
                Long("certificate") => options.mode = Mode::WriteCertificate(parser.value()?.into()),
                Long("check-certificate") => options.mode = Mode::CheckCertificate(parser.value()?.into()),
                Long("exact") => options.exact = true,
                Long("skip") => options.skip.push(parser.value()?.string()?),
                Long("long" | "include-ignored") => options.long = LongCases::Too,
                Long("only-long" | "ignored") => options.long = LongCases::Only,
                Long("test-threads") => options.workers = Some(parser.value()?.parse()?),
                Long("nocapture" | "no-capture" | "show-output" | "quiet") | Short('q') => {}
                Long("color" | "format") => drop(parser.value()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(options)
    }

    pub(crate) fn is_filtered(&self) -> bool {
        !self.filters.is_empty() || !self.skip.is_empty()
    }

    /// Whether a filter or a `--skip` leaves `case` in.
    pub(crate) fn names(&self, case: &Case) -> bool {
        let matches = |filter: &String| {
            if self.exact { case.name == *filter } else { case.name.contains(filter) }
        };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skip.iter().any(matches)
    }

    /// Whether `case` belongs into this run by its length.
    pub(crate) fn takes(&self, case: &Case) -> bool {
        match self.long {
            LongCases::Not => !case.long,
            LongCases::Too => true,
            LongCases::Only => case.long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cargo_and_its_users_pass_is_understood() {
        let options = parse(&["--nocapture", "-q", "--test-threads=3", "--color", "always", "lock"]).unwrap();
        assert_eq!((options.mode, options.workers), (Mode::Run, Some(3)));
        assert_eq!(options.filters, ["lock"]);
        assert_eq!(parse(&["--list", "--format", "terse"]).unwrap().mode, Mode::List);
        assert!(parse(&["--frobnicate"]).unwrap_err().contains("--frobnicate"));
        assert!(parse(&["--replay", "a"]).unwrap_err().contains("replay token"));
    }

    #[test]
    fn filters_are_substrings_unless_exact() {
        let case = Model::new("queue/pop").0;
        assert!(parse(&["pop"]).unwrap().names(&case));
        assert!(!parse(&["pop", "--exact"]).unwrap().names(&case));
        assert!(parse(&["queue/pop", "--exact"]).unwrap().names(&case));
        assert!(!parse(&["--skip", "pop"]).unwrap().names(&case));
        assert!(parse(&[]).unwrap().takes(&case));
        assert!(!parse(&["--only-long"]).unwrap().takes(&case));
    }
}
