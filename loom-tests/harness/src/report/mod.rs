//! What a person reads: lines, timelines, pages.

pub(crate) mod diagrams;
mod html;
mod junit;
mod lines;
mod timeline;
mod total;

pub(crate) use junit::write as write_junit;
pub(crate) use lines::{about, details, estimated, line, progress, second_engine_only};
pub(crate) use timeline::{Diagram, text};
pub(crate) use total::Total;
