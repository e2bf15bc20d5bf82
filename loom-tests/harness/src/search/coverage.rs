//! How much of a model was explored. Only a search without bound and without cut is exhaustive.

use super::{Limits, Part, interrupt};
use crate::plural::count;
use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) preemptions: Option<u8>,
    pub(crate) cut: Option<Cut>,
    /// What was explored is this share, and no more.
    pub(crate) part: Option<Part>,
}

/// What cut a search short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Executions(u64),
    Duration(Duration),
    /// Ctrl-c.
    Interrupted,
}

impl Coverage {
    pub(crate) const EXHAUSTIVE: Self = Self { preemptions: None, cut: None, part: None };

    /// An engine may return in the same way whether its search was cut or not. It looks at its limits before
    /// each execution, so fewer executions than the limit, or less time, prove that it was not cut; exactly as
    /// many prove nothing and count as cut.
    pub(crate) fn of(limits: &Limits, executions: u64, elapsed: Duration) -> Self {
        let by_count = limits.executions.filter(|cap| executions >= *cap).map(Cut::Executions);
        let by_time = limits.duration.filter(|cap| elapsed >= *cap).map(Cut::Duration);
        Self { preemptions: limits.preemptions, cut: by_count.or(by_time), part: limits.part }
    }

    /// Of a search that was interrupted.
    pub(crate) fn of_interrupted(limits: &Limits) -> Self {
        Self { preemptions: limits.preemptions, cut: Some(Cut::Interrupted), part: limits.part }
    }

    /// Of a search that was cut, whatever cut it.
    pub(crate) fn of_cut(limits: &Limits, executions: u64, elapsed: Duration) -> Self {
        if interrupt::is_asked() {
            return Self::of_interrupted(limits);
        }
        let coverage = Self::of(limits, executions, elapsed);
        Self { cut: coverage.cut.or(Some(Cut::Executions(executions))), ..coverage }
    }

    pub(crate) fn is_exhaustive(&self) -> bool {
        *self == Self::EXHAUSTIVE
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.preemptions.map(|bound| format!("preemptions <= {bound}"));
        let cut = self.cut.map(|cut| match cut {
            Cut::Executions(cap) => format!("stopped after {}", count(cap, "execution")),
            Cut::Interrupted => "interrupted".into(),
            Cut::Duration(cap) => format!("stopped after {} s", cap.as_secs()),
        });
        let part = self.part.map(|part| part.to_string());
        match (cut, bound, part) {
            (None, None, None) => f.write_str("exhaustive"),
            (None, None, Some(part)) => f.write_str(&part),
            (None, Some(bound), _) => write!(f, "bounded ({bound})"),
            (cut, bound, part) => {
                let limits: Vec<_> = cut.into_iter().chain(bound).chain(part).collect();
                write!(f, "incomplete ({})", limits.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_search_without_limits_is_exhaustive() {
        let say = |limits: Limits, executions| {
            Coverage::of(&limits, executions, Duration::from_secs(1)).to_string()
        };
        let (none, second) = (Limits::default(), Some(Duration::from_secs(1)));
        assert_eq!(say(none, 9), "exhaustive");
        assert_eq!(say(Limits { preemptions: Some(2), ..none }, 9), "bounded (preemptions <= 2)");
        assert_eq!(say(Limits { executions: Some(9), ..none }, 9), "incomplete (stopped after 9 executions)");
        assert_eq!(say(Limits { executions: Some(10), ..none }, 9), "exhaustive");
        let part = Some(Part { index: 2, count: 8 });
        assert_eq!(say(Limits { part, ..none }, 9), "part 2 of 8");
        let cut = Limits { part, executions: Some(9), ..none };
        assert_eq!(say(cut, 9), "incomplete (stopped after 9 executions; part 2 of 8)");
        assert_eq!(say(Limits { duration: second, ..none }, 9), "incomplete (stopped after 1 s)");
    }
}
