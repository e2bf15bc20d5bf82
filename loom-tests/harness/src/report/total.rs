//! Sums over a run, and its last lines.

use crate::binary;
use crate::case::Case;
use crate::judge::{Report, Verdict};
use crate::plural::count;
use std::time::Duration;

pub(super) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// Sums over a run.
#[derive(Default)]
pub(crate) struct Total {
    models: u64,
    litmus: u64,
    executions: u64,
    judged_again: u64,
    exhaustive: u64,
    twins: u64,
    red: u64,
    open: u64,
    pub(crate) failed: Vec<String>,
    /// What no case did.
    pub(crate) also_failed: Vec<String>,
}

impl Total {
    pub(crate) fn add(&mut self, case: &Case, report: &Report) {
        self.judged_again += report.judged_again;
        if case.twin.is_some() {
            self.twins += 1;
        } else if case.litmus {
            self.litmus += 1;
        } else {
            self.models += 1;
            self.executions += report.executions;
        }
        match &report.verdict {
            Verdict::Held(_) => self.exhaustive += u64::from(report.is_exhaustive() && !case.litmus),
            Verdict::Red(_) => self.red += 1,
            Verdict::Open(_) => self.open += 1,
            Verdict::Wrong(_) => self.failed.push(case.name.clone()),
        }
    }

    pub(crate) fn failures(&self) -> Vec<&str> {
        self.failed.iter().chain(&self.also_failed).map(String::as_str).collect()
    }

    /// "46 models, 12345 executions, all exhaustive, 41.2 s; 12 twins, all red"
    pub(crate) fn models(&self, elapsed: Duration) -> String {
        // Of nothing, nothing is said.
        let all = |part: u64, whole: u64, word: &str| match part {
            _ if whole == 0 => String::new(),
            _ if part == whole => format!(", all {word}"),
            _ => format!(", {part} of them {word}"),
        };
        format!(
            "{}, {}{}, {}{}; {}{}{}",
            count(self.models, "model"),
            count(self.executions, "execution"),
            all(self.exhaustive, self.models, "exhaustive"),
            seconds(elapsed),
            self.litmus_tests(),
            count(self.twins, "twin"),
            all(self.red, self.twins, "red"),
            self.orders(),
        )
    }

    /// Of loom itself.
    fn litmus_tests(&self) -> String {
        if self.litmus == 0 { String::new() } else { format!("; {}", count(self.litmus, "litmus test")) }
    }

    /// A difference between two orders of a trace is the failure of a case.
    fn orders(&self) -> String {
        let orders = count(self.judged_again, "more order");
        if self.judged_again == 0 { String::new() } else { format!("; {orders} of their traces judged") }
    }

    /// The last line, in libtest's form for the tools that read it.
    pub(crate) fn libtest(&self, not_run: usize, filtered: usize, elapsed: Duration) -> String {
        let failed = self.failed.len() as u64;
        let passed = self.models + self.litmus + self.twins - failed - self.open;
        let failed = failed + self.also_failed.len() as u64;
        binary::total(passed, failed, [not_run as u64 + self.open, filtered as u64], elapsed)
    }
}
