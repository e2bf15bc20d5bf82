//! The command line of a suite: libtest's arguments, and the harness's own modes.

use crate::binary::{Action, Arguments, Ignored, Value};
use crate::judge::Token;
use crate::model::Case;
use crate::suite::Suite;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The help of what a suite has beside libtest's arguments.
pub(crate) const USAGE: &str = "\
usage: [FILTER]... [options]     (after `cargo test … --`)

  --long                 run the long cases too (also: --include-ignored, <PROJECT>_LONG=1)
  --only-long            run the long cases alone (also: --ignored)
  --reorder N            judge every trace again in N random orders of its independent operations, not a share
                         of them in 2 (second engine)
  --replay TOKEN         replay one execution and draw it (also: <PROJECT>_REPLAY=TOKEN)
  --write-diagrams DIR   draw all twins into DIR, as text and HTML, with an index
  --check-diagrams DIR   fail when DIR is not what would be written
  --certificate BASE     run everything, then write BASE.md and BASE.json
  --check-certificate F  run everything, then fail when F.json says something else (seconds aside)
  --compare F            run everything, then fail when another engine's column of F.json has other outcomes
";

/// What to do with the selected cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Run,
    Replay(Token),
    Files(FileMode, PathBuf),
}

/// What is about the whole suite, and reads or writes files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileMode {
    WriteDiagrams,
    CheckDiagrams,
    WriteCertificate,
    CheckCertificate,
    Compare,
}

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) arguments: Arguments,
    pub(crate) mode: Mode,
    pub(crate) reorder: Option<u32>,
}

impl Options {
    /// Reads the process's arguments and the suite's variables.
    pub(crate) fn from_env(suite: &Suite) -> Result<Self, String> {
        let set =
            |name: &str| env::var(format!("{}_{name}", suite.prefix)).ok().filter(|value| !value.is_empty());
        let mut options = Self::parse(env::args_os().skip(1))?;
        let selection = &mut options.arguments.selection;
        if set("LONG").is_some_and(|value| value != "0") && selection.ignored == Ignored::Not {
            selection.ignored = Ignored::Too;
        }
        let runs = options.arguments.action == Action::Run && options.mode == Mode::Run;
        if let Some(token) = set("REPLAY").filter(|_| runs) {
            options.mode = Mode::Replay(token.parse()?);
        }
        Ok(options)
    }

    fn parse(args: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, String> {
        let (mut mode, mut long, mut reorder) = (Mode::Run, None, None);
        let mut arguments = Arguments::parse(args, |option, value| {
            match option {
                "--long" => long = Some(Ignored::Too),
                "--only-long" => long = Some(Ignored::Only),
                "--reorder" => reorder = Some(number(option, value)?),
                "--replay" => mode = Mode::Replay(value.take()?.parse()?),
                _ => match file_mode(option) {
                    Some(which) => mode = Mode::Files(which, path(value)?),
                    None => return Ok(false),
                },
            }
            Ok(true)
        })?;
        arguments.selection.ignored = long.unwrap_or(arguments.selection.ignored);
        Ok(Self { arguments, mode, reorder })
    }

    pub(crate) fn names(&self, case: &Case) -> bool {
        self.arguments.selection.names(&case.name)
    }

    /// Whether `case` belongs into this run by its length.
    pub(crate) fn takes(&self, case: &Case) -> bool {
        self.arguments.selection.takes(case.long)
    }
}

fn file_mode(option: &str) -> Option<FileMode> {
    Some(match option {
        "--write-diagrams" => FileMode::WriteDiagrams,
        "--check-diagrams" => FileMode::CheckDiagrams,
        "--certificate" => FileMode::WriteCertificate,
        "--check-certificate" => FileMode::CheckCertificate,
        "--compare" => FileMode::Compare,
        _ => return None,
    })
}

fn number(option: &str, value: &mut Value<'_>) -> Result<u32, String> {
    let text = value.take()?;
    text.parse().map_err(|_| format!("{option} {text}: give a number"))
}

fn path(value: &mut Value<'_>) -> Result<PathBuf, String> {
    value.take().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args)
    }

    #[test]
    fn the_modes_and_libtests_arguments_go_together() {
        let options = parse(&["lock", "--long", "--exact"]).unwrap();
        assert_eq!((options.mode, options.arguments.selection.ignored), (Mode::Run, Ignored::Too));
        let options = parse(&["--check-certificate", "there"]).unwrap();
        assert_eq!(options.mode, Mode::Files(FileMode::CheckCertificate, "there".into()));
        assert!(parse(&["--frobnicate"]).unwrap_err().contains("--frobnicate"));
        assert!(parse(&["--replay", "a"]).unwrap_err().contains("replay token"));
        assert!(parse(&["--compare"]).unwrap_err().contains("--compare"));
    }

    #[test]
    fn long_cases_run_when_asked_for() {
        let (short, long) = (Model::new("a").0, Model::new("b").long().0);
        assert!(parse(&[]).unwrap().takes(&short) && !parse(&[]).unwrap().takes(&long));
        assert!(!parse(&["--only-long"]).unwrap().takes(&short));
        assert!(parse(&["--ignored"]).unwrap().takes(&long));
    }
}
