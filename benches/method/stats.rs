//! Median and spread.

use statrs::statistics::{Data, OrderStatistics};

/// The middle of a set of values, and where eight in ten of them lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub median: f64,
    pub p10: f64,
    pub p90: f64,
}

impl Summary {
    /// `None` of no values.
    pub(crate) fn of(values: Vec<f64>) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let mut data = Data::new(values);
        Some(Self { median: data.median(), p10: data.percentile(10), p90: data.percentile(90) })
    }

    /// How wide eight in ten of the values lie apart, of the median.
    pub(crate) fn spread(&self) -> f64 {
        (self.p90 - self.p10) / self.median
    }
}

/// The value that `percent` of `values` do not exceed.
pub(crate) fn percentile(values: Vec<f64>, percent: usize) -> f64 {
    Data::new(values).percentile(percent)
}
