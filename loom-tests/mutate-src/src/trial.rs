//! One mutant: the models that come to it, the quickest first, then the tests, until one notices.

use std::path::Path;
use std::time::Duration;

use crate::build::{Builds, Target};
use crate::mutant::Mutant;
use crate::reach::{Case, Reach};
use crate::record::{Outcome, Record};
use crate::run::{Ended, run};
use crate::source::Source;
use crate::tree::Tree;

/// A model that takes so many times as long as it should has no end.
const TIMES: f64 = 20.0;
const AT_LEAST: Duration = Duration::from_secs(15);

/// So many models without an end are enough.
const ENDLESS: usize = 2;

/// A copy of the repository, and what is known of its cases.
pub struct Trial<'tree> {
    tree: &'tree Tree,
    reach: Reach,
}

/// Which case failed, and how.
struct Killed {
    is_model: bool,
    by: String,
}

impl<'tree> Trial<'tree> {
    pub fn prepare(tree: &'tree Tree, long: bool) -> Result<Self, String> {
        let reach = Reach::find(tree)?;
        Ok(Self { tree, reach: if long { reach } else { reach.without_the_longest() } })
    }

    /// Without finding out first what comes where.
    pub fn unprepared(tree: &'tree Tree) -> Result<Self, String> {
        Ok(Self { tree, reach: Reach::unknown(tree)? })
    }

    /// Tries one.
    pub fn of(&self, mutant: &Mutant) -> Result<Record, String> {
        let text = self.tree.read(mutant.file())?;
        let cases = self.reach.cases_of(mutant, &Source::parse(&text)?);
        let (outcome, by) = self.tree.with(mutant.file(), &mutant.apply(&text), || self.changed(&cases))?;
        Record::of(mutant, outcome, by)
    }

    /// The copy has the change.
    fn changed(&self, cases: &[&Case]) -> Result<(Outcome, String), String> {
        let mut builds = Builds::default();
        let (mut models, mut tests, mut endless) = (0, 0, Vec::new());
        for case in cases {
            let target = Target::named(&case.target);
            let executable = if target == Target::Doc { None } else { builds.of(&target, self.tree)? };
            if target != Target::Doc && executable.is_none() || endless.len() >= ENDLESS && case.is_model() {
                continue;
            }
            match self.show(case, executable.as_deref())? {
                Some(Killed { by, is_model }) if by.ends_with(DID_NOT_END) => endless.push((by, is_model)),
                Some(Killed { by, is_model: true }) => return Ok((Outcome::Models, by)),
                Some(Killed { by, is_model: false }) => return Ok((Outcome::Tests, by)),
                None if case.is_model() => models += 1,
                None => tests += 1,
            }
        }
        if let Some((by, is_model)) = endless.into_iter().next() {
            return Ok((if is_model { Outcome::Models } else { Outcome::Tests }, by));
        }
        // Where no case comes to it, nothing has compiled it yet.
        let is_viable = builds.of(&Target::Unit, self.tree)?.is_some()
            || builds.of(&Target::Models, self.tree)?.is_some();
        if !is_viable {
            return Ok((Outcome::Unviable, String::new()));
        }
        Ok((Outcome::Survived, format!("{models} models, {tests} tests")))
    }

    /// Runs one case. A test must fail twice: one that depends on time may fail once by itself.
    fn show(&self, case: &Case, executable: Option<&Path>) -> Result<Option<Killed>, String> {
        let limit = AT_LEAST.max(Duration::from_secs_f64(case.seconds * TIMES));
        let is_model = case.is_model();
        let name = case.model.as_deref().unwrap_or(&case.target);
        let killed = |by| Ok(Some(Killed { is_model, by }));
        let mut skipped = Vec::new();
        loop {
            let mut command = case.command(self.tree, executable);
            command.args(skipped.iter().flat_map(|name: &String| ["--skip", name]));
            match run(&command, limit)?.0 {
                Ended::Passed => return Ok(None),
                Ended::TimedOut => return killed(format!("{name}{DID_NOT_END}")),
                Ended::Failed(None) => return killed(name.to_owned()),
                Ended::Failed(Some(test)) if executable.is_none() => {
                    return killed(format!("{name}: {test}"));
                }
                Ended::Failed(Some(test)) => {
                    let mut again = case.command(self.tree, executable);
                    again.args(["--exact", &test]);
                    if run(&again, limit)?.0 != Ended::Passed {
                        return killed(format!("{name}: {test}"));
                    }
                    skipped.push(test);
                }
            }
        }
    }
}

/// How a record says so.
pub const DID_NOT_END: &str = " (did not end)";
