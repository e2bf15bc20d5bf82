//! The search of one call, in the process that is there for it.

use super::verdict::Verdict;
use super::{Asked, CALL, PREFIX, REPORT};
use crate::engine::{Engine, Explore};
use crate::judge::{Report, Token};
use crate::suite::Suite;
use crate::{jobs, replay, report};
use std::num::NonZero;
use std::path::PathBuf;
use std::process;

/// Which call of its test this process is for, if it is for one.
pub(super) fn wanted() -> Option<u32> {
    std::env::var(CALL).ok()?.parse().ok()
}

/// Explores, writes the verdict, and ends this process.
pub(super) fn explore(asked: &Asked) -> ! {
    let verdict = verdict(asked);
    let path = std::env::var_os(REPORT).map(PathBuf::from);
    let written = path.map_or_else(|| Err(format!("{REPORT} is not set")), |path| verdict.write(&path));
    if let Err(why) = written {
        eprintln!("error: {why}");
        process::exit(2);
    }
    process::exit(if verdict.holds { 0 } else { 101 })
}

/// Explores in a process that is not for it: a failure ends it.
pub(super) fn explore_or_exit(asked: &Asked) -> Option<String> {
    let verdict = verdict(asked);
    if verdict.holds {
        println!("{}", verdict.text);
        return None;
    }
    eprintln!("{}", verdict.text);
    process::exit(101)
}

fn verdict(asked: &Asked) -> Verdict {
    let explorer = Engine::Loom.explorer();
    let token = std::env::var(format!("{PREFIX}_REPLAY")).ok().filter(|token| !token.is_empty());
    let shown = token.map(|token| replayed(asked, explorer, &token));
    shown
        .unwrap_or_else(|| Ok(explored(asked, explorer)))
        .unwrap_or_else(|why| Verdict { holds: false, text: why })
}

fn explored(asked: &Asked, explorer: &'static dyn Explore) -> Verdict {
    let mut found: Option<Report> = None;
    let one = NonZero::<usize>::MIN;
    jobs::each(&[&asked.case], explorer, &asked.limits, one, |_, report| found = Some(report));
    let Some(report) = found else {
        return Verdict { holds: false, text: "the search ended without a verdict".into() };
    };
    let (suite, holds) = (suite(asked), !report.verdict.is_wrong());
    let text = [report::line(&asked.case, &report), report::details(&suite, &asked.case, &report)];
    Verdict { holds, text: text.join("\n").trim_end().into() }
}

fn replayed(asked: &Asked, explorer: &'static dyn Explore, token: &str) -> Result<Verdict, String> {
    let token: Token = token.parse()?;
    if token.name != asked.case.name {
        return Ok(explored(asked, explorer));
    }
    let (holds, text) = replay::text(&suite(asked), explorer, &token, &asked.limits)?;
    Ok(Verdict { holds, text })
}

/// For what is shown beside a replay token.
fn suite(asked: &Asked) -> Suite {
    let mut suite = Suite::new(PREFIX).command("cargo test");
    suite.cases.push(asked.case.clone());
    suite
}
