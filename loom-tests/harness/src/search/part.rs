//! A share of a search: for one of several threads, processes or machines.

use std::fmt;
use std::str::FromStr;

/// Part `index` of `count`, from 1 on. The complete executions of all parts are those of the whole, each in one
/// of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) index: u64,
    pub(crate) count: u64,
}

/// More would cost more than they save: each divides the search for itself.
const MOST: u64 = 256;

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {} of {}", self.index, self.count)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = text.split_once('/').and_then(|(index, count)| {
            let part = Self { index: index.parse().ok()?, count: count.parse().ok()? };
            (part.count <= MOST && (1..=part.count).contains(&part.index)).then_some(part)
        });
        part.ok_or_else(|| {
            format!("{text:?} is no part: give K/N, such as 2/8, with K from 1 to N and N at most {MOST}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_so_many() {
        let part: Part = "2/8".parse().unwrap();
        assert_eq!(part.to_string(), "part 2 of 8");
        for text in ["", "2", "0/8", "9/8", "a/8", "1/0", "1/257", "1/2/3"] {
            assert!(text.parse::<Part>().unwrap_err().contains("K/N"), "{text}");
        }
    }
}
