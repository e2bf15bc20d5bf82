//! What is about the whole suite and reads or writes files: diagrams, the certificate, the other engine.

use crate::binary::{Ignored, say};
use crate::case::Long;
use crate::certificate::Certificate;
use crate::cli::{FileMode, Options};
use crate::engine::Explore;
use crate::plural::count;
use crate::report::diagrams;
use crate::run::{self, Reports};
use crate::search::Limits;
use crate::suite::Suite;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// A suite without any filter or limit.
pub(crate) struct Whole<'a> {
    suite: &'a Suite,
    explorer: &'static dyn Explore,
    options: &'a Options,
    limits: Limits,
    /// No case is left out but long ones.
    is_all: bool,
    explored: OnceCell<Option<Certificate>>,
}

const NOT_WHOLE: &str = "diagrams, comparisons and a check of a certificate are about the whole suite, and so is \
                         each row of a certificate that is written about a whole case: no filter (but for rows), no \
                         part, and no limit by a variable";

impl<'a> Whole<'a> {
    /// # Errors
    /// When there is a limit.
    pub(crate) fn new(
        suite: &'a Suite,
        explorer: &'static dyn Explore,
        options: &'a Options,
        limits: &Limits,
    ) -> Result<Self, String> {
        let selection = &options.arguments.selection;
        let Limits { branches, reorder, strict, .. } = *limits;
        let unlimited = Limits { branches, reorder, strict, ..Limits::default() };
        if *limits != unlimited {
            return Err(NOT_WHOLE.into());
        }
        let is_all = !selection.is_filtered() && selection.ignored != Ignored::Only;
        Ok(Self { suite, explorer, options, limits: unlimited, is_all, explored: OnceCell::new() })
    }

    /// False when something is not as it is written.
    pub(crate) fn act_on(&self, files: &[(FileMode, PathBuf)]) -> Result<bool, String> {
        let mut is_right = true;
        for (mode, path) in files {
            is_right &= self.act(*mode, path)?;
        }
        Ok(is_right)
    }

    fn act(&self, mode: FileMode, path: &Path) -> Result<bool, String> {
        if !self.is_all && mode != FileMode::WriteCertificate {
            return Err(NOT_WHOLE.into());
        }
        match mode {
            FileMode::WriteDiagrams => self.write_diagrams(path),
            FileMode::CheckDiagrams => self.check_diagrams(path),
            FileMode::WriteCertificate => self.write_certificate(path),
            FileMode::CheckCertificate => self.check_certificate(&path.with_extension("json")),
            FileMode::Compare => self.compare(&path.with_extension("json")),
        }
    }

    fn write_diagrams(&self, dir: &Path) -> Result<bool, String> {
        let reports = self.twins();
        diagrams::write(dir, &diagrams::files(self.suite, self.explorer, &reports)?)?;
        say(&format!("{} written to {}", count(reports.len() as u64, "diagram"), dir.display()));
        Ok(true)
    }

    fn check_diagrams(&self, dir: &Path) -> Result<bool, String> {
        let reports = self.twins();
        let stale = diagrams::stale(dir, &diagrams::files(self.suite, self.explorer, &reports)?);
        lines(&stale);
        let [drawn, files] = [(reports.len(), "diagram"), (stale.len(), "file")]
            .map(|(number, noun)| count(number as u64, noun));
        say(&format!("{drawn}, {files} not up to date"));
        Ok(stale.is_empty())
    }

    /// All twins that this run takes, in the order of the suite: reports come as they end.
    fn twins(&self) -> Reports<'a> {
        let twins = self
            .suite
            .cases
            .iter()
            .filter(|case| case.twin.is_some() && self.options.takes(self.suite.is_long(case)));
        let twins: Vec<_> = twins.filter(|case| self.suite.explores(case)).collect();
        let mut reports = Reports::new();
        run::each(&twins, self.explorer, self.options, &self.limits, |case, report| {
            reports.push((case, report));
        });
        let place = |name: &str| self.suite.cases.iter().position(|case| case.name == name);
        reports.sort_by_key(|(case, _)| place(&case.name));
        reports
    }

    fn write_certificate(&self, base: &Path) -> Result<bool, String> {
        let file = base.with_extension("json");
        let old = file.exists().then(|| Certificate::read(&file)).transpose()?.unwrap_or_default();
        let Some(mut now) = self.explored()?.cloned() else { return Ok(false) };
        now.keep(old, self.suite, self.explorer.name(), self.is_all);
        now.write(base)?;
        say(&format!("certificate written to {}", file.display()));
        Ok(true)
    }

    fn check_certificate(&self, file: &Path) -> Result<bool, String> {
        let old = Certificate::read(file)?;
        let Some(now) = self.explored()? else { return Ok(false) };
        let is_run = |long: Long| self.options.takes(long.is_for(self.explorer.is_second()));
        let differences = old.differences(now, self.explorer.name(), is_run);
        lines(&differences);
        say(&format!("certificate {}: {}", file.display(), count(differences.len() as u64, "difference")));
        Ok(differences.is_empty())
    }

    fn compare(&self, file: &Path) -> Result<bool, String> {
        let there = Certificate::read(file)?;
        let engine = self.explorer.name();
        let other = there.other_engine(engine).map_err(|why| format!("{}: {why}", file.display()))?;
        let Some(now) = self.explored()? else { return Ok(false) };
        let agreement = there.agreement(now, [engine, other], self.explorer.is_second());
        lines(&agreement.differences);
        say(&agreement.to_string());
        Ok(agreement.differences.is_empty())
    }

    /// Runs everything, once; `None` when a case failed.
    fn explored(&self) -> Result<Option<&Certificate>, String> {
        if self.explored.get().is_none() {
            let explored = self.explore()?;
            self.explored.get_or_init(|| explored);
        }
        Ok(self.explored.get().and_then(Option::as_ref))
    }

    fn explore(&self) -> Result<Option<Certificate>, String> {
        let (total, reports) = run::run(self.suite, self.explorer, self.options, &self.limits)?;
        if !total.failures().is_empty() {
            return Ok(None);
        }
        Certificate::of(self.explorer, &reports).map(Some)
    }
}

fn lines(lines: &[String]) {
    for line in lines {
        say(line);
    }
}
