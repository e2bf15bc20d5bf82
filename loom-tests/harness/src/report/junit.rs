//! The results of a run as `JUnit` XML, for what shows the tests of a CI job.

use crate::case::Case;
use crate::judge::Report;
use crate::suite::Suite;
use std::path::Path;

/// # Errors
/// When the file cannot be written.
#[cfg(feature = "junit")]
pub(crate) fn write(path: &Path, suite: &Suite, reports: &[(&Case, Report)]) -> Result<(), String> {
    use super::lines::{details, line};
    use crate::judge::Verdict;
    use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

    let project = suite.prefix.to_lowercase();
    let mut of_run = quick_junit::Report::new(&project);
    let mut of_suite = TestSuite::new(&project);
    for (case, report) in reports {
        let said = line(case, report);
        let status = match &report.verdict {
            Verdict::Held(_) | Verdict::Red(_) => TestCaseStatus::success(),
            Verdict::Open(_) => TestCaseStatus::skipped(),
            Verdict::Wrong(_) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(&said).set_description(details(suite, case, report));
                status
            }
        };
        let mut of_case = TestCase::new(&case.name, status);
        of_case.set_time(report.elapsed).set_system_out(said);
        of_suite.add_test_case(of_case);
    }
    of_run.add_test_suite(of_suite);
    let text = of_run.to_string().map_err(|error| error.to_string())?;
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(not(feature = "junit"))]
pub(crate) fn write(_: &Path, _: &Suite, _: &[(&Case, Report)]) -> Result<(), String> {
    Err("--junit: loom-harness was built without its feature `junit`".into())
}
