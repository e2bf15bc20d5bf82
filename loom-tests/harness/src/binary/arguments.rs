//! The arguments of libtest, by name, beside those of the binary itself.

use super::selection::{Ignored, Selection};
use lexopt::prelude::{Long, Short, Value as Positional, ValueExt};
use std::ffi::OsString;
use std::num::NonZero;

/// The help of the arguments that every binary understands.
pub(crate) const USAGE: &str = "\
  FILTER                 run the cases whose name contains it
  --exact                run the cases whose name is it
  --skip FILTER          leave out the cases whose name contains it
  --list                 list the cases
  --include-ignored      run the cases too that a plain run leaves out
  --ignored              run them alone
  --test-threads N       run N cases at once (default: one a core)

libtest's --nocapture, --show-output, --quiet, --color WHEN, --format pretty|terse and -Z unstable-options are
accepted and change nothing.";

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Run the selected cases.
    #[default]
    Run,
    /// List them (`--list`).
    List,
    /// Say how the binary is used (`--help`).
    Help,
}

/// A command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub action: Action,
    /// With which cases.
    pub selection: Selection,
    /// How many at once, where that was said.
    pub threads: Option<NonZero<usize>>,
}

/// What follows an option of the binary's own.
pub struct Value<'a>(&'a mut lexopt::Parser);

impl Value<'_> {
    /// Takes it.
    ///
    /// # Errors
    /// When nothing follows, or no text.
    pub fn take(&mut self) -> Result<String, String> {
        let value = self.0.value().map_err(|error| error.to_string())?;
        value.string().map_err(|error| error.to_string())
    }

    /// Takes it, unless nothing follows but another option.
    ///
    /// # Errors
    /// When it is no text.
    pub fn take_if_any(&mut self) -> Result<Option<String>, String> {
        let next = self.0.optional_value().or_else(|| {
            let is_value = |next: &std::ffi::OsStr| !next.to_string_lossy().starts_with('-');
            self.0.try_raw_args()?.next_if(is_value)
        });
        next.map(|value| value.string().map_err(|error| error.to_string())).transpose()
    }
}

impl Arguments {
    /// Reads the arguments of the process. An option that libtest does not have goes to `own`, with its dashes,
    /// which says whether it is one of the binary's.
    ///
    /// # Errors
    /// When an argument is not known, or its value makes no sense; what `own` says.
    pub fn read(own: impl FnMut(&str, &mut Value<'_>) -> Result<bool, String>) -> Result<Self, String> {
        Self::parse(std::env::args_os().skip(1), own)
    }

    pub(crate) fn parse(
        args: impl IntoIterator<Item = impl Into<OsString>>,
        mut own: impl FnMut(&str, &mut Value<'_>) -> Result<bool, String>,
    ) -> Result<Self, String> {
        let (mut parser, mut arguments) = (parser(args), Self::default());
        while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
            let option = match arg {
                Positional(filter) => {
                    arguments.selection.filters.push(filter.string().map_err(|error| error.to_string())?);
                    continue;
                }
                Long(name) => format!("--{name}"),
                Short(letter) => format!("-{letter}"),
            };
            if !arguments.understands(&option, &mut Value(&mut parser))?
                && !own(&option, &mut Value(&mut parser))?
            {
                return Err(format!("unknown argument {option}"));
            }
        }
        Ok(arguments)
    }

    /// Takes `option` when it is one of libtest's.
    fn understands(&mut self, option: &str, value: &mut Value<'_>) -> Result<bool, String> {
        match option {
            "--list" => self.action = Action::List,
            "--help" | "-h" => self.action = Action::Help,
            "--exact" => self.selection.exact = true,
            "--skip" => self.selection.skip.push(value.take()?),
            "--include-ignored" => self.selection.ignored = Ignored::Too,
            "--ignored" => self.selection.ignored = Ignored::Only,
            "--test-threads" => self.threads = Some(threads(&value.take()?)?),
            "--nocapture" | "--no-capture" | "--show-output" | "--quiet" | "-q" => {}
            "--color" => one_of(option, &value.take()?, &["auto", "always", "never"])?,
            "--format" => one_of(option, &value.take()?, &["pretty", "terse"])?,
            "-Z" => one_of(option, &value.take()?, &["unstable-options"])?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A `--` in front is left out: it comes from an alias that ends with one and a person who writes another.
fn parser(args: impl IntoIterator<Item = impl Into<OsString>>) -> lexopt::Parser {
    let mut args = args.into_iter().map(Into::into).peekable();
    args.next_if(|first: &OsString| first == "--");
    lexopt::Parser::from_args(args)
}

fn threads(value: &str) -> Result<NonZero<usize>, String> {
    value.parse().map_err(|_| format!("--test-threads {value}: give a number of threads, 1 or more"))
}

fn one_of(option: &str, value: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&value) {
        Ok(())
    } else {
        Err(format!("{option} {value}: it can be {}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(args, |_, _| Ok(false))
    }

    #[test]
    fn what_cargo_nextest_and_people_pass_is_understood() {
        let args =
            ["--nocapture", "-q", "--test-threads=3", "--color", "always", "-Z", "unstable-options", "lock"];
        let arguments = parse(&args).unwrap();
        assert_eq!((arguments.action, arguments.threads.unwrap().get()), (Action::Run, 3));
        assert_eq!(arguments.selection.filters, ["lock"]);
        let listed = parse(&["--list", "--format", "terse", "--ignored"]).unwrap();
        assert_eq!((listed.action, listed.selection.ignored), (Action::List, Ignored::Only));
        assert!(parse(&["queue/pop", "--exact", "--nocapture"]).unwrap().selection.names("queue/pop"));
    }

    #[test]
    fn what_makes_no_sense_is_an_error_that_names_it() {
        let wrong = |args: &[&str]| parse(args).unwrap_err();
        assert_eq!(wrong(&["--frobnicate"]), "unknown argument --frobnicate");
        assert_eq!(wrong(&["-x"]), "unknown argument -x");
        assert!(wrong(&["--test-threads", "0"]).contains("1 or more"));
        assert!(wrong(&["--test-threads", "many"]).contains("many"));
        assert!(wrong(&["--color", "pink"]).contains("auto, always, never"));
        assert!(wrong(&["--format", "json"]).contains("pretty, terse"));
        assert!(wrong(&["--exact=yes"]).contains("--exact"));
        assert!(wrong(&["--skip"]).contains("--skip"));
    }

    #[test]
    fn options_of_the_binary_itself_may_have_a_value() {
        let mut directory = String::new();
        let own = |option: &str, value: &mut Value<'_>| {
            let known = option == "--write";
            if known {
                directory = value.take()?;
            }
            Ok(known)
        };
        Arguments::parse(["--", "--write", "here"], own).unwrap();
        assert_eq!(directory, "here");
    }
}
