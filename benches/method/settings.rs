//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

const HELP: &str = "\
cargo bench [-- OPTIONS]

  --filter TEXT       only the benches whose name contains TEXT (may be repeated)
  --only TEXT         only the candidates whose name contains TEXT, for a profiler
  --smoke             every bench, with a few operations: proves that they work, measures nothing
  --rounds N          rounds (31)
  --millis N          milliseconds of a sample (6)
  --json FILE         where the rows go (target/blockgate-bench.json)
  --write-docs DIR    write DIR.md, and the plots into DIR (from the root of the workspace)
  --list              names of the benches";

/// What the user asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    pub filters: Vec<String>,
    pub only: Option<String>,
    pub smoke: bool,
    pub list: bool,
    pub rounds: usize,
    pub sample: Duration,
    pub json: Option<PathBuf>,
    pub docs: Option<PathBuf>,
    /// Set for the processes that this one starts: see `refs/bytes.rs`.
    pub memory_of: Option<String>,
}

impl Settings {
    /// From the command line. `None` where help was all that was wanted.
    pub(crate) fn from_args() -> Result<Option<Self>, lexopt::Error> {
        let mut settings = Self {
            filters: Vec::new(),
            only: None,
            smoke: false,
            list: false,
            rounds: 31,
            sample: Duration::from_millis(6),
            json: None,
            docs: None,
            memory_of: None,
        };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("filter") => settings.filters.push(args.value()?.string()?),
                Long("only") => settings.only = Some(args.value()?.string()?),
                Long("smoke") => settings.smoke = true,
                Long("list") => settings.list = true,
                Long("rounds") => settings.rounds = args.value()?.parse::<usize>()?.max(1),
                Long("millis") => settings.sample = Duration::from_millis(args.value()?.parse()?),
                Long("json") => settings.json = Some(args.value()?.into()),
                Long("write-docs") => settings.docs = Some(args.value()?.into()),
                Long("memory-of") => settings.memory_of = Some(args.value()?.string()?),
                // Cargo says so itself.
                Long("bench") => {}
                Long("help") | Short('h') => {
                    println!("{HELP}");
                    return Ok(None);
                }
                _ => return Err(arg.unexpected()),
            }
        }
        if settings.smoke && settings.docs.is_some() {
            return Err("a smoke run measures nothing: not for --write-docs".into());
        }
        if settings.smoke {
            (settings.rounds, settings.sample) = (2, Duration::from_micros(100));
        }
        Ok(Some(settings))
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }

    /// `sizes`, and of them only what a smoke run has time for.
    pub(crate) fn sizes(&self, sizes: &[u64]) -> Vec<u64> {
        let most = if self.smoke { 10_000 } else { u64::MAX };
        sizes.iter().copied().filter(|size| *size <= most).collect()
    }
}
