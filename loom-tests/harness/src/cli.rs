//! The command line of a suite: libtest's arguments, and the harness's own modes.

use crate::binary::{Action, Arguments, Ignored, Value};
use crate::case::Case;
use crate::judge::Token;
use crate::search::{Part, variables};
use crate::suite::Suite;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The help of what a suite has beside libtest's arguments.
pub(crate) const USAGE: &str = "\
usage: [FILTER]... [options]     (after `cargo test … --`)

  --long                 run the long cases too (also: --include-ignored, <PROJECT>_LONG=1)
  --only-long            run the long cases alone (also: --ignored)
  --junit FILE           write the results as JUnit XML, too
  --strict               fail every model that was not explored exhaustively: bounded, cut, or with a hole
  --reorder N            judge every trace again in N random orders of its independent operations, not a share
                         of them in 2 (second engine)
  --part K/N             explore part K of N of each case, for one of N machines: the executions of all parts
                         are those of the whole (second engine)
  --replay TOKEN         replay one execution and draw it (also: <PROJECT>_REPLAY=TOKEN)
  --write-diagrams DIR   draw all twins into DIR, as text and HTML, with an index
  --check-diagrams DIR   fail when DIR is not what would be written
  --certificate [F]      run everything, or what a filter takes, then write this engine's columns of F.json for
                         what was run, and the page F.md
  --check-certificate [F]  run everything, then fail when F.json says something else (seconds aside)
  --compare [F]          run everything, then fail when another engine's columns of F.json have other outcomes
                         (the last two also: <PROJECT>_CHECK=certificate,compare, of the suite's own F)
";

/// What to do with the selected cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Run,
    Replay(Token),
    /// Of one run, if they need one.
    Files(Vec<(FileMode, PathBuf)>),
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
    pub(crate) part: Option<Part>,
    pub(crate) strict: bool,
    pub(crate) junit: Option<PathBuf>,
}

impl Options {
    /// Reads the process's arguments and the suite's variables.
    pub(crate) fn from_env(suite: &Suite) -> Result<Self, String> {
        let set =
            |name: &str| env::var(format!("{}_{name}", suite.prefix)).ok().filter(|value| !value.is_empty());
        variables::check(&suite.prefix, &["CHECK", "EXPLORE", "LONG", "REPLAY"])?;
        let mut options = Self::parse(env::args_os().skip(1), suite.certificate.as_deref())?;
        let selection = &mut options.arguments.selection;
        if set("LONG").is_some_and(|value| value != "0") && selection.ignored == Ignored::Not {
            selection.ignored = Ignored::Too;
        }
        let runs = options.arguments.action == Action::Run && options.mode == Mode::Run;
        if let Some(token) = set("REPLAY").filter(|_| runs) {
            options.mode = Mode::Replay(token.parse()?);
        } else if let Some(names) = set("CHECK").filter(|_| runs) {
            options.mode = checks(&names, suite.certificate.as_deref())?;
        }
        Ok(options)
    }

    /// `certificate` is what is meant where none is named.
    fn parse(
        args: impl IntoIterator<Item = impl Into<OsString>>,
        certificate: Option<&Path>,
    ) -> Result<Self, String> {
        let (mut mode, mut long, mut reorder, mut part) = (Mode::Run, None, None, None);
        let (mut strict, mut junit) = (false, None);
        let mut files = Vec::new();
        let mut arguments = Arguments::parse(args, |option, value| {
            match option {
                "--long" => long = Some(Ignored::Too),
                "--only-long" => long = Some(Ignored::Only),
                "--strict" => strict = true,
                "--junit" if cfg!(feature = "junit") => junit = Some(value.take()?.into()),
                "--junit" => return Err("--junit: loom-harness was built without its feature `junit`".into()),
                "--reorder" => reorder = Some(number(option, value)?),
                "--part" => part = Some(value.take()?.parse()?),
                "--replay" => mode = Mode::Replay(value.take()?.parse()?),
                _ => match file_mode(option) {
                    Some(which) => files.push((which, path(which, value, certificate)?)),
                    None => return Ok(false),
                },
            }
            Ok(true)
        })?;
        if !files.is_empty() {
            mode = Mode::Files(files);
        }
        arguments.selection.ignored = long.unwrap_or(arguments.selection.ignored);
        Ok(Self { arguments, mode, reorder, part, strict, junit })
    }

