//! Which execution of which search: `3` is execution 3 of the unbounded search, `p1:7` execution 7 of the search
//! with at most 1 preemption. Loom is deterministic, so this is all it takes.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) preemptions: Option<u8>,
    pub(super) execution: u64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.preemptions {
            Some(bound) => write!(f, "p{bound}:{}", self.execution),
            None => write!(f, "{}", self.execution),
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| {
            format!("{text:?} is no execution of loom, such as 3 or p1:7 (the 7th with at most 1 preemption)")
        })
    }
}

fn parse(text: &str) -> Option<At> {
    let (preemptions, execution) = match text.strip_prefix('p') {
        Some(bounded) => {
            let (bound, execution) = bounded.split_once(':')?;
            (Some(bound.parse().ok()?), execution)
        }
        None => (None, text),
    };
    let execution = execution.parse().ok().filter(|number| *number > 0)?;
    Some(At { preemptions, execution })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_it_is_written() {
        for text in ["3", "p1:7"] {
            assert_eq!(text.parse::<At>().unwrap().to_string(), text);
        }
        for text in ["", "0", "p1", "px:1", "p1:0", "three"] {
            assert!(text.parse::<At>().is_err(), "{text}");
        }
    }
}
