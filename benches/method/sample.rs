//! What one run of one candidate yields.

use std::fmt;

/// What is varied: how many threads, and how many of whatever the bench counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub threads: usize,
    pub size: u64,
}

impl Case {
    pub(crate) const fn threads(threads: usize) -> Self {
        Self { threads, size: 0 }
    }

    pub(crate) const fn size(size: u64) -> Self {
        Self { threads: 1, size }
    }
}

/// A figure of a sample. Of each, less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Nanoseconds on the clocks of the threads' CPU time, summed, for one operation.
    Cpu,
    /// Nanoseconds from the first start to the last end, over all operations: the inverse of throughput.
    Wall,
    /// Microseconds: half of the operations took no longer.
    P50,
    /// Microseconds: 99 of 100 took no longer.
    P99,
    /// Bytes of memory for one element.
    Bytes,
}

impl Metric {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Cpu | Self::Wall => "ns",
            Self::P50 | Self::P99 => "µs",
            Self::Bytes => "B",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time per operation",
            Self::Wall => "time per operation (inverse throughput)",
            Self::P50 => "median latency",
            Self::P99 => "99th percentile of the latency",
            Self::Bytes => "memory per element",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu_ns",
            Self::Wall => "wall_ns",
            Self::P50 => "p50_us",
            Self::P99 => "p99_us",
            Self::Bytes => "bytes",
        })
    }
}

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<(Metric, f64)>);

impl Sample {
    pub(crate) fn with(mut self, metric: Metric, value: f64) -> Self {
        self.0.push((metric, value));
        self
    }

    pub(crate) fn get(&self, metric: Metric) -> Option<f64> {
        self.0.iter().find(|(of, _)| *of == metric).map(|(_, value)| *value)
    }

    pub(crate) fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.0.iter().map(|(metric, _)| *metric)
    }
}