    pub(crate) fn names(&self, case: &Case) -> bool {
        self.arguments.selection.names(&case.name)
    }

    /// Whether a case belongs into this run by its length.
    pub(crate) fn takes(&self, is_long: bool) -> bool {
        self.arguments.selection.takes(is_long)
    }
}

/// What a variable asks for besides the run: for a command line that other tests have to understand too.
fn checks(names: &str, certificate: Option<&Path>) -> Result<Mode, String> {
    let certificate = certificate.ok_or("CHECK: this suite has no certificate")?;
    let check = |name: &str| match name {
        "certificate" => Ok((FileMode::CheckCertificate, certificate.to_owned())),
        "compare" => Ok((FileMode::Compare, certificate.to_owned())),
        _ => Err(format!("CHECK={names}: it is certificate, or compare, or both with a comma between them")),
    };
    names.split(',').map(check).collect::<Result<_, _>>().map(Mode::Files)
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

/// A directory of diagrams must be named; a certificate is the suite's, if it says so.
fn path(mode: FileMode, value: &mut Value<'_>, certificate: Option<&Path>) -> Result<PathBuf, String> {
    let is_certificate = !matches!(mode, FileMode::WriteDiagrams | FileMode::CheckDiagrams);
    match certificate.filter(|_| is_certificate) {
        Some(usual) => Ok(value.take_if_any()?.map_or_else(|| usual.into(), PathBuf::from)),
        None => value.take().map(PathBuf::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args, None)
    }

    #[test]
    fn the_modes_and_libtests_arguments_go_together() {
        let options = parse(&["lock", "--long", "--exact"]).unwrap();
        assert_eq!((options.mode, options.arguments.selection.ignored), (Mode::Run, Ignored::Too));
        let options = parse(&["--check-certificate", "there"]).unwrap();
        assert_eq!(options.mode, Mode::Files(vec![(FileMode::CheckCertificate, "there".into())]));
        assert!(parse(&["--frobnicate"]).unwrap_err().contains("--frobnicate"));
        assert!(parse(&["--replay", "a"]).unwrap_err().contains("replay token"));
        assert!(parse(&["--compare"]).unwrap_err().contains("--compare"));
        assert!(parse(&["--part", "3"]).unwrap_err().contains("K/N"));
        assert_eq!(parse(&["--part", "2/3"]).unwrap().part, Some(Part { index: 2, count: 3 }));
    }

    #[test]
    fn the_certificate_is_the_suites_unless_it_is_named() {
        let mode = |args: &[&str]| Options::parse(args, Some(Path::new("usual"))).unwrap().mode;
        let compare = |path: &str| Mode::Files(vec![(FileMode::Compare, path.into())]);
        assert_eq!(mode(&["--compare"]), compare("usual"));
        assert_eq!(mode(&["--compare", "--long"]), compare("usual"));
        assert_eq!(mode(&["--compare", "other"]), compare("other"));
        assert_eq!(mode(&["--compare=other"]), compare("other"));
        let both = [FileMode::CheckCertificate, FileMode::Compare].map(|mode| (mode, "usual".into()));
        assert_eq!(mode(&["--check-certificate", "--compare"]), Mode::Files(both.into()));
    }

    #[test]
    fn a_variable_asks_for_checks_of_the_suites_own_certificate() {
        let usual = Some(Path::new("usual"));
        let both = [FileMode::CheckCertificate, FileMode::Compare].map(|mode| (mode, "usual".into()));
        assert_eq!(checks("certificate,compare", usual), Ok(Mode::Files(both.into())));
        assert!(checks("certificates", usual).unwrap_err().contains("CHECK=certificates"));
        assert!(checks("certificate", None).is_err());
    }

    #[test]
    fn long_cases_run_when_asked_for() {
        let (short, long) = (false, true);
        assert!(parse(&[]).unwrap().takes(short) && !parse(&[]).unwrap().takes(long));
        assert!(!parse(&["--only-long"]).unwrap().takes(short));
        assert!(parse(&["--ignored"]).unwrap().takes(long));
    }
}
