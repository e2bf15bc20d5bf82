//! What was aimed at, as data, and whether it was reached.

use super::rounds::{Role, Series};
use super::sample::{Case, Metric};
use super::stats::Summary;

/// Something that is to hold of one of our candidates.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub ours: &'static str,
    pub case: Case,
    pub metric: Metric,
    pub quantity: Quantity,
    pub bound: Bound,
    /// Why it is missed, where it is: what was found when it was.
    pub cause: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) enum Quantity {
    /// The figure itself.
    Value,
    /// Our figure by the limit's.
    OfLimit,
    /// The figure of the best of these peers (all, if there are none) by ours.
    Than(&'static [&'static str]),
    /// Our figure by our figure in another case.
    Growth { from: Case },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::AtMost(value) | Self::AtLeast(value) => value,
        }
    }

    fn admits(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::AtMost(_) => "at most",
            Self::AtLeast(_) => "at least",
        }
    }
}

/// What became of a goal.
pub(crate) struct Verdict {
    pub goal: Goal,
    pub measured: Summary,
    /// The peer that we were compared with.
    pub than: Option<String>,
    pub met: bool,
}

impl Goal {
    pub(crate) fn new(
        ours: &'static str,
        case: Case,
        metric: Metric,
        quantity: Quantity,
        bound: Bound,
    ) -> Self {
        Self { ours, case, metric, quantity, bound, cause: "" }
    }

    /// With what was found when it was missed.
    pub(crate) fn missed_because(mut self, cause: &'static str) -> Self {
        self.cause = cause;
        self
    }

    /// CPU time as a multiple of the limit's.
    pub(crate) fn of_limit(ours: &'static str, case: Case, at_most: f64) -> Self {
        Self::new(ours, case, Metric::Cpu, Quantity::OfLimit, Bound::AtMost(at_most))
    }

    /// This many times cheaper than the best of `peers`.
    pub(crate) fn than(
        ours: &'static str,
        case: Case,
        peers: &'static [&'static str],
        at_least: f64,
    ) -> Self {
        Self::new(ours, case, Metric::Cpu, Quantity::Than(peers), Bound::AtLeast(at_least))
    }

    pub(crate) fn value(ours: &'static str, case: Case, metric: Metric, at_most: f64) -> Self {
        Self::new(ours, case, metric, Quantity::Value, Bound::AtMost(at_most))
    }

    pub(crate) fn growth(ours: &'static str, from: Case, case: Case, at_most: f64) -> Self {
        Self::new(ours, case, Metric::Cpu, Quantity::Growth { from }, Bound::AtMost(at_most))
    }

    /// `None` where the case was not run.
    pub(crate) fn judge(self, all: &[Series]) -> Option<Verdict> {
        let ours = find(all, self.case, self.ours)?;
        let mut than = None;
        let measured = match self.quantity {
            Quantity::Value => ours.summary(self.metric)?,
            Quantity::OfLimit => ours.ratio_to(limit(all, self.case)?, self.metric)?,
            Quantity::Growth { from } => ours.ratio_to(find(all, from, self.ours)?, self.metric)?,
            Quantity::Than(peers) => {
                let (peer, measured) = self.closest(all, ours, peers)?;
                than = Some(peer);
                measured
            }
        };
        let met = self.bound.admits(measured.median);
        Some(Verdict { goal: self, measured, than, met })
    }

    fn closest(&self, all: &[Series], ours: &Series, peers: &[&str]) -> Option<(String, Summary)> {
        all.iter()
            .filter(|one| one.case == self.case && one.role == Role::Peer)
            .filter(|one| peers.is_empty() || peers.contains(&one.candidate.as_str()))
            .filter_map(|one| Some((one.candidate.clone(), one.ratio_to(ours, self.metric)?)))
            .min_by(|(_, one), (_, other)| one.median.total_cmp(&other.median))
    }
}

impl Verdict {
    /// The goal and the outcome, for people.
    pub(crate) fn sentence(&self, label: &impl Fn(Case) -> String) -> String {
        let Goal { ours, case, metric, quantity, bound, cause } = &self.goal;
        let (words, limit) = (bound.words(), bound.value());
        let what = match quantity {
            Quantity::Value => format!("{words} {limit} {}", metric.unit()),
            Quantity::OfLimit => format!("{words} {limit:.3} times the limit"),
            Quantity::Growth { from } => format!("{words} {limit} times the cost at {}", label(*from)),
            Quantity::Than(_) => {
                let peer = self.than.as_deref().unwrap_or("the best peer");
                format!("{words} {limit} times cheaper than {peer}")
            }
        };
        let Summary { median, p10, p90 } = self.measured;
        let (met, at) = (if self.met { "met" } else { "MISSED" }, label(*case));
        let metric = metric.title();
        let cause = match (self.met, *cause) {
            (true, _) => String::new(),
            (false, "") => "; the cause is not known".into(),
            (false, cause) => format!("; {cause}"),
        };
        format!("{met}: {ours}, {at}, {metric}: {what}; measured {median:.2} ({p10:.2} to {p90:.2}){cause}")
    }
}

pub(crate) fn limit(all: &[Series], case: Case) -> Option<&Series> {
    all.iter().find(|one| one.case == case && one.role == Role::Limit)
}

fn find<'a>(all: &'a [Series], case: Case, name: &str) -> Option<&'a Series> {
    all.iter().find(|one| one.case == case && one.candidate == name)
}
