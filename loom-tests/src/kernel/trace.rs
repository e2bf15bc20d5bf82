//! A recording as events, and what the specification says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use blockgate::{BlockGroupId, Event, LogicalRange, Policy};

use super::reader::{self, Act, Moment, Reader};
use super::record::{Record, unpack};
use crate::specification::{Role, Specification};

pub struct Trace {
    pub steps: Vec<Step>,
    /// Before the first step.
    pub begin: Specification,
    pub groups: Vec<LogicalRange>,
    /// How many groups were replaced.
    pub replaced: usize,
    /// The kernel's extent items at the end.
    pub items: BTreeSet<LogicalRange>,
    pub waits: Waits,
    /// What the kernel did against itself, whatever the specification says.
    pub contradictions: Vec<String>,
}

/// How many waits of the replace found something to wait for, and how many there were.
#[derive(Debug, Default)]
pub struct Waits {
    pub reservations: (usize, usize),
    pub nocow_writers: (usize, usize),
    pub ordered_extents: (usize, usize),
    /// How many admissions overlap a call that sets their group read-only: which came first is not known.
    pub overlapping: usize,
}

impl Waits {
    fn of(record: &Record) -> Self {
        let replace = record.calls.iter().find(|call| call.probe == "repl_start").map(|call| call.task);
        let found = |probe| {
            let waits = record.calls.iter().filter(|call| call.probe == probe && Some(call.task) == replace);
            let waits: Vec<_> = waits.collect();
            (waits.iter().filter(|call| call.number("n") > 0).count(), waits.len())
        };
        Self {
            reservations: found("wait_res"),
            nocow_writers: found("wait_noc"),
            ordered_extents: found("wait_ord1"),
            overlapping: overlapping(record),
        }
    }
}

fn overlapping(record: &Record) -> usize {
    let (mut setting, mut asking) = (BTreeMap::new(), BTreeMap::new());
    let mut overlapping = 0;
    for call in &record.calls {
        match (call.probe, call.value("bg")) {
            ("res_enter", Some(group)) => {
                overlapping += usize::from(setting.values().any(|set| *set == group));
                asking.insert(call.task, group);
            }
            ("res_add", _) => _ = asking.remove(&call.task),
            ("noc_inc_return", Some(group)) => {
                overlapping += usize::from(setting.values().any(|set| *set == group));
            }
            ("ro_enter", Some(group)) => {
                overlapping += asking.values().filter(|asked| **asked == group).count();
                setting.insert(call.task, group);
            }
            ("ro_return", _) => _ = setting.remove(&call.task),
            _ => {}
        }
    }
    overlapping
}

#[derive(Clone, Copy)]
pub struct Step {
    pub at: u64,
    pub role: Role,
    pub what: What,
}

#[derive(Debug, Clone, Copy)]
pub enum What {
    Event(Event),
    FindsNoneRunning(BlockGroupId),
    WriteToNewGroup(LogicalRange),
    Finish,
}

impl Trace {
    pub fn read(path: &Path, policy: Policy) -> Self {
        let text = unpack(path);
        let record = Record::parse(&text);
        let mut reader = Reader::new(&record, policy);
        let moments = reader.read();
        let groups = reader.addresses.groups();
        let mut begin = Specification::new(&groups);
        for (extent, references) in reader::given(&record, &reader.addresses) {
            begin.give(extent, references);
        }
        let committed = moments.iter().find_map(|moment| match moment.act {
            Act::Event(Event::RunRefs { transaction }) => Some(transaction.0 - 1),
            _ => None,
        });
        begin.run = committed.expect("a commit");
        begin.committed = begin.run;
        let mut joining = Joining::new(begin.clone());
        let steps = moments.into_iter().flat_map(|moment| joining.steps(moment)).collect();
        Self {
            steps,
            begin,
            groups,
            replaced: reader.addresses.replaced,
            items: reader::left(&record, &reader.addresses).collect(),
            waits: Waits::of(&record),
            contradictions: reader.contradictions,
        }
    }

    /// How many writes there were: one ordered extent each.
    pub fn writes(&self) -> usize {
        self.count("AddOrdered")
    }

    pub fn count(&self, kind: &str) -> usize {
        self.steps.iter().filter(|step| step.what.kind() == kind).count()
    }
}

impl What {
    /// The name of the step.
    pub fn kind(&self) -> String {
        let text = if let Self::Event(event) = self { format!("{event:?}") } else { format!("{self:?}") };
        text.split([' ', '(']).next().unwrap_or_default().to_owned()
    }
}

impl Step {
    /// Returns the rules that it breaks.
    pub fn take(&self, specification: &mut Specification) -> Vec<&'static str> {
        match self.what {
            What::Event(event) => specification.step(self.role, event),
            What::FindsNoneRunning(group) => specification.find_none_running(self.role, group),
            What::WriteToNewGroup(extent) => {
                let mut broken = specification.step(self.role, Event::Write { extent, both: true });
                // The specification knows no group that is made during a replace.
                broken.retain(|rule| !rule.starts_with("V2"));
                broken
            }
            What::Finish => specification.lost().map(|_| "lost").take(1).collect(),
        }
    }
}

/// Makes one `Copy` of the pieces of an extent. What is an extent the specification knows, from the root that is copied.
struct Joining {
    specification: Specification,
    /// Of the extents that are copied in part: how many bytes.
    copied: BTreeMap<LogicalRange, u64>,
}

impl Joining {
    fn new(specification: Specification) -> Self {
        Self { specification, copied: BTreeMap::new() }
    }

    fn steps(&mut self, Moment { at, role, act }: Moment) -> Vec<Step> {
        let what = match act {
            Act::Event(event) => vec![What::Event(event)],
            Act::FindsNoneRunning(group) => vec![What::FindsNoneRunning(group)],
            Act::WriteToNewGroup(extent) => vec![What::WriteToNewGroup(extent)],
            Act::Finish => vec![What::Finish],
            Act::CopyPiece(piece) => {
                let whole = self.completed_by(role, piece).into_iter();
                whole.map(|extent| What::Event(Event::Copy { extent })).collect()
            }
        };
        if matches!(act, Act::Event(Event::FinishCopy { .. })) {
            self.copied.clear();
        }
        let steps: Vec<_> = what.into_iter().map(|what| Step { at, role, what }).collect();
        for step in &steps {
            step.take(&mut self.specification);
        }
        steps
    }

    /// The extents of which `piece` has the last bytes.
    fn completed_by(&mut self, role: Role, piece: LogicalRange) -> Vec<LogicalRange> {
        let copied = &mut self.copied;
        let mut completed = Vec::new();
        for extent in self.specification.listed(role, piece) {
            let part = extent.intersection(&piece).expect("it overlaps").len();
            let sum = copied.entry(extent).or_default();
            *sum += part;
            if *sum == extent.len() {
                copied.remove(&extent);
                completed.push(extent);
            }
        }
        completed
    }
}

impl Specification {
    /// The extents that the copy of a group by `role` reads, of those that overlap `bytes`.
    fn listed(&self, role: Role, bytes: LogicalRange) -> Vec<LogicalRange> {
        let overlapping = |extents: &BTreeSet<LogicalRange>| {
            extents.iter().filter(|extent| extent.overlaps(&bytes)).copied().collect::<Vec<_>>()
        };
        let group = self.drains.keys().find(|(drains, _)| *drains == role).map(|(_, group)| *group);
        match group.and_then(|group| self.left_to_copy(role, group)) {
            Some((must, may)) => [overlapping(must), overlapping(may)].concat(),
            None => overlapping(&self.commit_root),
        }
    }
}
